"""The catalogue: every recipe makes a method, and every method keeps what its entry promises."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from nagcore.errors import UsageError
from nagcore.evidence.race import tuned_method
from nagcore.theory import Quadratic, WorstFunction
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
    tuned = make_method(name, L=4.0, mu=1.0, steps=STEPS)
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


@pytest.mark.parametrize("name", [n for n, r in METHODS.items() if r.guarantee])
@pytest.mark.parametrize(
    "problem",
    [
        WorstFunction(15),
        Quadratic((0.1, 0.5, 1.0), center=(1.0, -1.0, 2.0), rotation_seed=1),
        Quadratic((0.02, 3.0), center=(5.0, 0.1)),
    ],
    ids=["worst function", "quadratic, 10", "quadratic, 150"],
)
def test_what_is_measured_stays_below_what_is_promised(name, problem):
    guarantee = METHODS[name].guarantee
    assert guarantee is not None
    x0 = np.zeros_like(problem.x_star)
    for steps in (1, 3, STEPS, 31):
        tuned = make_method(name, L=problem.L, mu=problem.mu, steps=steps)
        promised = guarantee.bound(steps, problem.L, problem.mu)
        promised *= measure(guarantee.initial, problem, x0)
        found = measure(guarantee.criterion, problem, run(tuned, problem, x0, steps))
        assert found <= promised * (1 + 1e-9) + 1e-14


@names
def test_the_source_is_a_key_of_the_bibliography(name):
    references = Path(__file__).parents[2].joinpath("references.bib").read_text("utf-8")
    assert re.search(rf"@\w+\{{{METHODS[name].source},", references)


@pytest.mark.parametrize("name", ["gd", "gd-convex", "heavy-ball", "nag", "nag-1983"])
def test_the_names_of_the_races_mean_the_same_here(name):
    problem = Quadratic((1.0, 9.0))
    assert tuple(tuned_method(name, problem)) == tuple(make_method(name, L=9.0, mu=1.0, steps=1))


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
