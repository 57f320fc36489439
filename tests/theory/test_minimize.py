"""The solver: statuses, history and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import GradientDescent, HeavyBall, Nesterov
from nagcore.errors import UsageError
from nagcore.theory import DidNotConvergeError, Quadratic, minimize

PROBLEM = Quadratic((1.0, 10.0), center=(1.0, 2.0))
START = np.zeros(2)


def test_history_is_the_run_recomputed():
    run = minimize(PROBLEM, Nesterov(0.5), START, max_steps=7)
    assert run.iterates.shape == (8, 2)
    assert run.steps == 7
    np.testing.assert_array_equal(run.x, run.iterates[-1])
    np.testing.assert_array_equal(run.gaps, [PROBLEM.value(x) for x in run.iterates])


def test_converged_means_a_small_gradient():
    run = minimize(PROBLEM, HeavyBall(0.3), START, max_steps=1000, tol=1e-7)
    assert run.status == "converged"
    assert np.linalg.norm(PROBLEM.grad(run.x)) < 1e-6
    assert run.require_converged() is run


def test_starting_at_the_solution_takes_no_step():
    run = minimize(PROBLEM, Nesterov(), PROBLEM.x_star, tol=1e-12)
    assert (run.status, run.steps) == ("converged", 0)


def test_running_out_of_steps_is_a_status():
    run = minimize(PROBLEM, GradientDescent(), START, max_steps=3, tol=1e-12)
    assert run.status == "budget"
    with pytest.raises(DidNotConvergeError, match="after 3 steps"):
        run.require_converged()


def test_a_step_size_past_two_over_L_diverges_and_says_so():
    run = minimize(PROBLEM, GradientDescent(), START, step_size=0.21, max_steps=10_000)
    assert run.status == "diverged"
    assert "step size" in run.message
    assert run.steps < 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"step_size": -0.1}, "step_size is -0.1"),
        ({"step_size": float("nan")}, "step_size is nan"),
        ({"max_steps": -1}, "max_steps is -1"),
        ({"tol": -1e-3}, "tol is -0.001"),
        ({"x0": np.zeros(3)}, r"x0 has shape \(3,\), expected \(2,\)"),
    ],
)
def test_bad_arguments_are_refused_by_value(arguments, words):
    with pytest.raises(UsageError, match=words):
        minimize(PROBLEM, GradientDescent(), **{"x0": START, **arguments})
