"""Accuracy and calibration of the network with each loss."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import MethodStyle, book_figure
from nagcore.evidence.losses_table import by_loss
from nagcore.evidence.record import Record

STYLE_OF: dict[str, MethodStyle] = {
    "cross-entropy": MethodStyle("cross-entropy", "#0072b2", "-", "D"),
    "label-smoothing": MethodStyle("cross-entropy,\nlabels smoothed", "#00785a", "-", "P"),
    "mse-one-hot": MethodStyle("squared error,\none-hot", "#b07800", "-", "s"),
    "mse-integer-labels": MethodStyle("squared error,\ninteger labels", "#2b2b2b", "-", "X"),
}
_PANELS = {"accuracy": "test accuracy", "calibration_error": "expected calibration error"}


@book_figure
def draw_losses(record: Record) -> Figure:
    """Draw accuracy, left, and calibration error, right, of every seed, with their means.

    Open marks read the mean score as the number of a class, where the loss is on numbers; such a
    network gives no probabilities, so that it has no calibration error.

    Args:
        record: of "losses-on-cnn".
    """
    figure, panels = plt.subplots(1, 2, figsize=(7.4, 2.9), sharey=True)
    losses = record.declaration.axes["loss"]
    for axes, (column, label) in zip(panels, _PANELS.items(), strict=True):
        for height, (loss, values) in enumerate(reversed(by_loss(record, column).items())):
            _draw_seeds(axes, height, STYLE_OF[loss], values)
            if (loss, column) == ("mse-integer-labels", "accuracy"):
                numbers = by_loss(record, "accuracy_of_number")[loss]
                _draw_seeds(axes, height, STYLE_OF[loss], numbers, filled=False)
        axes.set_xlabel(label)
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
    panels[0].set_yticks(range(len(losses)), [STYLE_OF[loss].label for loss in reversed(losses)])
    panels[0].set_ylim(-0.6, len(losses) - 0.4)
    return figure


def _draw_seeds(
    axes: Axes, height: int, style: MethodStyle, values: np.ndarray, *, filled: bool = True
) -> None:
    if np.isnan(values).all():
        return
    axes.plot(
        values,
        np.full(len(values), height),
        marker=style.marker,
        linestyle="none",
        color=style.color,
        alpha=0.75,
        markerfacecolor=style.color if filled else "none",
    )
    axes.plot([values.mean()] * 2, [height - 0.25, height + 0.25], color=style.color)
