"""Learning curves, final accuracies and the search for a step size."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.spread import spread_along
from nagcore.evidence.figures.style import STYLES, book_figure
from nagcore.evidence.record import Record


@book_figure
def draw_learning_curves(record: Record) -> Figure:
    """Draw training loss and test accuracy by epoch: the mean, and a band from least to most.

    Args:
        record: of "cnn-1000".
    """
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.5))
    long = record.long("train_loss", "test_accuracy", x="epoch")
    for axes, column in zip(panels, ("train_loss", "test_accuracy"), strict=True):
        for name in record.declaration.axes["optimizer"]:
            curve = spread_along(long.loc[long["optimizer"] == name], "epoch", column)
            style = STYLES[name]
            axes.plot(curve.x, curve.mean, **style.line())
            axes.fill_between(
                curve.x, curve.least, curve.greatest, color=style.color, alpha=0.15, linewidth=0
            )
        axes.set_xlabel("epoch")
    panels[0].set_yscale("log")
    panels[0].set_ylabel("training loss, nats")
    panels[1].set_ylabel("test accuracy")
    panels[1].legend(loc="lower right")
    return figure


@book_figure
def draw_accuracies(record: Record, baselines: Record) -> Figure:
    """Draw the final test accuracy of every seed as a dot, the baselines as lines.

    Args:
        record: of "cnn-1000".
        baselines: of "baselines-1000".
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    frame, names = record.frame(), record.declaration.axes["optimizer"]
    for height, name in enumerate(reversed(names)):
        values = frame.loc[frame["optimizer"] == name, "accuracy"].to_numpy(dtype=float)
        style = STYLES[name]
        axes.plot(
            values,
            np.full(len(values), height),
            marker=style.marker,
            linestyle="none",
            color=style.color,
            alpha=0.75,
        )
        axes.plot([values.mean()] * 2, [height - 0.3, height + 0.3], color=style.color)
    for row in baselines.rows:
        axes.axvline(row["accuracy"], color="#999999", linestyle=":", linewidth=1)
        axes.annotate(
            str(row["classifier"]).replace("-", " "),
            (row["accuracy"], len(names) - 0.35),
            rotation=90,
            ha="right",
            va="top",
            fontsize=7.5,
            color="#666666",
        )
    axes.set_yticks(range(len(names)), [STYLES[name].label for name in reversed(names)])
    axes.set_xlabel("accuracy on the 1,000 test images")
    axes.grid(visible=False, axis="y")
    return figure


@book_figure
def draw_tuning(record: Record, best: Mapping[str, float]) -> Figure:
    """Draw held-out accuracy against the step size for every optimizer, the chosen one ringed.

    Args:
        record: of "cnn-tuning".
        best: the step size chosen for each optimizer.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.5))
    frame = record.frame()
    for name in record.declaration.axes["optimizer"]:
        style = STYLES[name]
        curve = spread_along(frame.loc[frame["optimizer"] == name], "lr", "accuracy")
        axes.plot(curve.x, curve.mean, **style.line(), marker=style.marker, markersize=4)
        at = np.flatnonzero(np.isclose(curve.x, best[name]))
        axes.plot(
            curve.x[at],
            curve.mean[at],
            marker="o",
            markersize=12,
            markerfacecolor="none",
            color=style.color,
        )
    axes.set_xscale("log")
    axes.set_xlabel("step size (lr)")
    axes.set_ylabel("accuracy on held-out images")
    axes.legend()
    return figure
