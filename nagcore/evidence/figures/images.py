"""Images and what a classifier makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import book_figure


@book_figure
def draw_samples(images: np.ndarray, captions: Sequence[str], *, columns: int = 6) -> Figure:
    """Draw images in a grid, each with its caption below.

    Args:
        images: shape (n, 28, 28), dark where large.
        captions: n texts.
        columns: images in a row.
    """
    rows = -(-len(images) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(7.0, 1.55 * rows), squeeze=False)
    for axes in panels.flat:
        axes.axis("off")
    for axes, image, caption in zip(panels.flat, images, captions, strict=False):
        axes.imshow(image, cmap="gray_r", interpolation="nearest")
        axes.annotate(
            caption, (0.5, -0.04), xycoords="axes fraction", ha="center", va="top", fontsize=7
        )
    return figure


@book_figure
def draw_confusion(matrix: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a confusion matrix: true class in rows, predicted class in columns.

    Args:
        matrix: counts, shape (classes, classes).
        classes: their names.
    """
    figure, axes = plt.subplots(figsize=(5.6, 4.9))
    share = matrix / matrix.sum(axis=1, keepdims=True)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(share):
        if matrix[row, column]:
            axes.annotate(
                f"{100 * value:.0f}",
                (column, row),
                ha="center",
                va="center",
                fontsize=7.5,
                color="white" if value > 0.5 else "black",
            )
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.grid(visible=False)
    return figure
