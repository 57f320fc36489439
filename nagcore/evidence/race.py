"""Run several methods on the same problems, each tuned as its theory advises."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nagcore.core.tuned import TunedMethod
from nagcore.theory.catalogue import make_method
from nagcore.theory.minimize import Solution, minimize
from nagcore.theory.problem import Problem
from nagcore.theory.worst_function import WorstFunction


def tuned_method(name: str, problem: Problem, *, steps: int = 1) -> TunedMethod:
    """Return a method with the constants that theory advises for a problem's L and mu.

    Args:
        name: as in `nagcore.theory.METHODS`.
        problem: gives L and mu.
        steps: number of steps that will be taken, for the methods that are made for it.

    Raises:
        UsageError: an unknown name, or mu is 0 where it is needed.

    Example:
        >>> from nagcore.theory import Quadratic
        >>> tuned_method("gd", Quadratic((1.0, 3.0))).step_size
        0.5
    """
    return make_method(name, L=problem.L, mu=problem.mu, steps=steps)


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
        For each name its `Solution`, with its trace.

    Raises:
        UsageError: as `tuned_method` and `minimize`.
    """
    start = np.zeros_like(problem.x_star) if x0 is None else x0
    tuned = {name: tuned_method(name, problem, steps=max(steps, 1)) for name in names}
    return {
        name: minimize(problem, method, start, step_size=step_size, max_steps=steps, trace=True)
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
