"""The catalogue: every recipe makes a method, and every method keeps what its entry promises."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from nagcore.core.restart import FixedRestart, Restarted
from nagcore.errors import UsageError
from nagcore.theory import Quadratic
from nagcore.theory.catalogue import METHODS, make_method, recipe, with_prox

names = pytest.mark.parametrize("name", METHODS)
SMOOTH = [name for name, r in METHODS.items() if not r.composite]
COMPOSITE = [name for name, r in METHODS.items() if r.composite]
STEPS = 7  # 2³ − 1, so that the silver steps promise something


def run(tuned, problem, x0, steps):
    state = tuned.method.init(x0)
    for k in range(steps):
        size = tuned.step_size(k) if callable(tuned.step_size) else tuned.step_size
        grad = problem.grad(tuned.method.query(state))
        state = tuned.method.step(state, grad, size)
    assert state.k == steps
    return state.x


def measure(kind, problem, x):
    gap = problem.value(x) - problem.f_star
    distance = float(np.sum((x - problem.x_star) ** 2))
    return {
        "gap": gap,
        "distance": distance,
        "gradient": float(np.sum(problem.grad(x) ** 2)),
        "potential": gap + problem.mu / 2 * distance,
    }[kind]


@names
def test_every_recipe_makes_a_method_that_takes_its_steps(name):
    prox = (lambda v, step_size: v) if METHODS[name].composite else None
    tuned = make_method(name, L=4.0, mu=1.0, steps=STEPS, prox=prox)
    x = run(tuned, Quadratic((1.0, 4.0)), np.ones(2), STEPS)
    assert np.isfinite(x).all()
    assert name == name.lower()
    assert recipe(name) is METHODS[name]


def test_labels_are_different():
    assert len({r.label for r in METHODS.values()}) == len(METHODS)


@names
def test_a_recipe_says_truly_what_it_needs(name):
    chosen = METHODS[name]
    few, many = (make_method(name, L=4.0, mu=1.0, steps=n).method for n in (3, 9))
    assert (few != many) == chosen.needs_steps
    if chosen.needs_mu:
        with pytest.raises(UsageError, match=rf"mu is 0.0 and the method '{name}' needs mu > 0"):
            make_method(name, L=4.0, steps=3)
    else:
        make_method(name, L=4.0, steps=3)


@names
def test_the_source_is_a_key_of_the_bibliography(name):
    references = Path(__file__).parents[2].joinpath("references.bib").read_text("utf-8")
    assert re.search(rf"@\w+\{{{METHODS[name].source},", references)


@pytest.mark.parametrize("name", COMPOSITE)
def test_a_composite_method_takes_the_proximal_operator_that_is_put_in(name):
    """min ½‖x − c‖² + |x|₁ is soft thresholding, one step of size 1 away."""
    tuned = make_method(name, L=1.0, steps=1)
    method = with_prox(tuned.method, lambda v, a: np.sign(v) * np.maximum(np.abs(v) - a, 0))
    center = np.array([3.0, -0.5, -2.0])
    state = method.init(np.zeros(3))
    state = method.step(state, -center, tuned.step_size)
    assert state.x.tolist() == [2.0, 0.0, -1.0]


@pytest.mark.parametrize("name", SMOOTH)
def test_a_method_for_one_function_takes_no_proximal_operator(name):
    with pytest.raises(UsageError, match="has no proximal operator"):
        with_prox(make_method(name, L=4.0, mu=1.0, steps=1).method, lambda v, a: v)


def test_an_unknown_name_is_refused_with_the_closest_first():
    with pytest.raises(UsageError, match="method 'fists' is not known; known: fista, "):
        make_method("fists", L=1.0, steps=1)


@pytest.mark.parametrize("name", COMPOSITE)
def test_a_composite_method_without_its_prox_refuses_to_run(name):
    """It would otherwise minimize the smooth part alone and call that converged."""
    method = make_method(name, L=1.0, steps=1).method
    with pytest.raises(UsageError, match="make_method"):
        method.step(method.init(np.ones(2)), np.ones(2), 1.0)
    made = make_method(name, L=1.0, steps=1, prox=lambda v, a: 0 * v).method
    assert made.step(made.init(np.ones(2)), np.ones(2), 1.0).x.tolist() == [0.0, 0.0]


def test_the_prox_reaches_through_a_restart():
    method = Restarted(make_method("fista", L=1.0, steps=1).method, FixedRestart(2))
    put_in = with_prox(method, lambda v, a: 0 * v)
    assert put_in.step(put_in.init(np.ones(2)), np.ones(2), 1.0).x.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"L": 0.0}, r"L is 0\.0"),
        ({"L": -5.0}, r"L is -5\.0"),
        ({"L": float("nan")}, "L is nan"),
        ({"L": "a"}, "L is 'a'"),
        ({"L": 1.0, "mu": 2.0}, "expected mu <= L"),
        ({"L": 1.0, "mu": -1.0}, r"mu is -1\.0"),
        ({"L": 1.0, "mu": None}, "mu is None"),
        ({"L": 1.0, "steps": 0}, "steps is 0, expected a whole number, 1 or larger"),
        ({"L": 1.0, "steps": 2.5}, r"steps is 2\.5, expected a whole number, 1 or larger"),
        ({"L": 1.0, "prox": abs}, "GradientDescent has no proximal operator"),
    ],
)
def test_bad_constants_are_refused_by_value(arguments, words):
    with pytest.raises(UsageError, match=words):
        make_method("gd-convex", **arguments)
