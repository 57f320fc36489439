"""PEPit runs the shipped rules and returns their exact worst case, to be held to the theorems."""

from __future__ import annotations

import pytest

from nagcore.core import GradientDescent, Nesterov, SimplifiedMomentum
from nagcore.theory.bounds import (
    bound_gradient_descent,
    bound_nesterov_1983,
    bound_nesterov_simplified,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # the solver stack warns about itself


def worst_gap(method, steps: int, L: float) -> float:
    """Return max f(x_n) − f⋆ over all convex L-smooth f and ‖x_0 − x⋆‖ ≤ 1."""
    # here, so that the filter above covers what importing PEPit warns about itself
    from PEPit import PEP
    from PEPit.functions import SmoothConvexFunction

    problem = PEP()
    function = problem.declare_function(SmoothConvexFunction, L=L)
    x_star = function.stationary_point()
    x0 = problem.set_initial_point()
    problem.set_initial_condition((x0 - x_star) ** 2 <= 1)  # pyright: ignore[reportOperatorIssue]
    state = method.init(x0)
    for _ in range(steps):
        state = method.step(state, function.gradient(method.query(state)), 1 / L)
    problem.set_performance_metric(function(state.x) - function(x_star))
    return float(problem.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0) or float("nan"))


@pytest.mark.parametrize(
    ("method", "bound"),
    [
        (GradientDescent(), bound_gradient_descent),
        (Nesterov(SimplifiedMomentum()), bound_nesterov_simplified),
    ],
    ids=["gradient descent", "Nesterov, simplified"],
)
def test_the_bound_is_the_exact_worst_case(method, bound):
    steps, L = 4, 3.0
    assert worst_gap(method, steps, L) == pytest.approx(
        float(bound(steps, L=L, distance=1.0)), rel=1e-4
    )


def test_the_bound_of_1983_holds_and_is_not_attained():
    exact = worst_gap(Nesterov(), 4, 1.0)
    bound = float(bound_nesterov_1983(4, L=1.0, distance=1.0))
    assert 0.5 * bound < exact < bound


@pytest.mark.parametrize("steps", [4, 12])
def test_momentum_without_a_theorem_is_worse_than_none(steps):
    """With the usual 0.9 and step size 1/L the worst case is worse than plain descent's."""
    assert worst_gap(Nesterov(0.9), steps, 1.0) > 3 * worst_gap(GradientDescent(), steps, 1.0)
