"""What users do to a solver: buffers, changes in place, wrong kinds, broken functions."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nagcore.core import Adam, GradientDescent, NAdam, Nesterov
from nagcore.core.adan import Adan
from nagcore.core.adaptive_nesterov import AdaptiveNesterov
from nagcore.core.backtracking import Backtracking
from nagcore.core.lbfgs import LBFGS
from nagcore.core.optimized import OGM, OGMG
from nagcore.core.proximal import FISTA, ProximalGradient
from nagcore.core.regularizers import L1, Box
from nagcore.core.restart import FixedRestart, GradientRestart, Restarted
from nagcore.errors import UsageError
from nagcore.theory.catalogue import make_method
from nagcore.theory.minimize import minimize
from nagcore.theory.quadratic import Quadratic
from nagcore.theory.rules import require_method

DIAGONAL = np.array([1.0, 3.0, 10.0])
START = np.array([1.0, -2.0, 0.5])


def value(x):
    return float(DIAGONAL @ (x * x) / 2)


def problem(**changes):
    parts = {"value": value, "grad": lambda x: DIAGONAL * x, "L": 10.0}
    return SimpleNamespace(**{**parts, **changes})


def buffered():
    """Return a problem whose gradients all lie in one array, those of both calls too."""
    buffer, other = np.empty(3), np.empty(3)
    return problem(
        grad=lambda x: np.multiply(DIAGONAL, x, out=buffer),
        value_and_grad=lambda x: (value(x), np.multiply(DIAGONAL, x, out=other)),
    )


GROWING = Backtracking(grow=1.3)


@pytest.mark.parametrize(
    ("method", "step_size"),
    [
        (Nesterov(), 0.05),
        (AdaptiveNesterov(), 0.05),
        (LBFGS(), 0.05),
        (Adan(), 0.05),
        (Nesterov(), GROWING),
        (AdaptiveNesterov(), GROWING),
        (GradientDescent(), GROWING),
    ],
    ids=repr,
)
def test_a_gradient_in_one_reused_array_gives_the_run_of_new_arrays(method, step_size):
    options = {"step_size": step_size, "max_steps": 25, "trace": True}
    # the same sums in the same order, so that both runs agree to the last digit
    fresh = problem(value_and_grad=lambda x: (value(x), DIAGONAL * x))
    run = minimize(buffered(), method, START, **options)
    expected = minimize(fresh, method, START, **options)
    np.testing.assert_array_equal(run.iterates, expected.iterates)
    np.testing.assert_array_equal(run.gradient_norms, expected.gradient_norms)


def test_new_arrays_are_copied_once_and_never_again():
    answers, received = [], []

    class Watching(GradientDescent):
        def step(self, state, grad, step_size):
            received.append(grad)
            return super().step(state, grad, step_size)

    def grad(x):
        answers.append(DIAGONAL * x)
        return answers[-1]

    minimize(problem(grad=grad), Watching(), START, max_steps=6)
    assert [a is b for a, b in zip(answers, received, strict=True)] == [False] + [True] * 5


def spoil(x):
    x -= 1.0
    return DIAGONAL * x


@pytest.mark.parametrize(
    "arguments",
    [
        {"problem": problem(grad=spoil)},
        {"problem": problem(value=lambda x: float(spoil(x).sum())), "trace": True},
        {"callback": lambda view: spoil(view.x) is None},
        {"problem": problem(duality_gap=lambda x: spoil(x).sum()), "tol_duality_gap": 1e-3},
    ],
    ids=["grad", "value", "callback", "duality gap"],
)
def test_a_function_that_changes_its_point_in_place_is_stopped_by_numpy(arguments):
    with pytest.raises(ValueError, match="read-only"):
        minimize(**{"problem": problem(), "method": Nesterov(), "x0": START, **arguments})


@pytest.mark.parametrize("steps", [0, 5, 1000])
def test_what_is_handed_back_may_be_changed(steps):
    run = minimize(
        problem(), GradientDescent(), START, max_steps=steps, trace=True, callback=lambda v: None
    )
    for array in (run.x, run.iterates, run.gradient_norms):
        array += 1.0


def over_one_array(v, step_size, buffer=np.empty(3)):  # noqa: B008
    return np.maximum(v, 0, out=buffer)


@pytest.mark.parametrize(
    ("prox", "words"),
    [
        (lambda v, step_size: v[:1], r"prox returned shape \(1,\), expected an array of shape"),
        (lambda v, step_size: list(v), "prox returned a list"),
        (lambda v, step_size: None, "prox returned a NoneType"),
        (lambda v, step_size: v + 0j, "prox returned numbers of type complex128"),
        (lambda v, step_size: v * np.array([1.0, np.nan, 1.0]), "entry 1 of what prox returned"),
        (over_one_array, "prox returned the same array twice"),
    ],
)
@pytest.mark.parametrize("rule", [ProximalGradient, FISTA, lambda p: AdaptiveNesterov(prox=p)])
def test_a_prox_that_returns_no_new_point_is_refused_before_any_gradient(rule, prox, words):
    counted = []
    mine = problem(grad=lambda x: counted.append(0) or DIAGONAL * x)
    with pytest.raises(UsageError, match=words):
        minimize(mine, rule(prox), START)
    assert not counted


def test_a_prox_may_work_in_place_or_return_the_same_point_always():
    centre = np.ones(3)
    for prox in (lambda v, step_size: np.maximum(v, 0, out=v), lambda v, step_size: centre):
        run = minimize(problem(), FISTA(prox), START, tol=1e-9)
        assert run.status == "converged"


def test_the_prox_of_another_function_is_refused_and_both_are_named():
    mine = problem(prox=L1(0.1).prox)
    with pytest.raises(UsageError, match=r"Box\.prox and L1\.prox differ.*FISTA\(problem\.prox\)"):
        minimize(mine, FISTA(Box(0.0, 1.0).prox), START)
    with pytest.raises(UsageError, match="not that of the problem"):
        minimize(mine, Restarted(FISTA(L1(0.2).prox), FixedRestart(5)), START)
    minimize(mine, FISTA(L1(0.1).prox), START, max_steps=3)  # another object, the same function
    minimize(mine, FISTA(mine.prox), START, max_steps=3)


@pytest.mark.parametrize("step_size", [None, Backtracking()])
def test_a_prox_that_breaks_later_is_named(step_size):
    def prox(v, step_size):
        return v if abs(v).max() > 0.3 else v * np.nan

    mine = problem(prox=prox, smooth_value=value)
    run = minimize(mine, FISTA(prox), START, step_size=step_size)
    assert (run.status, run.steps > 0) == ("nonfinite", True)
    assert "prox returned a point that is not finite" in run.message
    assert np.isfinite(run.x).all()


def test_a_prox_that_changes_its_shape_later_is_refused():
    mine = problem(prox=lambda v, step_size: v if abs(v).max() > 0.3 else v[:1])
    with pytest.raises(UsageError, match=r"prox returned shape \(1,\)"):
        minimize(mine, FISTA(mine.prox), START)


@pytest.mark.parametrize("rule", [GradientDescent(), AdaptiveNesterov()])
def test_a_value_that_is_nan_ends_a_run_by_trials_and_is_named(rule):
    mine = problem(value=lambda x: math.nan if x[1] > -1.0 else value(x))
    run = minimize(mine, rule, np.zeros(3) + 0.5, step_size=Backtracking())
    assert (run.status, run.steps) == ("nonfinite", 0)
    assert "value returned nan" in run.message


@pytest.mark.parametrize("first", [None, 1e-3, 1.0, 1e8])
@pytest.mark.parametrize(
    "wrong",
    [lambda x: -DIAGONAL * x, lambda x: 3 * DIAGONAL * x, lambda x: DIAGONAL * x + [0, 20, 0]],
    ids=["sign", "factor", "term"],
)
def test_trials_that_never_pass_blame_the_gradient(wrong, first):
    mine = problem(grad=wrong)
    run = minimize(mine, AdaptiveNesterov(), START, step_size=Backtracking(first=first))
    assert run.status == "diverged"
    assert "check_gradient" in run.message
    assert run.steps < 1000


@pytest.mark.parametrize("first", [1e-8, 1.0, 1e10, 1e30])
@pytest.mark.parametrize("distance", [1.0, 1e-4, 1e-5, 1e-6, 1e-8])
@pytest.mark.parametrize("shift", [0.0, 1.0, 1e6])
def test_a_right_gradient_is_never_blamed(first, distance, shift):
    """However far off the first trial is, and however deep the differences lie in rounding."""
    mine = problem(value=lambda x: value(x) + shift)
    search = Backtracking(first=first, grow=1.5)
    run = minimize(mine, AdaptiveNesterov(), distance * START, step_size=search, max_steps=300)
    assert run.status in ("budget", "converged")


@pytest.mark.parametrize("method", [LBFGS(), Adam(), NAdam(), Adan()], ids=repr)
def test_trials_are_refused_for_rules_that_take_no_gradient_step(method):
    for rule in (method, Restarted(method, FixedRestart(5))):
        with pytest.raises(UsageError, match="no plain gradient step"):
            minimize(problem(), rule, START, step_size=Backtracking())
        assert minimize(problem(), rule, START, step_size=0.01, max_steps=3).steps == 3


def test_a_tuned_method_brings_its_step_size():
    tuned = make_method("ogm-any", L=20.0)
    run = minimize(problem(), tuned, START, max_steps=3, trace=True)
    expected = minimize(problem(), tuned.method, START, step_size=tuned.step_size, max_steps=3)
    np.testing.assert_array_equal(run.x, expected.x)
    with pytest.raises(UsageError, match="TunedMethod has one"):
        minimize(problem(), tuned, START, step_size=0.1)


class Rule:
    init = query = None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": Nesterov}, r"the class Nesterov, expected an object.*Nesterov\(\.\.\.\)"),
        ({"method": "ogm"}, r"make_method\('ogm', L=\.\.\., steps=\.\.\.\)"),
        ({"method": None}, "method is None.*lacks init, query, step"),
        ({"method": Rule()}, "lacks init, query, step"),
        ({"restart": "gradient"}, r"restart is 'gradient'.*GradientRestart\(\)"),
        ({"restart": GradientRestart}, "restart is the class GradientRestart"),
        ({"restart": 100}, "restart is 100"),
        ({"callback": 3}, "callback is 3"),
        ({"step_size": Backtracking}, r"the class Backtracking.*Backtracking\(\.\.\.\)"),
        ({"step_size": [0.1] * 1000}, r"step_size is a list.*lambda k: sizes\[k\]"),
        ({"step_size": np.full(1000, 0.1)}, "step_size is a ndarray"),
        ({"method": OGM(5)}, "OGM is made for 5 steps and max_steps is 1000; pass max_steps=5"),
        ({"method": OGMG(5)}, "pass max_steps=5"),
        ({"method": make_method("ogm", L=1.0, steps=7)}, "pass max_steps=7"),
        ({"x0": np.ones(3) * 1j}, "x0 has numbers of type complex128"),
        ({"x0": torch.ones(3, requires_grad=True)}, r"x0\.detach\(\)"),
        ({"problem": problem(f_star=None), "tol_gap": 1e-3}, "no f_star"),
        ({"problem": problem(duality_gap=None), "tol_duality_gap": 1e-3}, "no duality_gap"),
        ({"problem": problem(value=lambda x: None), "trace": True}, "value returned None"),
        (
            {"problem": problem(value=lambda x: np.ones(1)), "trace": True},
            r"value returned an array of shape \(1,\)",
        ),
        ({"problem": problem(value=lambda x: 1j), "trace": True}, "value returned 1j"),
        (
            {"problem": problem(value=lambda x: "1"), "step_size": Backtracking()},
            "value returned '1'",
        ),
        (
            {"problem": problem(duality_gap=lambda x: None), "tol_duality_gap": 1e-3},
            "duality_gap returned None",
        ),
        ({"problem": problem(grad=lambda x: x + 0j)}, "grad returned numbers of type complex128"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_remedy(arguments, words):
    with pytest.raises(UsageError, match=words):
        minimize(**{"problem": problem(), "method": GradientDescent(), "x0": START, **arguments})


def test_a_gradient_that_changes_its_shape_later_is_refused():
    mine = problem(grad=lambda x: DIAGONAL * x if abs(x).max() > 0.3 else (DIAGONAL * x)[:1])
    with pytest.raises(UsageError, match=r"grad returned shape \(1,\)"):
        minimize(mine, GradientDescent(), START)


def test_a_value_of_another_shape_is_refused_where_the_gap_is_asked_for():
    run = minimize(problem(f_star=0.0, value=lambda x: np.ones(1)), GradientDescent(), START)
    with pytest.raises(UsageError, match="value returned an array"):
        run.gap  # noqa: B018


def test_a_method_made_for_n_steps_takes_n_and_more_where_it_starts_again():
    assert minimize(problem(), OGM(5), START, max_steps=5).steps == 5
    run = minimize(problem(), OGM(5), START, max_steps=12, restart=FixedRestart(5))
    assert (run.steps, run.restarts) == (12, 2)


def test_restarts_of_the_method_itself_are_counted():
    seen = []
    run = minimize(
        problem(),
        Restarted(Nesterov(), FixedRestart(4)),
        START,
        max_steps=11,
        trace=True,
        callback=lambda view: seen.append(view.restarts),
    )
    assert run.restarts == 2
    assert run.trace is not None
    assert run.trace.restarts_at.tolist() == [4, 8]
    assert seen == [0] * 3 + [1] * 4 + [2] * 4
    both = minimize(
        problem(),
        Restarted(Nesterov(), FixedRestart(4)),
        START,
        max_steps=11,
        restart=FixedRestart(6),
    )
    assert both.restarts == 3  # at 4 by itself, at 6 by the solver, at 10 by itself


def test_what_is_none_counts_as_absent():
    absent = ("smooth_value", "value_and_grad", "prox", "x_star", "f_star", "duality_gap")
    mine = problem(**dict.fromkeys((*absent, "dimension")))
    for step_size in (None, Backtracking()):
        run = minimize(mine, Nesterov(), START, step_size=step_size, tol=1e-6, trace=True)
        assert run.status == "converged"
        assert (run.gap, run.duality_gap) == (None, None)

    def broken(x):
        raise ValueError("mine")

    mine.grad = broken
    with pytest.raises(ValueError, match=r"^mine$"):
        minimize(mine, Nesterov(), START)


def test_no_steps_are_said_to_be_none():
    run = minimize(problem(), Nesterov(), START, max_steps=0)
    assert run.message.startswith("no step was taken, because max_steps is 0")
    assert "nan" not in run.message


def test_a_tensor_is_a_start_without_a_warning():
    tensor = torch.tensor(START)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = minimize(problem(), Nesterov(), tensor, max_steps=5)
    np.testing.assert_array_equal(run.x, minimize(problem(), Nesterov(), START, max_steps=5).x)
    np.testing.assert_array_equal(tensor.numpy(), START)


def test_a_tolerance_of_zero_stops_at_a_gradient_of_zero():
    run = minimize(Quadratic((2.0, 2.0)), GradientDescent(), np.ones(2))
    assert (run.status, run.steps) == ("converged", 1)


def test_a_rule_with_its_step_size_is_no_rule():
    with pytest.raises(UsageError, match="its field `method`"):
        require_method(make_method("ogm-any", L=1.0))
