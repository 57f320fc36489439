"""The differential equations that momentum methods follow when their step size tends to zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nagcore.core.checks import (
    require_count,
    require_momentum,
    require_not_negative,
    require_positive,
)
from nagcore.core.method import Method
from nagcore.errors import UsageError
from nagcore.theory.problem import Problem


@dataclass(frozen=True)
class Friction:
    """γ(t) = constant + over_time / t, what slows the ball down in ẍ + γ(t) ẋ + ∇f(x) = 0.

    Args:
        constant: a, not negative.
        over_time: r, not negative; 3 for Nesterov's method.

    Raises:
        UsageError: a number is negative or not finite.

    Source: [su2016], equation (3); constant friction: [polyak1964].

    Example:
        >>> Friction(constant=1.0, over_time=3.0)(2.0)
        2.5
    """

    constant: float = 0.0
    over_time: float = 0.0

    def __post_init__(self) -> None:
        require_not_negative(self.constant, "constant")
        require_not_negative(self.over_time, "over_time")

    def __call__(self, time: float) -> float:
        """Return γ at a time later than 0."""
        return self.constant + self.over_time / time


class Trajectory(NamedTuple):
    """Points with the times at which they are passed.

    Attributes:
        times: t_0 = 0 … t_n, shape (n + 1,).
        points: x(t_0) … x(t_n), shape (n + 1, dimension).
    """

    times: np.ndarray
    points: np.ndarray


def friction_of_momentum(momentum: float, step_size: float) -> Friction:
    """a = (1 − β)/√α, the constant friction that heavy ball and Nesterov with constant β share.

    Args:
        momentum: β in [0, 1).
        step_size: α, positive; √α is the length of a step in time.

    Raises:
        UsageError: an argument is out of its range.

    Source: [polyak1964].

    Example:
        >>> friction_of_momentum(0.9, 0.01)
        Friction(constant=0.9999999999999998, over_time=0.0)
    """
    require_momentum(momentum)
    require_positive(step_size, "step_size")
    return Friction(constant=(1 - momentum) / math.sqrt(step_size))


def momentum_for_friction(constant: float, step_size: float) -> float:
    """β = 1 − a √α, the momentum whose friction is `constant` at this step size.

    Raises:
        UsageError: an argument is out of its range, or so large that β would be negative.

    Example:
        >>> momentum_for_friction(1.0, 0.25)
        0.5
    """
    require_not_negative(constant, "constant")
    require_positive(step_size, "step_size")
    momentum = 1 - constant * math.sqrt(step_size)
    if not 0 <= momentum < 1:
        raise UsageError(
            f"constant is {constant!r} and step_size is {step_size!r}, expected "
            "0 < constant * sqrt(step_size) <= 1, so that the momentum lies in [0, 1)"
        )
    return momentum


def solve_flow(
    problem: Problem, friction: Friction, x0: np.ndarray, *, until: float, steps: int = 2000
) -> Trajectory:
    r"""ẍ + γ(t) ẋ + ∇f(x) = 0 from rest, x(0) = x_0 and ẋ(0) = 0, by Runge and Kutta's method.

    With γ(t) = 3/t and convex f, f(x(t)) − f⋆ ≤ 2 ‖x_0 − x⋆‖² / t². The error of the numerical
    solution is of order four in the length of a step.

    Args:
        problem: gives ∇f.
        friction: γ.
        x0: where the ball is let go, shape (n,).
        until: the last time, positive.
        steps: number of equal steps, at least 1.

    Returns:
        A `Trajectory` of steps + 1 points.

    Raises:
        UsageError: `until` or `steps` is out of its range.

    Source: the equation and the bound: [su2016], equation (3) and Theorem 3.

    Example:
        >>> from nagcore.theory.quadratic import Quadratic
        >>> path = solve_flow(Quadratic((1.0,)), Friction(), np.array([1.0]), until=np.pi)
        >>> path.points[-1].round(9).tolist()   # no friction: cos t
        [-1.0]
    """
    require_positive(until, "until")
    require_count(steps, "steps")
    if steps < 1:
        raise UsageError(f"steps is {steps!r}, expected 1 or more")

    def slope(time: float, state: np.ndarray) -> np.ndarray:
        x, speed = state
        if time > 0:
            return np.stack([speed, -friction(time) * speed - problem.grad(x)])
        # ẋ(t)/t tends to ẍ(0) as t tends to 0, so (1 + r) ẍ(0) = −∇f(x_0)
        return np.stack([speed, -problem.grad(x) / (1 + friction.over_time)])

    times = np.linspace(0.0, until, steps + 1)
    x0 = np.asarray(x0, dtype=float)
    states = [np.stack([x0, np.zeros_like(x0)])]
    for time in times[:-1]:
        states.append(_runge_kutta(slope, time, states[-1], until / steps))
    return Trajectory(times, np.array(states)[:, 0])


def _runge_kutta(slope: Any, time: float, state: np.ndarray, length: float) -> np.ndarray:
    first = slope(time, state)
    second = slope(time + length / 2, state + length / 2 * first)
    third = slope(time + length / 2, state + length / 2 * second)
    fourth = slope(time + length, state + length * third)
    return state + length / 6 * (first + 2 * second + 2 * third + fourth)


def follow_in_time(
    problem: Problem, method: Method[Any], x0: np.ndarray, *, step_size: float, until: float
) -> Trajectory:
    """Run `method` and date its iterates: x_k is passed at time k √α.

    Args:
        problem: gives ∇f.
        method: the rule.
        x0: the start, shape (n,).
        step_size: α, positive.
        until: the last time; the run takes ⌊until/√α⌋ steps.

    Raises:
        UsageError: `step_size` or `until` is not positive.

    Example:
        >>> from nagcore.core import HeavyBall
        >>> from nagcore.theory.quadratic import Quadratic
        >>> method = HeavyBall(momentum_for_friction(1.0, 0.25))
        >>> run = follow_in_time(
        ...     Quadratic((1.0,)), method, np.array([1.0]), step_size=0.25, until=1.0
        ... )
        >>> run.times.tolist(), run.points.ravel().tolist()
        ([0.0, 0.5, 1.0], [1.0, 0.75, 0.4375])
    """
    require_positive(step_size, "step_size")
    require_positive(until, "until")
    # a whole number of steps may come out a rounding error too small
    steps = math.floor(until / math.sqrt(step_size) * (1 + 1e-12))
    state = method.init(np.asarray(x0, dtype=float))
    points = [state.x]
    for _ in range(steps):
        state = method.step(state, problem.grad(method.query(state)), step_size)
        points.append(state.x)
    return Trajectory(math.sqrt(step_size) * np.arange(steps + 1), np.array(points))


def follow_each(
    problem: Problem,
    make: Callable[[float], Method[Any]],
    x0: np.ndarray,
    *,
    step_sizes: Iterable[float],
    until: float,
) -> dict[float, Trajectory]:
    """Run a method for several step sizes, each time with the momentum made for it.

    Args:
        problem: gives ∇f.
        make: the method for a step size α.
        x0: the start, shape (n,).
        step_sizes: α, each positive.
        until: the last time.

    Returns:
        The dated iterates by step size, as of `follow_in_time`.

    Raises:
        UsageError: a step size or `until` is not positive.

    Example:
        >>> from nagcore.core import HeavyBall
        >>> from nagcore.theory.quadratic import Quadratic
        >>> runs = follow_each(
        ...     Quadratic((1.0,)),
        ...     lambda alpha: HeavyBall(momentum_for_friction(1.0, alpha)),
        ...     np.array([1.0]),
        ...     step_sizes=(0.25, 0.01),
        ...     until=1.0,
        ... )
        >>> {alpha: len(run.times) for alpha, run in runs.items()}
        {0.25: 3, 0.01: 11}
    """
    return {
        alpha: follow_in_time(problem, make(alpha), x0, step_size=alpha, until=until)
        for alpha in step_sizes
    }


def distance_to_flow(run: Trajectory, flow: Trajectory) -> float:
    """Return the largest distance of a run's points from the flow at the same times.

    Args:
        run: of `follow_in_time`.
        flow: of `solve_flow`, not shorter in time; between its points it is taken as straight.

    Raises:
        UsageError: the flow ends before the run.

    Example:
        >>> line = Trajectory(np.array([0.0, 2.0]), np.array([[0.0], [2.0]]))
        >>> distance_to_flow(Trajectory(np.array([1.0]), np.array([[1.5]])), line)
        0.5
    """
    if run.times[-1] > flow.times[-1] * (1 + 1e-12):
        raise UsageError(
            f"the run lasts until {run.times[-1]!r} and the flow until {flow.times[-1]!r}, "
            "expected a flow that is not shorter"
        )
    at = np.stack([np.interp(run.times, flow.times, column) for column in flow.points.T], axis=1)
    return float(np.linalg.norm(run.points - at, axis=1).max())


def bound_nesterov_flow(times: np.ndarray, *, distance: float) -> np.ndarray:
    """2 R²/t²: the gap of the flow with friction 3/t, convex; infinite at t = 0.

    Source: [su2016], Theorem 3.

    Example:
        >>> bound_nesterov_flow(np.array([1.0, 2.0]), distance=1.0).tolist()
        [2.0, 0.5]
    """
    with np.errstate(divide="ignore"):
        return 2 * distance**2 / np.asarray(times, dtype=float) ** 2
