"""A smooth, strongly convex function on which heavy ball, tuned for quadratics, cycles for ever."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from nagcore.core.checks import require_count, require_positive
from nagcore.core.heavy_ball import HeavyBall
from nagcore.core.method import Method
from nagcore.core.tuning import tune_heavy_ball
from nagcore.errors import UsageError

# Steps after which a start has made up its mind, and the distance that tells cycle from minimum:
# both attract with a factor of 2/3 a step, so that a start that converges is at rounding by then.
_SETTLED = 400
_NEAR = 1e-3


@dataclass(frozen=True)
class CyclingFunction:
    r"""f′(x) = 25x for x < 1, x + 24 for 1 ≤ x < 2, 25x − 24 for x ≥ 2, and f(0) = 0.

    A function of one variable with L = 25 and μ = 1: its slope has a flat piece on [1, 2) between
    two steep ones. Heavy ball with α = 1/9 and β = 4/9, the best tuning for quadratics with these
    constants, has a cycle of three points on it that attracts whole intervals of starting points.

    Works on arrays entry by entry and on `fractions.Fraction`.

    Source: [lessard2016], §4.6.

    Example:
        >>> f = CyclingFunction()
        >>> f.grad(np.array([0.5, 1.5, 3.0])).tolist()
        [12.5, 25.5, 51.0]
        >>> f.grad(Fraction(3, 2))
        Fraction(51, 2)
    """

    name: str = "cycling function"
    L: float = 25.0
    mu: float = 1.0
    f_star: float = 0.0

    @property
    def x_star(self) -> np.ndarray:
        """Return the minimizer, 0, shape (1,)."""
        return np.zeros(1)

    def value(self, x: np.ndarray) -> float:
        """Return f(x) for x of shape (1,)."""
        flat = np.clip(x - 1, 0, 1)
        # the integral of 24 clip(x − 1, 0, 1) is what the flat piece takes away
        taken = 24 * (flat**2 / 2 + np.maximum(x - 2, 0))
        return float(np.sum(25 * x**2 / 2 - taken))

    def grad(self, x: Any) -> Any:
        """Return f′(x) = 25x − 24 clip(x − 1, 0, 1), entry by entry."""
        return 25 * x - 24 * np.clip(x - 1, 0, 1)


def run_exactly(steps: int) -> list[Fraction]:
    """Return heavy ball's iterates on the cycle in exact fractions, by the rule that ships.

    The run starts at 792/1225 with −2208/1225 to come, that is with the displacement by which
    the cycle enters that point.

    Args:
        steps: number of steps, not negative.

    Returns:
        x_0 … x_k.

    Raises:
        UsageError: `steps` is not a whole number or negative.

    Source: [lessard2016], §4.6.

    Example:
        >>> [str(x) for x in run_exactly(3)]
        ['792/1225', '-2208/1225', '2592/1225', '792/1225']
    """
    require_count(steps, "steps")
    f, rule = CyclingFunction(), HeavyBall(Fraction(4, 9))  # pyright: ignore[reportArgumentType]
    here, before = Fraction(792, 1225), Fraction(2592, 1225)
    state = rule.init(here)._replace(displacement=here - before, k=1)
    iterates = [state.x]
    for _ in range(steps):
        state = rule.step(state, f.grad(rule.query(state)), Fraction(1, 9))  # pyright: ignore[reportArgumentType]
        iterates.append(state.x)
    return iterates


def iterates_from(
    method: Method[Any], starts: np.ndarray, *, step_size: float, steps: int
) -> np.ndarray:
    """Run `method` on the cycling function from many starting points at once.

    Args:
        method: the rule.
        starts: starting points, shape (n,).
        step_size: α, positive.
        steps: number of steps, not negative.

    Returns:
        Iterates, shape (steps + 1, n).

    Raises:
        UsageError: `step_size` or `steps` is out of its range.

    Example:
        >>> from nagcore.core import GradientDescent
        >>> run = iterates_from(GradientDescent(), np.array([1.0, 3.0]), step_size=0.04, steps=1)
        >>> run[1].round(12).tolist()
        [0.0, 0.96]
    """
    require_positive(step_size, "step_size")
    require_count(steps, "steps")
    f = CyclingFunction()
    state = method.init(np.asarray(starts, dtype=float))
    iterates = [state.x]
    for _ in range(steps):
        state = method.step(state, f.grad(method.query(state)), step_size)
        iterates.append(state.x)
    return np.array(iterates)


def falls_into_cycle(starts: np.ndarray) -> np.ndarray:
    """Return for each starting point whether heavy ball, started there at rest, ends in a cycle.

    Args:
        starts: starting points, shape (n,).

    Returns:
        Truth values, shape (n,).

    Example:
        >>> falls_into_cycle(np.array([3.0, 3.3, 3.5])).tolist()
        [False, True, False]
    """
    f = CyclingFunction()
    step_size, momentum = tune_heavy_ball(f.L, f.mu)
    run = iterates_from(HeavyBall(momentum), starts, step_size=step_size, steps=_SETTLED)
    return np.abs(run[-1]) > _NEAR


def cycling_intervals(
    low: float, high: float, *, points: int = 20_001, tol: float = 1e-9
) -> np.ndarray:
    """Find the intervals of starting points in [low, high] from which heavy ball cycles.

    The ends are searched between neighbouring points of a grid by bisection, so an interval or a
    gap narrower than the grid's spacing may be missed, and an interval that reaches `low` or
    `high` is cut there.

    Args:
        low: left end of the range.
        high: right end, larger than low.
        points: points of the grid, at least 2.
        tol: the ends are found up to this.

    Returns:
        Intervals in ascending order, shape (n, 2).

    Raises:
        UsageError: low is not smaller than high, or `points` or `tol` is out of its range.

    Example:
        >>> cycling_intervals(3.0, 3.6, points=61).round(3).tolist()
        [[3.061, 3.463]]
    """
    require_positive(tol, "tol")
    require_count(points, "points")
    if points < 2 or not -np.inf < low < high < np.inf:
        raise UsageError(
            f"low is {low!r}, high is {high!r} and points is {points!r}, expected finite "
            "low < high and 2 points or more"
        )
    grid = np.linspace(low, high, points)
    cycles = falls_into_cycle(grid)
    changes = np.flatnonzero(cycles[1:] != cycles[:-1])
    left, right, at_left = grid[changes], grid[changes + 1], cycles[changes]
    while left.size and (right - left).max() > tol:
        middle = (left + right) / 2
        same = falls_into_cycle(middle) == at_left
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    ends = [*([low] if cycles[0] else []), *(left + right) / 2, *([high] if cycles[-1] else [])]
    return np.reshape(np.array(ends, dtype=float), (-1, 2))
