"""Run several methods on the same problems, each tuned as its theory advises."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from nagcore.core import (
    GradientDescent,
    HeavyBall,
    Method,
    Nesterov,
    Tuning,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
)
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.theory.minimize import Solution, minimize
from nagcore.theory.problem import Problem
from nagcore.theory.worst_function import WorstFunction


class TunedMethod(NamedTuple):
    """A rule with the step size that belongs to it."""

    method: Method[Any]
    step_size: float


def _with(rule: Callable[[float], Method[Any]], tuning: Tuning) -> TunedMethod:
    return TunedMethod(rule(tuning.momentum), tuning.step_size)


_TUNED: dict[str, Callable[[float, float], TunedMethod]] = {
    "gd": lambda L, mu: TunedMethod(GradientDescent(), tune_gradient_descent(L, mu).step_size),
    "gd-convex": lambda L, mu: TunedMethod(GradientDescent(), 1 / L),  # noqa: ARG005
    "heavy-ball": lambda L, mu: _with(HeavyBall, tune_heavy_ball(L, mu)),
    "nag": lambda L, mu: _with(Nesterov, tune_nesterov(L, mu)),
    "nag-1983": lambda L, mu: TunedMethod(Nesterov(), 1 / L),  # noqa: ARG005
}


def tuned_method(name: str, problem: Problem) -> TunedMethod:
    """Return a method with the constants that theory advises for a problem's L and mu.

    Args:
        name: "gd", "heavy-ball" and "nag" use L and mu; "gd-convex" and "nag-1983" use L alone.
        problem: gives L and mu.

    Raises:
        UsageError: an unknown name, or mu is 0 where it is needed.

    Example:
        >>> from nagcore.theory import Quadratic
        >>> tuned_method("gd", Quadratic((1.0, 3.0))).step_size
        0.5
    """
    if name not in _TUNED:
        raise UsageError(f"method {name!r} is not known; known: {closest_first(name, _TUNED)}")
    return _TUNED[name](problem.L, problem.mu)


def race(
    problem: Problem, names: Iterable[str], *, steps: int, x0: np.ndarray | None = None
) -> dict[str, Solution]:
    """Run the named methods from one start for the same number of steps.

    Args:
        problem: what to minimize.
        names: as in `tuned_method`.
        steps: steps of each.
        x0: the start; the origin if left out.

    Returns:
        For each name its `Solution`.

    Raises:
        UsageError: as `tuned_method` and `minimize`.
    """
    start = np.zeros_like(problem.x_star) if x0 is None else x0
    tuned = {name: tuned_method(name, problem) for name in names}
    return {
        name: minimize(problem, method, start, step_size=step_size, max_steps=steps)
        for name, (method, step_size) in tuned.items()
    }


def race_on_worst_functions(names: Iterable[str], budgets: Iterable[int]) -> dict[str, np.ndarray]:
    """Run each method for k steps on the worst function in 2k + 1 variables, for every budget k.

    Args:
        names: as in `tuned_method`.
        budgets: the numbers k of steps.

    Returns:
        For each name (f(x_k) − f⋆) / (L ‖x_0 − x⋆‖²), shape (number of budgets,).

    Source: the functions: [nesterov2018], Theorem 2.1.7.

    Example:
        >>> race_on_worst_functions(["gd-convex"], [1])["gd-convex"].round(4).tolist()
        [0.0536]
    """
    names, budgets = tuple(names), tuple(budgets)
    gaps: dict[str, list[float]] = {name: [] for name in names}
    for budget in budgets:
        problem = WorstFunction(2 * budget + 1)
        scale = problem.L * float(problem.x_star @ problem.x_star)
        for name, run in race(problem, names, steps=budget).items():
            gaps[name].append(run.gaps[-1] / scale)
    return {name: np.array(values) for name, values in gaps.items()}
