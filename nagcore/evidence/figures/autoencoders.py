"""Deep autoencoders: the images, the momentum, learning curves and the errors at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from torch import Tensor

from nagcore.evidence.autoencoder_best import (
    SET_LABELS,
    best_by_method,
    best_by_scale,
    errors_at,
    label,
)
from nagcore.evidence.autoencoder_methods import (
    CEILINGS,
    CompressedSchedule,
    find_contestant,
    finish_of,
)
from nagcore.evidence.figures.style import STYLES, book_figure
from nagcore.evidence.published_2013 import SCALES, STAND_IN, TABLE_1
from nagcore.evidence.record import Record
from nagcore.training.curves import render_curves

_MARKERS = ("o", "s", "^", "D")
# Records are no methods: all three are of Nesterov's.
_RECORDS = (("#0072b2", "-"), ("#8c3f7f", (0, (4, 1.5))), ("#b07800", (0, (3, 1, 1, 1))))
_PUBLISHED = {"color": "#2b2b2b", "linestyle": (0, (1, 1)), "marker": "x"}


@book_figure
def draw_curves(points: Tensor, *, columns: int = 8) -> Figure:
    """Draw images of curves, each with its three points.

    Args:
        points: (n, 3, 2), see `nagcore.training.curves.draw_points`.
        columns: images in a row.
    """
    rows = -(-len(points) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(7.2, 0.95 * rows), squeeze=False)
    for axes in panels.flat:
        axes.axis("off")
    images = render_curves(points).numpy()
    for axes, image, three in zip(panels.flat, images, points.numpy(), strict=False):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        axes.plot(three[:, 0], three[:, 1], ".", color=STYLES["heavy-ball"].color, markersize=3.5)
    return figure


@book_figure
def draw_momentum(steps: int) -> Figure:
    """Draw how long the momentum remembers, 1/(1 − β), in a run of `steps` updates.

    Args:
        steps: length of the run.
    """
    figure, axes = plt.subplots(figsize=(7.2, 2.9))
    schedule = CompressedSchedule(steps, finish_of(steps))
    k = torch.arange(steps)
    for ceiling, marker in zip(CEILINGS, _MARKERS, strict=True):
        top = torch.tensor(ceiling, dtype=torch.float64)
        memory = 1 / (1 - schedule.momentum(k, top.expand(steps)))
        axes.plot(
            k,
            memory,
            color=shade("nag", ceiling),
            marker=marker,
            markevery=max(1, steps // 12),
            markersize=4,
            label=f"ceiling {ceiling:g}",
        )
    axes.set_yscale("log")
    axes.set_xlabel("updates")
    axes.set_ylabel("1/(1 − β), updates")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@book_figure
def draw_learning(records: Mapping[str, Record], data: str) -> Figure:
    """Draw the error of every method against updates, with its best step size: means over seeds.

    Args:
        records: of "autoencoders" in several sizes, by name; each that has the set is a panel.
        data: the set.
    """
    shown = _having(records, data)
    figure, panels = plt.subplots(
        1, len(shown), figsize=(7.2, 3.9), squeeze=False, gridspec_kw={"wspace": 0.08}
    )
    for axes, (name, record) in zip(panels.flat, shown.items(), strict=True):
        for method, best in best_by_method(record, data).items():
            rows = [
                row
                for row in record.rows
                if (row["data"], row["method"], row["lr"]) == (data, method, best.lr)
            ]
            least = min(len(row["step"]) for row in rows)
            errors = np.mean([row["error"][:least] for row in rows], axis=0)
            axes.plot(rows[0]["step"][:least], errors, label=label(method), **_line(method))
        _set_log(axes)
        axes.set_xlabel(f"updates ({name})")
    panels[0, 0].set_ylabel("squared error")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@book_figure
def draw_errors(records: Mapping[str, Record], data: str) -> Figure:
    """Draw the error at the end against the ceiling: published, then by record.

    A mark is the mean over seeds, a bar reaches from the least to the greatest; the horizontal
    line is SGD.

    Args:
        records: of "autoencoders" in several sizes, by name; each that has the set is a panel.
        data: the set.
    """
    shown, theirs = _having(records, data), STAND_IN[data]
    figure, panels = plt.subplots(1, 1 + len(shown), figsize=(7.2, 3.5), squeeze=False)
    published = {method: np.array([error]) for method, error in TABLE_1[theirs].items()}
    _draw_ceilings(panels[0, 0], published, f"ceiling\n(published, {SET_LABELS[theirs]})")
    for axes, (name, record) in zip(panels[0, 1:], shown.items(), strict=True):
        errors = {method: best.after for method, best in best_by_method(record, data).items()}
        _draw_ceilings(axes, errors, f"ceiling\n({name})")
    panels[0, 0].set_ylabel("squared error at the end")
    names = panels[0, 0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=3)
    return figure


@book_figure
def draw_step_sizes(records: Mapping[str, Record], data: str) -> Figure:
    """Draw the error at the end against the step size: a row for each record, a panel a ceiling.

    A mark is the mean over seeds, a bar reaches from the least to the greatest.

    Args:
        records: of "autoencoders" in several sizes, by name; those without the set are left out.
        data: the set.
    """
    shown = _having(records, data)
    figure, panels = plt.subplots(
        len(shown),
        len(CEILINGS),
        figsize=(7.2, 0.6 + 2.6 * len(shown)),
        sharey="row",
        squeeze=False,
    )
    for row, (name, record) in zip(panels, shown.items(), strict=True):
        _draw_rates(row, record, data)
        row[0].set_ylabel(f"squared error at the end\n({name})")
    names = panels[0, 0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=2)
    return figure


def _draw_rates(row: Sequence[Axes], record: Record, data: str) -> None:
    lrs = sorted(record.declaration.axes["lr"])
    for axes, ceiling in zip(row, CEILINGS, strict=True):
        for method in ("nag", "heavy-ball"):
            errors = [errors_at(record, data, f"{method}-{ceiling}", lr) for lr in lrs]
            style = STYLES[method]
            _draw_bars(axes, lrs, errors, style.color, style.marker, style.label, style.linestyle)
        axes.set_xscale("log")
        axes.set_xticks(lrs, [f"{lr:g}" for lr in lrs], rotation=60)
        axes.minorticks_off()
        _set_log(axes)
        axes.set_xlabel(f"step size (lr)\nceiling {ceiling:g}")


@book_figure
def draw_scales(records: Mapping[str, Record]) -> Figure:
    """Draw the error at the end against the factor of the initial weights.

    Args:
        records: of "autoencoder-scales" in several sizes, by name.
    """
    figure, axes = plt.subplots(figsize=(5.6, 3.3))
    axes.plot(list(SCALES), list(SCALES.values()), label="published", **_PUBLISHED)
    for k, (name, record) in enumerate(records.items()):
        best = best_by_scale(record)
        errors = [each.after for each in best.values()]
        color, dashes = _RECORDS[k]
        _draw_bars(axes, list(best), errors, color, _MARKERS[k], name, dashes)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(SCALES), [f"{scale:g}" for scale in SCALES])
    _set_log(axes)
    axes.set_xlabel("factor of the initial weights")
    axes.set_ylabel("squared error at the end")
    axes.legend(loc="best")
    return figure


def shade(method: str, ceiling: float) -> tuple[float, float, float]:
    """Return the colour of a method, the lighter the higher the ceiling of its momentum.

    Example:
        >>> shade("nag", 0.9) < shade("nag", 0.999)
        True
    """
    white = 0.2 * CEILINGS.index(ceiling) if ceiling else 0.0
    red, green, blue = ((1 - white) * part + white for part in to_rgb(STYLES[method].color))
    return red, green, blue


def _line(method: str) -> dict[str, Any]:
    """Return how the curve of a method is drawn: colour and dash by method, mark by ceiling."""
    contestant = find_contestant(method)
    place = CEILINGS.index(contestant.ceiling) if contestant.ceiling else None
    return {
        "color": shade(contestant.method, contestant.ceiling),
        "linestyle": STYLES[contestant.method].linestyle,
        "marker": None if place is None else _MARKERS[place],
        "markevery": 5,
        "markersize": 3.5,
    }


def _set_log(axes: Axes) -> None:
    """Make the axis of errors logarithmic, its numbers plain."""
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(LogLocator(subs=(1.5, 2, 3, 5, 7)))
    for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        which(FuncFormatter(lambda value, _: f"{value:g}"))


def _draw_ceilings(axes: Axes, errors: Mapping[str, np.ndarray], below: str) -> None:
    axes.axhline(errors["sgd"].mean(), **STYLES["sgd"].line())
    for method, aside in (("nag", -0.06), ("heavy-ball", 0.06)):
        places = [place + aside for place in range(len(CEILINGS))]
        values = [errors[f"{method}-{ceiling}"] for ceiling in CEILINGS]
        style = STYLES[method]
        _draw_bars(axes, places, values, style.color, style.marker, style.label, style.linestyle)
    axes.set_xticks(range(len(CEILINGS)), [f"{ceiling:g}" for ceiling in CEILINGS])
    _set_log(axes)
    axes.set_xlabel(below)


def _draw_bars(
    axes: Axes,
    x: Sequence[float],
    values: Sequence[np.ndarray],
    color: Any,
    marker: str,
    name: str,
    linestyle: Any = "-",
) -> None:
    means = np.array([each.mean() for each in values])
    reach = np.array(
        [[m - each.min(), each.max() - m] for m, each in zip(means, values, strict=True)]
    )
    drawn = np.isfinite(means)
    axes.errorbar(
        np.array(x)[drawn],
        means[drawn],
        yerr=reach[drawn].T,
        color=color,
        marker=marker,
        linestyle=linestyle,
        markersize=5,
        capsize=2,
        label=name,
    )


def _having(records: Mapping[str, Record], data: str) -> dict[str, Record]:
    return {n: r for n, r in records.items() if data in r.declaration.axes["data"]}
