"""Heavy ball's cycle of three points, with a start to move and steps to go through."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.core import HeavyBall, Nesterov, tune_heavy_ball, tune_nesterov
from nagcore.core.checks import require_count, require_positive
from nagcore.errors import UsageError
from nagcore.evidence.figures.style import STYLES, book_figure
from nagcore.evidence.play.base import Playground
from nagcore.theory.cycle import CyclingFunction, cycling_intervals, iterates_from, run_exactly

_POINTS = 2001  # of the grid on which the picture's bands are searched


def cycle(start: float = 3.3, *, reach: float = 10.0, steps: int = 40) -> Playground:
    """Show heavy ball and Nesterov's method on the function on which heavy ball can cycle.

    Args:
        start: the first starting point, within the reach.
        reach: largest distance of starting points from the minimum, positive.
        steps: the largest number of steps shown, positive.

    Returns:
        What a cell shows: the start and the number of steps can be changed.

    Raises:
        UsageError: a number is out of its range.

    Example:
        >>> cycle(3.5).attributes["start"]
        3.5
    """
    require_positive(reach, "reach")
    require_count(steps, "steps")
    require_positive(steps, "steps")
    if not abs(start) <= reach:
        raise UsageError(f"start is {start!r}, expected a number from {-reach:g} to {reach:g}")
    return Playground(
        "nag-cycle",
        _draw(start, reach, steps),
        "Above, the line of starting points with narrow bands from which heavy ball cycles. "
        "Below, the iterates of heavy ball, which go round three points, and of Nesterov’s "
        "method, which are soon at zero.",
        {"start": start, "reach": reach, "steps": steps},
    )


@book_figure
def _draw(start: float, reach: float, steps: int) -> Figure:
    figure, (line, runs) = plt.subplots(2, 1, figsize=(6.8, 3.8), height_ratios=(1, 4))
    style = STYLES["heavy-ball"]
    for low, high in cycling_intervals(-reach, reach, points=_POINTS):
        line.axvspan(low, high, color=style.color, alpha=0.3, linewidth=0)
    line.plot(0, 0, "*", color="black", markersize=8)
    line.plot(start, 0, "o", color=style.color, markersize=8, clip_on=False)
    line.set(xlim=(-reach, reach), yticks=[], xlabel="starting point")
    _draw_runs(runs, start, steps)
    return figure


def _draw_runs(axes: Axes, start: float, steps: int) -> None:
    f = CyclingFunction()
    heavy, safe = tune_heavy_ball(f.L, f.mu), tune_nesterov(f.L, f.mu)
    for point in run_exactly(2):
        axes.axhline(float(point), color="#777777", linewidth=0.8, linestyle=":")
    rules = {
        "heavy-ball": (HeavyBall(heavy.momentum), heavy.step_size),
        "nag": (Nesterov(safe.momentum), safe.step_size),
    }
    for name, (rule, step_size) in rules.items():
        run = iterates_from(rule, np.array([start]), step_size=step_size, steps=steps)[:, 0]
        style = STYLES[name]
        axes.plot(run, marker=style.marker, markersize=3.5, **{**style.line(), "linewidth": 1.1})
    axes.set(ylim=(-4, 4), xlabel="step k", ylabel="iterate")
    axes.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
