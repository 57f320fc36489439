"""The solver: statuses, tolerances, history, callbacks and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nagcore.core import GradientDescent, HeavyBall, Nesterov
from nagcore.core.adaptive_nesterov import AdaptiveNesterov
from nagcore.core.backtracking import Backtracking
from nagcore.core.proximal import FISTA, ProximalGradient
from nagcore.core.restart import FixedRestart, FunctionRestart, GradientRestart, Restarted
from nagcore.errors import UsageError
from nagcore.theory.minimize import DidNotConvergeError, minimize
from nagcore.theory.quadratic import Quadratic
from nagcore.theory.worst_function import WorstFunction

PROBLEM = Quadratic((1.0, 10.0), center=(1.0, 2.0))
START = np.zeros(2)


class Plain:
    """A user's own problem: value and grad, nothing else."""

    def __init__(self):
        self.values = self.grads = 0

    def value(self, x):
        self.values += 1
        return PROBLEM.value(x)

    def grad(self, x):
        self.grads += 1
        return PROBLEM.grad(x)


class Composite(Plain):
    """½ (x − c)ᵀ diag(1, 10) (x − c) over the box [0, 1.5]², with a duality gap."""

    L, f_star = 10.0, 0.5 * 10 * 0.25
    x_star = np.array([1.0, 1.5])

    def prox(self, v, step_size):
        return v.clip(0.0, 1.5)

    def duality_gap(self, x):
        """Return the Frank–Wolfe gap max_u ⟨∇f(x), x − u⟩ over the box."""
        grad = PROBLEM.grad(x)
        return float(grad @ x - np.minimum(0, 1.5 * grad).sum())


class Changed:
    """PROBLEM with one thing replaced."""

    def __init__(self, **changes):
        self.value, self.grad, self.L = PROBLEM.value, PROBLEM.grad, PROBLEM.L
        vars(self).update(changes)


def history(run):
    assert run.trace is not None
    return run.trace


def test_history_is_the_run_recomputed():
    run = minimize(PROBLEM, Nesterov(0.5), START, max_steps=7, trace=True)
    method, state = Nesterov(0.5), Nesterov(0.5).init(START)
    for k in range(7):
        grad = PROBLEM.grad(method.query(state))
        assert run.gradient_norms[k] == pytest.approx(np.linalg.norm(grad), rel=1e-14)
        state = method.step(state, grad, 0.1)
        np.testing.assert_array_equal(run.iterates[k + 1], state.x)
    assert run.iterates.shape == (8, 2)
    assert (run.steps, run.status, run.step_size) == (7, "budget", 0.1)
    np.testing.assert_array_equal(run.x, run.iterates[-1])
    np.testing.assert_array_equal(run.gaps, [PROBLEM.value(x) for x in run.iterates])
    np.testing.assert_array_equal(history(run).values, run.gaps)
    np.testing.assert_array_equal(history(run).step_sizes, [0.1] * 7)
    assert run.gap == run.gaps[-1]


def test_the_trace_changes_nothing_but_the_values_it_costs():
    problem = Plain()
    bare = minimize(problem, Nesterov(), START, step_size=0.1, max_steps=20)
    assert (problem.grads, problem.values, bare.value_evaluations) == (20, 0, 0)
    traced = minimize(problem, Nesterov(), START, step_size=0.1, max_steps=20, trace=True)
    assert (problem.grads, problem.values, traced.value_evaluations) == (40, 21, 21)
    np.testing.assert_array_equal(traced.x, bare.x)
    assert history(traced).gaps is None
    assert bare.gap is None
    assert bare.duality_gap is None


@pytest.mark.parametrize("name", ["gaps", "iterates", "gradient_norms"])
def test_a_history_that_was_not_kept_is_asked_for_by_name(name):
    run = minimize(PROBLEM, Nesterov(), START, max_steps=3)
    with pytest.raises(UsageError, match="trace=True"):
        getattr(run, name)


def test_gaps_of_a_problem_without_a_known_minimum_are_refused():
    run = minimize(Plain(), Nesterov(), START, step_size=0.1, max_steps=3, trace=True)
    with pytest.raises(UsageError, match="no f_star"):
        run.gaps  # noqa: B018


@pytest.mark.parametrize(
    "method",
    [GradientDescent(), HeavyBall(0.3), Nesterov(0.5), AdaptiveNesterov(mu=0.5)],
    ids=["gradient descent", "heavy ball", "Nesterov", "adaptive"],
)
def test_converged_means_that_the_gradient_at_the_point_returned_is_small(method):
    run = minimize(PROBLEM, method, START, max_steps=1000, tol=1e-7)
    assert run.status == "converged"
    assert np.linalg.norm(PROBLEM.grad(run.x)) == pytest.approx(run.gradient_norm, rel=1e-12)
    assert run.gradient_norm <= 1e-7
    assert run.gradient_evaluations == run.steps + 1
    assert run.require_converged() is run
    assert "gradient norm" in run.message


