"""What a step costs, what a threshold does, and what the number of examples does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.evidence.article_costs import StepCost
from nagcore.evidence.article_threshold import ThresholdRun
from nagcore.evidence.figures.style import STYLES, MethodStyle, book_figure

# No methods but plans for the rate, all of them under Nesterov's method.
PLAN_STYLES: dict[str, MethodStyle] = {
    "constant": MethodStyle("constant", "#2b2b2b", "-", "o"),
    "rises": MethodStyle("rises", "#0072b2", (0, (5, 1.5)), "^"),
    "falls": MethodStyle("falls", "#b07800", (0, (1, 1)), "v"),
    "jumps": MethodStyle("jumps for ten steps", "#8c3f7f", (0, (5, 1, 1, 1)), "D"),
}
WAY_STYLES: dict[str, MethodStyle] = {
    "gd": STYLES["gd"]._replace(label="gradient descent, all examples"),
    "nag": STYLES["nag"]._replace(label="Nesterov, all examples"),
    "sgd": STYLES["sgd"]._replace(label="gradient descent, mini-batches"),
    "nag-batches": MethodStyle("Nesterov, mini-batches", "#0072b2", (0, (2, 1)), "d"),
}


@book_figure
def draw_step_costs(
    costs: Mapping[str, StepCost],
    variables: int,
    gaps: Mapping[str, np.ndarray],
    operations: Mapping[str, np.ndarray],
) -> Figure:
    """Draw what a step costs beside the gradient, and the gap against all that was computed.

    Args:
        costs: of a step, by the method's name in `STYLES`.
        variables: for how many parameters they were counted.
        gaps: f(x_k) − f⋆ of a run, by method.
        operations: computed up to x_k, likewise.
    """
    figure, panels = plt.subplot_mosaic(
        [["operations", "kept"], ["total", "total"]],
        figsize=(6.8, 5.4),
        height_ratios=(1, 1.3),
    )
    _draw_bars(panels["operations"], {n: c.operations / variables for n, c in costs.items()})
    panels["operations"].set_xlabel("operations in a step, per parameter")
    _draw_bars(panels["kept"], {n: c.kept / variables for n, c in costs.items()})
    panels["kept"].set_xlabel("numbers kept, per parameter")
    panels["kept"].tick_params(labelleft=False)
    axes = panels["total"]
    for name, values in gaps.items():
        axes.plot(operations[name] / 1e6, values / values[0], **STYLES[name].line())
    axes.set_yscale("log")
    axes.set_xlabel("operations in all, gradients and steps, millions")
    axes.set_ylabel("gap, part of the first")
    axes.legend()
    return figure


def _draw_bars(axes: Axes, values: Mapping[str, float]) -> None:
    names = list(values)[::-1]
    for height, name in enumerate(names):
        style = STYLES[name]
        axes.barh(height, values[name], color=style.color, height=0.6)
        axes.annotate(
            f"{values[name]:.0f}", (values[name], height), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=8.5,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), [STYLES[name].label for name in names])
    axes.margins(x=0.12)
    axes.grid(visible=False, axis="y")


@book_figure
def draw_thresholds(
    thresholds: Sequence[float], runs: Mapping[str, Sequence[ThresholdRun]]
) -> Figure:
    """Draw steps and the rise of the gap against K, a curve for each plan of the rate.

    Args:
        thresholds: K, rising and positive.
        runs: for each plan by its name in `PLAN_STYLES` a run for each threshold.
    """
    figure, (steps, rises) = plt.subplots(1, 2, figsize=(6.8, 3.4))
    for name, found in runs.items():
        style = {**PLAN_STYLES[name].line(), "marker": PLAN_STYLES[name].marker, "markersize": 4}
        steps.plot(thresholds, [run.steps for run in found], **style)
        rises.plot(thresholds, [run.rise for run in found], **style)
    for axes in (steps, rises):
        axes.set_xscale("log")
        axes.set_xlabel("threshold K")
    rises.set_yscale("log")
    steps.set_ylabel("steps to the accuracy")
    rises.set_ylabel("largest rise of the gap, factor")
    figure.legend(*steps.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


@book_figure
def draw_examples(rows: Sequence[int], examples: Mapping[str, Sequence[int]]) -> Figure:
    """Draw the examples read to one accuracy against the number of examples there are.

    Args:
        rows: how many examples there are, rising.
        examples: for each way by its name in `WAY_STYLES` how many were read for each of `rows`.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for name, read in examples.items():
        style = WAY_STYLES[name]
        axes.plot(rows, read, **style.line(), marker=style.marker, markersize=5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("examples in the training set")
    axes.set_ylabel("examples read")
    axes.legend(fontsize=8.5)
    return figure
