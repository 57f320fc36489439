"""The function on which heavy ball cycles, and the starting points from which it does."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import STYLES, book_figure
from nagcore.theory.cycle import CyclingFunction, run_exactly

_SHADE = "#d55e00"
# A second run of a method: darker, dotted, its marks open.
_SECOND = {"linestyle": ":", "color": "#7a3500", "marker": "s", "markerfacecolor": "white"}


@book_figure
def draw_cycle(runs: Mapping[str, np.ndarray], labels: Mapping[str, str]) -> Figure:
    """Draw the slope with the cycle on it, and iterates against the step.

    Args:
        runs: iterates, shape (k + 1,), by the method's name in `STYLES`, or such a name followed
            by a space and anything else for a second run of the same method.
        labels: the text of the legend for each run.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.2), width_ratios=(1, 1.7))
    _draw_slope(left)
    for name, run in runs.items():
        method, _, second = name.partition(" ")
        style = STYLES[method]
        look = {**style.line(), "marker": style.marker, **(_SECOND if second else {})}
        right.plot(run, **{**look, "label": labels[name]}, linewidth=1.2, markersize=4)
    right.axhline(0, color="#999999", linewidth=0.8)
    right.set_xlabel("step k")
    right.set_ylabel("iterate")
    right.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def _draw_slope(axes: Axes) -> None:
    f = CyclingFunction()
    x = np.array([-2.4, 1.0, 2.0, 2.7])
    axes.plot(x, f.grad(x), color="black")
    cycle = np.array([float(point) for point in run_exactly(3)])
    slopes = f.grad(cycle)
    for i in range(3):
        axes.annotate(
            "",
            (cycle[i + 1], slopes[i + 1]),
            xytext=(cycle[i], slopes[i]),
            arrowprops={
                "arrowstyle": "-|>",
                "color": _SHADE,
                "linewidth": 1.0,
                "connectionstyle": "arc3,rad=0.35",
                "shrinkA": 5,
                "shrinkB": 5,
            },
        )
    axes.plot(cycle[:3], slopes[:3], STYLES["heavy-ball"].marker, color=_SHADE, markersize=7)
    axes.plot(0, 0, marker="*", color="black", markersize=9)
    axes.set_xlabel("x")
    axes.set_ylabel("f′(x)")


@book_figure
def draw_basin(starts: np.ndarray, ends: Mapping[str, np.ndarray], intervals: np.ndarray) -> Figure:
    """Draw how far from the minimum each start ends, and the intervals that cycle as bands.

    Args:
        starts: starting points, shape (n,).
        ends: |x_k| after the same number of steps, shape (n,), by the name in `STYLES`.
        intervals: starting points from which heavy ball cycles, shape (m, 2).
    """
    figure, axes = plt.subplots(figsize=(7.4, 3.2))
    for i, (low, high) in enumerate(intervals):
        label = "heavy ball cycles" if i == 0 else None
        axes.axvspan(low, high, color=_SHADE, alpha=0.2, linewidth=0, label=label)
    for name, end in ends.items():
        axes.plot(starts, np.maximum(end, 1e-17), **{**STYLES[name].line(), "linewidth": 1.1})
    axes.set_yscale("log")
    axes.set_xlabel("starting point")
    axes.set_ylabel("distance to the minimum")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