def test_a_composite_run_converges_by_its_gradient_mapping():
    for method in (ProximalGradient, FISTA, lambda prox: AdaptiveNesterov(prox=prox)):
        problem = Composite()
        run = minimize(problem, method(problem.prox), START, tol=1e-9)
        assert run.status == "converged"
        np.testing.assert_allclose(run.x, problem.x_star, atol=1e-8)
        mapping = (run.x - problem.prox(run.x - 0.1 * PROBLEM.grad(run.x), 0.1)) / 0.1
        assert np.linalg.norm(mapping) <= 2e-9
        assert run.gap == pytest.approx(0.0, abs=1e-8)


def test_starting_at_the_solution_takes_no_step():
    run = minimize(PROBLEM, Nesterov(), PROBLEM.x_star, tol=1e-12)
    assert (run.status, run.steps) == ("converged", 0)


COMPOSITE = Composite()


@pytest.mark.parametrize(
    ("problem", "method", "name", "measure"),
    [
        (PROBLEM, Nesterov(0.5), "tol_gap", PROBLEM.value),
        (COMPOSITE, FISTA(COMPOSITE.prox), "tol_gap", lambda x: PROBLEM.value(x) - 1.25),
        (COMPOSITE, FISTA(COMPOSITE.prox), "tol_duality_gap", COMPOSITE.duality_gap),
    ],
    ids=["gap", "composite gap", "duality gap"],
)
def test_a_tolerance_of_a_gap_stops_at_the_first_iterate_within(problem, method, name, measure):
    options: dict[str, Any] = {name: 1e-6}
    run = minimize(problem, method, START, trace=True, **options)
    assert run.status == "converged"
    assert name in run.message
    assert measure(run.x) <= 1e-6 < min(measure(x) for x in run.iterates[:-1])
    assert run.gap == run.gaps[-1]


def test_a_tolerance_of_the_change_stops_at_the_first_small_one():
    run = minimize(PROBLEM, Nesterov(0.5), START, tol_change=1e-6, trace=True)
    assert run.status == "converged"
    assert "tol_change" in run.message
    changes = np.linalg.norm(np.diff(run.iterates, axis=0), axis=1)
    changes /= np.linalg.norm(run.iterates[1:], axis=1)
    assert changes[-1] <= 1e-6 < changes[:-1].min()


def test_running_out_of_steps_is_a_status_and_raises_on_request():
    run = minimize(PROBLEM, GradientDescent(), START, max_steps=3, tol=1e-12)
    assert run.status == "budget"
    with pytest.raises(DidNotConvergeError, match="after 3 steps"):
        run.require_converged()
    with pytest.raises(DidNotConvergeError, match="after 3 steps"):
        minimize(PROBLEM, GradientDescent(), START, max_steps=3, tol=1e-12, throw=True)


def test_a_step_size_past_two_over_L_diverges_and_says_so():
    run = minimize(PROBLEM, GradientDescent(), START, step_size=0.21, max_steps=10_000)
    assert run.status == "diverged"
    assert "step size" in run.message
    assert run.steps < 10_000


def test_an_overflow_within_one_step_is_seen():
    run = minimize(PROBLEM, GradientDescent(), START, step_size=1e308)
    assert (run.status, run.steps) == ("diverged", 1)


@pytest.mark.parametrize("rule", [lambda p: GradientDescent(), lambda p: FISTA(lambda v, _: v)])
def test_a_gradient_that_is_not_finite_is_told_from_divergence(rule):
    problem = Changed(grad=lambda x: x / 0.1 if x[0] > 0.5 else np.full(2, np.nan))
    run = minimize(problem, rule(problem), np.ones(2), step_size=0.05)
    assert run.status == "nonfinite"
    assert np.isfinite(run.x).all()


def test_rounding_after_a_start_at_the_optimum_is_no_divergence():
    """The first gradient happens to be 1e-40, the later ones are rounding of the usual size."""
    norms = iter([1e-40] + [1e-16] * 20)
    problem = Changed(grad=lambda x: np.full(2, next(norms)))
    run = minimize(problem, Nesterov(), PROBLEM.x_star, max_steps=20)
    assert (run.status, run.steps) == ("budget", 20)


def test_a_sequence_of_step_sizes_is_followed():
    run = minimize(
        PROBLEM, Nesterov(0.5), START, step_size=lambda k: 0.1 / (k + 1), max_steps=5, trace=True
    )
    np.testing.assert_allclose(history(run).step_sizes, 0.1 / np.arange(1, 6))
    with pytest.raises(UsageError, match=r"step_size\(2\) is -1\.0"):
        minimize(PROBLEM, Nesterov(0.5), START, step_size=lambda k: (0.1, 0.1, -1.0)[k])


def test_the_callback_sees_each_step_and_may_stop():
    seen = []

    def callback(view):
        seen.append(view)
        return np.equal(view.k, 4)  # NumPy's truth counts too

    run = minimize(
        PROBLEM, Nesterov(0.5), START, callback=callback, restart=FixedRestart(3), trace=True
    )
    assert (run.status, run.steps, len(seen)) == ("stopped", 4, 4)
    assert [view.restarts for view in seen] == [0, 0, 1, 1]
    for view in seen:
        np.testing.assert_array_equal(view.x, run.iterates[view.k])
        assert view.gradient_norm == run.gradient_norms[view.k - 1]


