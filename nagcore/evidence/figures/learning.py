"""Learning curves, final accuracies and the search for a step size."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.evidence.figures.spread import spread_along
from nagcore.evidence.figures.style import LABEL, STYLES, book_figure, fill_band, ring
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
            fill_band(axes, curve.x, curve.least, curve.greatest, style.color)
        axes.set_xlabel("epoch")
    panels[0].set_yscale("log")
    panels[0].set_ylabel("training loss, nats")
    panels[1].set_ylabel("test accuracy")
    panels[1].legend(loc="lower right")
    return figure


@book_figure
def draw_accuracies(record: Record, baselines: Record) -> Figure:
    """Draw the final test accuracy of every seed as a mark, the baselines as lines.

    The axis spans the methods that reach the weaker baseline with one seed or more; the others
    stand at its left end in numbers.

    Args:
        record: of "cnn-1000".
        baselines: of "baselines-1000".
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    names = record.declaration.axes["optimizer"]
    runs = {
        name: np.array([row["accuracy"] for row in record.rows if row["optimizer"] == name])
        for name in names
    }
    lines = {row["classifier"]: row["accuracy"] for row in baselines.rows}
    near = [values for values in runs.values() if values.max() >= min(lines.values())]
    shown = np.concatenate([*near, list(lines.values())])
    axes.set_xlim(shown.min() - 0.025, shown.max() + 0.01)
    axes.set_ylim(-0.5, len(names) + 0.4)
    for height, (name, values) in enumerate(reversed(runs.items())):
        _draw_seeds(axes, height, name, values)
    for classifier, accuracy in lines.items():
        axes.axvline(accuracy, color="#999999", linestyle=":", linewidth=1)
        axes.annotate(
            classifier.replace("-", " "),
            (accuracy, len(names) + 0.35),
            xytext=(-3, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=7.5,
            color=LABEL,
        )
    axes.set_yticks(range(len(names)), [STYLES[name].label for name in reversed(names)])
    axes.set_xlabel("accuracy on the 1,000 test images")
    axes.grid(visible=False, axis="y")
    return figure


def _draw_seeds(axes: Axes, height: int, name: str, values: np.ndarray) -> None:
    style, left = STYLES[name], axes.get_xlim()[0]
    axes.plot(
        values,
        np.full(len(values), height),
        marker=style.marker,
        linestyle="none",
        color=style.color,
        alpha=0.75,
    )
    if values.max() < left:
        text = f"◂ {values.min():.3f} to {values.max():.3f}, mean {values.mean():.3f}"
        axes.annotate(
            text,
            (left, height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=style.color,
            backgroundcolor=axes.get_facecolor(),  # the lines of the baselines pass behind
        )
    else:
        axes.plot([values.mean()] * 2, [height - 0.3, height + 0.3], color=style.color)


@book_figure
def draw_tuning(record: Record, best: Mapping[str, float]) -> Figure:
    """Draw held-out accuracy against the step size for every optimizer, the chosen one ringed.

    Args:
        record: of "cnn-tuning".
        best: the step size chosen for each optimizer.
    """
    figure, axes = plt.subplots(figsize=(7.2, 3.5))
    frame = record.frame()
    for name in record.declaration.axes["optimizer"]:
        style = STYLES[name]
        curve = spread_along(frame.loc[frame["optimizer"] == name], "lr", "accuracy")
        axes.plot(curve.x, curve.mean, **style.line(), marker=style.marker, markersize=4)
        at = np.flatnonzero(np.isclose(curve.x, best[name]))
        ring(axes, curve.x[at], curve.mean[at], style.color)
    axes.set_xscale("log")
    axes.set_xlabel("step size (lr)")
    axes.set_ylabel("accuracy on held-out images")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
