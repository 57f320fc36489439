"""Composite problems: the duality gap and the support over the step."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.restart import RUN_STYLES
from nagcore.evidence.figures.style import STYLES, MethodStyle, book_figure
from nagcore.theory.minimize import Solution
from nagcore.theory.sparse_regression import ElasticNetRegression

COMPOSITE_STYLES: dict[str, MethodStyle] = {
    "proximal-gradient": STYLES["gd"]._replace(label="proximal gradient"),
    "fista": STYLES["nag-1983"]._replace(label="FISTA"),
    "restarted": RUN_STYLES["gradient restart"]._replace(label="FISTA, gradient restart"),
}

# a smaller duality gap is rounding, seen from the first one
_ROUNDING = 1e-15


@book_figure
def draw_lasso(problem: ElasticNetRegression, runs: Mapping[str, Solution]) -> Figure:
    """Draw the duality gap over the step, and below it the number of entries that are not 0.

    Args:
        problem: whose duality gap it is.
        runs: a solution with its trace for each method, by its name in `COMPOSITE_STYLES`.
    """
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(6.8, 4.6), sharex=True, height_ratios=(2, 1)
    )
    for name, run in runs.items():
        style = COMPOSITE_STYLES[name]
        gaps = np.array([problem.duality_gap(x) for x in run.iterates])
        upper.plot(np.where(gaps > _ROUNDING * gaps[0], gaps, np.nan), **style.line())
        lower.plot(np.count_nonzero(run.iterates, axis=1), **style.line())
    lower.axhline(np.count_nonzero(problem.x_star), color="#8a8a8a", linewidth=0.8, linestyle=":")
    upper.set_yscale("log")
    upper.set_ylabel("duality gap")
    upper.legend()
    lower.set_ylabel("entries not 0")
    lower.set_xlabel("step k")
    return figure


def steps_to_support(problem: ElasticNetRegression, run: Solution) -> int:
    """Return the step from which on the entries that are not 0 are those of the minimizer.

    Args:
        problem: with its minimizer.
        run: a solution with its trace.

    Returns:
        The first such step; `run.steps + 1` if the last iterate has another support.

    Example:
        >>> from nagcore.core import FISTA
        >>> from nagcore.theory import Lasso, minimize
        >>> F = Lasso(np.eye(2), np.array([3.0, 0.5]), weight=0.5)
        >>> run = minimize(F, FISTA(F.prox), [1.0, 1.0], max_steps=30, trace=True)
        >>> steps_to_support(F, run)
        1
    """
    wrong = np.flatnonzero(((run.iterates != 0) != (problem.x_star != 0)).any(axis=1))
    return int(wrong[-1]) + 1 if len(wrong) else 0
