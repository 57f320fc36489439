"""Paths of iterates over the contours of a function of two variables."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.core import HeavyBall, Nesterov
from nagcore.evidence.figures.style import STYLES, book_figure
from nagcore.theory.minimize import Solution
from nagcore.theory.quadratic import Quadratic


@book_figure
def draw_paths(problem: Quadratic, runs: Mapping[str, Solution]) -> Figure:
    """Draw one panel for each run: its iterates over the contours.

    Args:
        problem: a quadratic in two variables.
        runs: solutions with their traces by the text above the panel; a name of `STYLES` gives
            colour and label.
    """
    figure, panels = plt.subplots(
        len(runs), 1, figsize=(6.4, 1.75 * len(runs)), sharex=True, sharey=True, squeeze=False
    )
    corners = np.concatenate([run.iterates for run in runs.values()])
    for axes, (name, run) in zip(panels[:, 0], runs.items(), strict=True):
        draw_contours(axes, problem, corners)
        style = STYLES.get(name, STYLES["gd"])
        axes.plot(
            *run.iterates.T, color=style.color, marker=style.marker, markersize=3, linewidth=1.1
        )
        axes.plot(*problem.x_star, marker="*", color="black", markersize=9)
        axes.annotate(
            style.label if name in STYLES else name,
            (0.01, 0.97),
            xycoords="axes fraction",
            va="top",
            color=style.color,
            fontweight="bold",
        )
        axes.grid(visible=False)
    panels[-1, 0].set_xlabel("first coordinate")
    figure.supylabel("second coordinate", fontsize=9.5)
    return figure


@book_figure
def draw_one_step(
    problem: Quadratic,
    x: np.ndarray,
    displacement: np.ndarray,
    *,
    step_size: float,
    momentum: float,
) -> Figure:
    """Draw where heavy ball and Nesterov's method go from the same iterate and displacement.

    Args:
        problem: a quadratic in two variables.
        x: the iterate x_k, shape (2,).
        displacement: x_k − x_{k−1}, shape (2,).
        step_size: α.
        momentum: β.
    """
    figure, panels = plt.subplots(1, 2, figsize=(6.8, 3.3), sharex=True, sharey=True)
    rules = {"heavy-ball": HeavyBall(momentum), "nag": Nesterov(momentum)}
    ends = {}
    for axes, (name, rule) in zip(panels, rules.items(), strict=True):
        state = rule.init(x)._replace(displacement=displacement, k=1)
        query = rule.query(state)
        grad = problem.grad(query)
        ends[name] = rule.step(state, grad, step_size).x
        carried = x + momentum * displacement
        _arrow(axes, x - displacement, x, "#999999", "last displacement")
        _arrow(axes, x, carried, STYLES[name].color, "momentum")
        start = query if name == "nag" else carried
        _arrow(axes, start, start - step_size * grad, "black", "gradient step")
        axes.plot(
            *query, marker="o", color="black", markerfacecolor="white", markersize=8, zorder=5
        )
        axes.plot(*x, marker=".", color="black")
        axes.set_title(STYLES[name].label, color=STYLES[name].color, fontsize=10)
        axes.set_xlabel("first coordinate")
    seen = np.array(
        [x, x - displacement, x + momentum * displacement, *ends.values(), problem.x_star]
    )
    for axes in panels:
        draw_contours(axes, problem, seen)
        axes.plot(*problem.x_star, marker="*", color="black", markersize=9)
        axes.grid(visible=False)
    panels[0].set_ylabel("second coordinate")
    panels[0].legend(loc="upper left", fontsize=8, frameon=True, framealpha=0.9)
    return figure


def _arrow(axes: Axes, start: np.ndarray, end: np.ndarray, color: str, label: str) -> None:
    axes.annotate(
        "",
        (end[0], end[1]),
        xytext=(start[0], start[1]),
        arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.6},
    )
    axes.plot([], [], color=color, label=label)


def draw_contours(axes: Axes, problem: Quadratic, points: np.ndarray) -> None:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * (high - low).max() * np.array([1.0, 1.0])
    low, high = low - margin, high + margin
    grid = np.meshgrid(np.linspace(low[0], high[0], 120), np.linspace(low[1], high[1], 120))
    values = np.apply_along_axis(problem.value, -1, np.stack(grid, axis=-1))
    levels = values.max() * np.geomspace(1e-3, 1, 9)
    axes.contour(*grid, values, levels=levels, colors="#bbbbbb", linewidths=0.7)
