"""Loss and accuracy against steps and seconds, step sizes tried, and pictures of speech."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from nagcore.evidence.figures.style import book_figure, fill_band, find_style, ring
from nagcore.evidence.modalities_verdicts import times
from nagcore.evidence.record import Record
from nagcore.training.speech import DigitFeatures
from nagcore.training.speech.features import WORDS
from nagcore.training.speech.log_mel import HOP

_PANELS = (("validation_loss", "validation loss, nats"), ("validation_accuracy", "accuracy"))


@book_figure
def draw_modality(record: Record) -> Figure:
    """Draw loss and accuracy on the validation part against steps and against seconds.

    Lines are means over the seeds, bands reach from the least to the greatest; seconds are steps
    times the mean seconds of a step.

    Args:
        record: by the protocol of chapter 13.
    """
    figure, panels = plt.subplots(2, 2, figsize=(7.2, 5.4), sharex="col", sharey="row")
    for line, (column, name) in zip(panels, _PANELS, strict=True):
        line[0].set_ylabel(name)
        for row in record.rows:
            _draw_spread(line[0], np.asarray(row["step"]), row, column)
            _draw_spread(line[1], times(row), row, column)
    panels[0, 0].set_yscale("log")
    panels[0, 0].yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    panels[0, 0].yaxis.set_major_formatter("{x:g}")
    panels[0, 0].yaxis.set_minor_formatter(NullFormatter())
    panels[1, 0].set_xlabel("step")
    panels[1, 1].set_xlabel("seconds")
    panels[0, 1].legend(loc="upper right", fontsize=8)
    return figure


def _draw_spread(axes: Axes, x: np.ndarray, row: Mapping[str, Any], column: str) -> None:
    values = np.asarray(row[column], dtype=float)
    style = find_style(row["optimizer"])
    axes.plot(x, values.mean(axis=0), **style.line(), marker=style.marker, markersize=3)
    fill_band(axes, x, values.min(axis=0), values.max(axis=0), style.color)


@book_figure
def draw_step_sizes_tried(record: Record) -> Figure:
    """Draw the validation loss at the end against the step size, the chosen one ringed.

    A step size with which training diverged has no mark.

    Args:
        record: by the protocol of chapter 13.
    """
    figure, axes = plt.subplots(figsize=(7.2, 3.4))
    grids = record.declaration.constants["lr_grid"]
    for row in record.rows:
        style, grid = find_style(row["optimizer"]), grids[row["optimizer"]]
        losses = dict(zip(grid, row["tuning_loss"], strict=True))
        axes.plot(grid, row["tuning_loss"], **style.line(), marker=style.marker, markersize=4)
        ring(axes, row["lr"], losses[row["lr"]], style.color)
    axes.set_xscale("log")
    axes.set_xlabel("step size (lr)")
    axes.set_ylabel("validation loss, nats")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@book_figure
def draw_spectrograms(features: DigitFeatures, speakers: tuple[str, str]) -> Figure:
    """Draw five words as two speakers say them: time to the right, pitch upwards.

    Args:
        features: with these speakers.
        speakers: one for each row.
    """
    words = range(0, 10, 2)
    figure, panels = plt.subplots(2, len(words), figsize=(7.2, 3.2), sharex=True, sharey=True)
    for line, speaker in zip(panels, speakers, strict=True):
        own = features.of({speaker})
        line[0].set_ylabel(f"{speaker}\nmel band")
        for axes, digit in zip(line, words, strict=True):
            picture = own.levels[own.digits == digit][0]
            reach = (0.0, picture.shape[1] * HOP, 0.0, float(len(picture)))
            axes.imshow(picture, origin="lower", aspect="auto", cmap="cividis", extent=reach)
            axes.grid(visible=False)
    for axes, digit in zip(panels[0], words, strict=True):
        axes.annotate(WORDS[digit], (0.5, 1.02), xycoords="axes fraction", ha="center", va="bottom")
    for axes in panels[1]:
        axes.set_xlabel("seconds")
    return figure