def test_an_interrupt_goes_through():
    def interrupt(view):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(PROBLEM, Nesterov(), START, callback=interrupt, progress=True)


def test_the_bar_changes_nothing(capsys):
    plain = minimize(PROBLEM, Nesterov(), START, max_steps=30)
    shown = minimize(PROBLEM, Nesterov(), START, max_steps=30, progress=True)
    np.testing.assert_array_equal(plain.x, shown.x)
    assert "30/30" in capsys.readouterr().out


def test_restarts_are_counted_and_marked():
    run = minimize(PROBLEM, Nesterov(), START, restart=GradientRestart(), max_steps=200, trace=True)
    assert run.restarts == len(history(run).restarts_at) > 0
    assert run.mu_estimate is None


def test_the_start_is_neither_kept_nor_changed():
    start = np.zeros(2)
    run = minimize(PROBLEM, Nesterov(), start, max_steps=0)
    assert run.x is not start
    minimize(PROBLEM, Nesterov(), start, max_steps=5)
    np.testing.assert_array_equal(start, np.zeros(2))
    assert (run.status, run.steps, run.gradient_evaluations) == ("budget", 0, 0)


def test_integers_are_a_start_too():
    run = minimize(PROBLEM, Nesterov(), [0, 0], max_steps=5)
    np.testing.assert_array_equal(run.x, minimize(PROBLEM, Nesterov(), START, max_steps=5).x)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"step_size": -0.1}, "step_size is -0.1"),
        ({"step_size": float("nan")}, "step_size is nan"),
        ({"max_steps": -1}, "max_steps is -1"),
        ({"tol": -1e-3}, "tol is -0.001"),
        ({"tol_gap": -1e-3}, "tol_gap is -0.001"),
        ({"tol_change": float("nan")}, "tol_change is nan"),
        ({"tol_duality_gap": 1e-3}, "no duality_gap.*tol="),
        ({"x0": np.zeros(3)}, r"x0 has shape \(3,\), expected \(2,\)"),
        ({"x0": np.zeros((2, 1))}, r"x0 has shape \(2, 1\), expected \(n,\)"),
        ({"x0": np.array(1.0)}, r"x0 has shape \(\), expected \(n,\)"),
        ({"x0": np.array([0.0, np.nan])}, r"x0\[1\] is nan"),
        ({"x0": "here"}, "x0 is 'here'"),
        ({"problem": WorstFunction(3)}, r"x0 has shape \(2,\), expected \(3,\)"),
        ({"problem": Plain()}, r"no L.*step_size=α.*Backtracking"),
        ({"problem": Plain(), "step_size": 0.1, "tol_gap": 0.1}, "tol_gap is 0.1.*no f_star"),
        ({"problem": Changed(grad=None)}, "grad, which returns its gradient"),
        ({"problem": Changed(value=3.0)}, r"value, which returns f\(x\)"),
        ({"problem": Changed(grad=lambda x: x[:1])}, r"grad returned shape \(1,\), expected"),
        ({"problem": Changed(grad=lambda x: [1.0, 2.0])}, "grad returned a list"),
        ({"problem": Changed(L=0.0)}, "L is 0.0"),
        ({"problem": Composite()}, r"GradientDescent would ignore.*FISTA\(problem.prox\)"),
    ],
)
def test_bad_arguments_are_refused_by_value(arguments, words):
    with pytest.raises(UsageError, match=words):
        minimize(**{"problem": PROBLEM, "method": GradientDescent(), "x0": START, **arguments})


def test_refusals_come_before_any_work():
    problem = Plain()
    for arguments in ({"step_size": -1.0}, {"tol": -1.0}, {"x0": [np.inf, 0.0]}, {}):
        with pytest.raises(UsageError):
            minimize(**{"problem": problem, "method": Nesterov(), "x0": START, **arguments})
    assert problem.grads == problem.values == 0


def test_an_error_of_the_users_own_gradient_is_left_as_it_is():
    def broken(x):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        minimize(Changed(grad=broken), GradientDescent(), START)


@pytest.mark.parametrize("restart", [None, GradientRestart(), FunctionRestart()])
def test_every_choice_together_ends_at_the_same_point(restart):
    composite = Composite()
    run = minimize(
        composite,
        Restarted(AdaptiveNesterov(prox=composite.prox), FixedRestart(50)),
        START,
        step_size=0.1 if restart is None else (lambda k: 0.1 - 0.01 * (k % 3)),
        restart=restart,
        tol=1e-10,
        trace=True,
        callback=lambda view: None,
    )
    assert run.status == "converged"
    np.testing.assert_allclose(run.x, composite.x_star, atol=1e-9)


def test_a_search_needs_neither_L_nor_more_than_value_and_grad():
    run = minimize(Plain(), Nesterov(), START, step_size=Backtracking(), tol=1e-9)
    np.testing.assert_allclose(run.require_converged().x, PROBLEM.x_star, atol=1e-8)
