"""Iterates beside the differential equation that they follow."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.paths import draw_contours
from nagcore.evidence.figures.style import BOUND, STYLES, book_figure
from nagcore.theory.flow import Trajectory, bound_nesterov_flow
from nagcore.theory.problem import Problem
from nagcore.theory.quadratic import Quadratic

# Step sizes are told apart by marker and by how full it is, from coarse to fine.
_MARKS = (("s", 5.0, "none"), ("^", 4.5, "none"), ("o", 2.5, None))


@book_figure
def draw_flow_paths(
    problem: Quadratic,
    flows: Mapping[str, Trajectory],
    runs: Mapping[str, Mapping[float, Trajectory]],
) -> Figure:
    """Draw, in a panel for each method, its iterates for several step sizes over the flow.

    Args:
        problem: a quadratic in two variables.
        flows: the solution of the differential equation, by the method's name in `STYLES`.
        runs: for each method the dated iterates by step size, coarse to fine; three are drawn.
    """
    figure, panels = plt.subplots(len(flows), 1, figsize=(6.6, 2.6 * len(flows)), sharex=True)
    for axes, (name, flow) in zip(np.atleast_1d(panels), flows.items(), strict=True):
        draw_contours(axes, problem, flow.points)
        axes.plot(*flow.points.T, color="black", linewidth=1.2, label="differential equation")
        for (alpha, run), (marker, size, face) in zip(runs[name].items(), _MARKS, strict=False):
            color = STYLES[name].color
            axes.plot(
                *run.points.T,
                marker,
                color=color,
                markersize=size,
                markerfacecolor=face or color,
                label=f"α = {alpha:g}",
            )
        axes.plot(*problem.x_star, marker="*", color="black", markersize=9)
        axes.set_title(STYLES[name].label, color=STYLES[name].color, fontsize=10, loc="left")
        axes.set_ylabel("second coordinate")
        axes.grid(visible=False)
        axes.legend(fontsize=7.5, loc="upper left", frameon=True, framealpha=0.9)
    np.atleast_1d(panels)[-1].set_xlabel("first coordinate")
    return figure


@book_figure
def draw_flow_gaps(
    problem: Problem, flow: Trajectory, runs: Mapping[float, Trajectory], *, distance: float
) -> Figure:
    """Draw the gap of the flow with friction 3/t and of Nesterov's iterates against time.

    Args:
        problem: gives f and f⋆.
        flow: the solution of the differential equation.
        runs: dated iterates by step size, coarse to fine; three are drawn.
        distance: ‖x_0 − x⋆‖, for the bound 2 R²/t².
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    axes.plot(
        flow.times[1:], _gaps(problem, flow)[1:], color="black", label="differential equation"
    )
    for (alpha, run), (marker, size, face) in zip(runs.items(), _MARKS, strict=False):
        color = STYLES["nag"].color
        # evenly spread over the logarithmic axis
        chosen = np.unique(np.geomspace(1, len(run.times) - 1, 30).astype(int))
        axes.plot(
            run.times[chosen],
            _gaps(problem, run)[chosen],
            marker,
            color=color,
            markersize=size,
            markerfacecolor=face or color,
            label=f"α = {alpha:g}",
        )
    late = flow.times[flow.times >= flow.times[-1] / 40]
    axes.plot(late, bound_nesterov_flow(late, distance=distance), **BOUND, label="bound 2 R² / t²")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(left=min(run.times[1] for run in runs.values()) / 1.5)
    axes.set_xlabel("time t, for the iterates k √α")
    axes.set_ylabel("gap f(x) − f⋆")
    axes.legend(fontsize=8)
    return figure


def _gaps(problem: Problem, path: Trajectory) -> np.ndarray:
    return np.array([problem.value(x) - problem.f_star for x in path.points])
