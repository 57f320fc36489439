"""Curves with a band, and the panels that hold them."""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.errors import UsageError
from nagcore.evidence.figures.style import MethodStyle, fill_band
from nagcore.names import closest_first

_WIDTH = {1: 5.6, 2: 7.2, 3: 8.6}  # inches, by the number of panels side by side


class Band(NamedTuple):
    """The runs of one method along an axis, each entry of shape (n,).

    Attributes:
        x: where they were measured.
        middle: the median over the runs, ±∞ where more than half of them were lost.
        low: the least finite value; nan where there is none.
        high: the greatest finite value; nan where there is none.
    """

    x: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


def band_along(
    frame: pd.DataFrame, x: str, y: str, *, higher_is_better: bool, at: str | None = None
) -> Band:
    """Return median and reach of the runs along an axis; what is not finite counts as the worst.

    Args:
        frame: one line per run and place.
        x: the column of the horizontal axis.
        y: the column of the measured numbers.
        higher_is_better: whether they are accuracies or the like, not losses or times.
        at: the column that says which lines belong together, where that is not `x`: runs are
            gathered by steps, and drawn at the median of their seconds.

    Example:
        >>> frame = pd.DataFrame({"lr": [1.0, 1.0, 1.0], "loss": [2.0, 3.0, float("nan")]})
        >>> band = band_along(frame, "lr", "loss", higher_is_better=False)
        >>> band.middle.tolist(), band.high.tolist()
        ([3.0], [3.0])
    """
    places = np.asarray(frame[at or x], dtype=float)
    across, values = (np.asarray(frame[name], dtype=float) for name in (x, y))
    lost = -np.inf if higher_is_better else np.inf
    found = []
    for place in np.unique(places):
        group = values[places == place]
        finite = group[np.isfinite(group)]
        found.append(
            (
                np.median(across[places == place]),
                np.median(np.where(np.isfinite(group), group, lost)),
                finite.min() if len(finite) else np.nan,
                finite.max() if len(finite) else np.nan,
            )
        )
    return Band(*np.array(found, dtype=float).reshape(-1, 4).T)


def make_panels(
    frame: pd.DataFrame, column: str, *, height: float = 3.4, sharey: bool = False
) -> tuple[Figure, dict[Any, Axes]]:
    """Make a panel for every task, its name above it where there are several."""
    if column not in frame or frame.empty:
        raise UsageError(
            f"the frame has no line or no column {column!r}; "
            f"its columns: {closest_first(column, map(str, frame.columns))}"
        )
    tasks = list(frame[column].unique())
    columns = 2 if len(tasks) == 4 else min(len(tasks), 3)
    lines = -(-len(tasks) // columns)
    figure, panels = plt.subplots(
        lines, columns, figsize=(_WIDTH[columns], height * lines), squeeze=False, sharey=sharey
    )
    for axes in panels.flat[len(tasks) :]:
        axes.set_visible(False)
    if len(tasks) > 1:
        for task, axes in zip(tasks, panels.flat, strict=False):
            axes.set_title(str(task), loc="left", fontsize=9)
    return figure, dict(zip(tasks, panels.flat, strict=False))


def set_scales(axes: Axes, *, log_x: bool, log_y: bool) -> None:
    """Choose logarithmic or linear axes."""
    axes.set_xscale("log" if log_x else "linear")
    axes.set_yscale("log" if log_y else "linear")


def draw_band(
    axes: Axes,
    style: MethodStyle,
    band: Band,
    higher_is_better: bool,
    place: int,
    marks: int | None = None,
) -> None:
    """Draw a median with its band, and an open mark at the worse edge where it was lost."""
    seen = np.isfinite(band.middle)
    every = max(1, len(band.x) // marks) if marks else 1
    axes.plot(
        band.x, np.where(seen, band.middle, np.nan), marker=style.marker, markersize=4,
        markevery=(place % every, every), **style.line(),
    )  # fmt: skip
    fill_band(axes, band.x, band.low, band.high, style.color)
    lost = band.x[~seen]
    if len(lost) and marks is None:
        height = 0.02 + 0.03 * place if higher_is_better else 0.98 - 0.03 * place
        axes.plot(
            lost, np.full(len(lost), height), transform=axes.get_xaxis_transform(),
            marker=style.marker, markersize=4, fillstyle="none", linestyle="none",
            color=style.color,
        )  # fmt: skip


def ring_best(axes: Axes, style: MethodStyle, band: Band, higher_is_better: bool) -> None:
    """Ring the best median of a curve, where any run of it was finite."""
    if not np.isfinite(band.middle).any():
        return
    best = band.middle.argmax() if higher_is_better else band.middle.argmin()
    axes.plot(
        band.x[best], band.middle[best], marker="o", markersize=10, markerfacecolor="none",
        linestyle="none", color=style.color,
    )  # fmt: skip


def finish_panels(panels: dict[Any, Axes], ylabel: str) -> None:
    """Name the vertical axis at the left of every line of panels, and put one legend beside."""
    shown = list(panels.values())
    for axes in shown:
        place = axes.get_subplotspec()
        if place is not None and place.is_first_col():
            axes.set_ylabel(ylabel)
    add_legend(max(shown, key=lambda axes: len(axes.get_legend_handles_labels()[0])))


def add_legend(axes: Axes) -> None:
    """Put the legend of a panel beside the whole figure."""
    handles, labels = axes.get_legend_handles_labels()
    axes.figure.legend(handles, labels, loc="outside right center", fontsize=8.5)
