"""Noise of gradients, and steps against the batch size, in the model and in networks."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from nagcore.evidence.batch_scaling import bend
from nagcore.evidence.batch_size_table import curve_of
from nagcore.evidence.batch_size_trials import momentum_of, trials
from nagcore.evidence.figures.style import BOUND, STYLES, book_figure, fill_band
from nagcore.evidence.noise_scale import NoiseScale
from nagcore.evidence.noisy_quadratic_table import steps_of
from nagcore.evidence.record import Record

_SHADES = ("#9ecae1", "#3182bd", "#08306b")
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))


@book_figure
def draw_noise_scales(scales: Sequence[NoiseScale]) -> Figure:
    """Draw the share of noise in a gradient against the batch size, at points of a training.

    The dash-dotted line is where noise and signal are equally large.

    Args:
        scales: at most three, of one training.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    sizes = np.geomspace(1, scales[0].count * 0.98, 60)
    for scale, color, dash in zip(scales, _SHADES, _DASHES, strict=False):
        label = f"after {scale.steps:,} steps, loss {scale.loss:.2f}"
        axes.plot(sizes, scale.noise_share(sizes), color=color, linestyle=dash, label=label)
        if scale.scale < scale.count:
            axes.plot(scale.scale, 1, marker="o", color=color, zorder=3)
    axes.axhline(1, **BOUND)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("batch size, examples")
    axes.set_ylabel("noise over signal, squared")
    axes.legend()
    return figure


@book_figure
def draw_noisy_quadratic(record: Record) -> Figure:
    """Draw steps to the target against the batch size, and how many times those of NAG the others.

    The dash-dotted lines fall as fast as the batch grows, from the smallest batch of each method;
    rings are the bends.

    Args:
        record: of "noisy-quadratic".
    """
    figure, (counts, ratios) = plt.subplots(1, 2, figsize=(7.6, 3.6))
    sizes = np.array(record.declaration.axes["batch_size"], dtype=float)
    nag = steps_of(record, "nag")
    for method in record.declaration.axes["method"]:
        style, steps = STYLES[method], steps_of(record, method)
        counts.plot(sizes, steps, **style.line(), marker=style.marker, markersize=3.5)
        _mark_bend(counts, sizes, steps, style.color)
        if method != "nag":
            ratios.plot(sizes, steps / nag, **style.line(), marker=style.marker, markersize=3.5)
    _draw_perfect(counts, sizes, nag[0], nag.min())
    ratios.axhline(1, color=STYLES["nag"].color, label=STYLES["nag"].label)
    for axes in (counts, ratios):
        _finish(axes, sizes)
    counts.set_ylabel("steps to the target")
    ratios.set_ylabel("steps over those of Nesterov's method")
    counts.legend()
    return figure


@book_figure
def draw_noisy_settings(record: Record) -> Figure:
    """Draw the best α/(1 − β) and the best 1 − β against the batch size.

    Args:
        record: of "noisy-quadratic".
    """
    figure, (lengths, frictions) = plt.subplots(1, 2, figsize=(7.6, 3.3))
    sizes = np.array(record.declaration.axes["batch_size"], dtype=float)
    for method in record.declaration.axes["method"]:
        style = STYLES[method]
        rows = [row for row in record.rows if row["method"] == method]
        rest = np.array([1 - row["momentum"] for row in rows])
        step_sizes = np.array([row["step_size"] for row in rows])
        given = {**style.line(), "marker": style.marker, "markersize": 3.5}
        lengths.plot(sizes, step_sizes / rest, **given)
        if method != "sgd":
            frictions.plot(sizes, rest, **given)
    for axes in (lengths, frictions):
        _finish(axes, sizes)
    lengths.set_ylabel("best α / (1 − β)")
    frictions.set_ylabel("best 1 − β")
    lengths.legend()
    return figure


@book_figure
def draw_batch_sizes(record: Record | None) -> Figure:
    """Draw steps to the target, left, and examples seen until then, right, by batch size.

    Lines are medians over the fresh seeds, bands run from the least to the greatest, and break off
    where a seed did not reach the target: a cross at the upper edge says so. Rings are the bends.

    Args:
        record: of "batch-size" or one of its sizes; None where it was not measured yet.
    """
    if record is None:
        return _not_measured()
    figure, (counts, examples) = plt.subplots(1, 2, figsize=(7.6, 3.9))
    sizes = np.array(record.declaration.axes["batch_size"], dtype=float)
    first, least_of_all = [], np.inf
    for optimizer in record.declaration.axes["optimizer"]:
        style, curve = STYLES[optimizer], curve_of(record, optimizer)
        first.append(curve.median[0])
        least_of_all = min(least_of_all, float(curve.median.min()))
        for axes, factor in ((counts, np.ones_like(sizes)), (examples, sizes)):
            middle, least, greatest = (
                np.where(np.isfinite(steps), steps * factor, np.nan)
                for steps in (curve.median, curve.least, curve.greatest)
            )
            axes.plot(sizes, middle, **style.line(), marker=style.marker, markersize=4)
            fill_band(axes, sizes, least, greatest, style.color)
            _mark_misses(axes, sizes, curve.greatest, style.color)
        _mark_bend(counts, sizes, curve.median, style.color)
    if np.isfinite(first).any():
        _draw_perfect(counts, sizes, min(first), least_of_all)
    for axes in (counts, examples):
        _finish(axes, sizes)
    counts.set_ylabel("steps to the target")
    examples.set_ylabel("examples until then")
    examples.legend(fontsize=8.5)
    return figure


@book_figure
def draw_trials(record: Record, batch_size: int) -> Figure:
    """Draw the steps of every trial against its step size, one panel for each momentum.

    Marks are means over the tuning seeds, without a mark where a seed did not reach the target;
    the ringed one was chosen.

    Args:
        record: of "batch-size" or one of its sizes.
        batch_size: one of the record's.
    """
    constants = record.declaration.constants
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.4), sharey=True)
    for row in record.rows:
        if row["batch_size"] != batch_size:
            continue
        style = STYLES[row["optimizer"]]
        tried = trials({**constants, "optimizer": row["optimizer"]})
        means = np.array(row["tuning_steps"], dtype=float).mean(axis=1)
        for axes, momentum in zip(panels, constants["momenta"], strict=False):
            at = [i for i, trial in enumerate(tried) if momentum_of(trial) in (0.0, momentum)]
            sizes = np.array([tried[i]["step_size"] for i in at])
            steps = np.where(np.isfinite(means[at]), means[at], np.nan)
            axes.plot(sizes, steps, **style.line(), marker=style.marker, markersize=4)
            if row["trial"] in at and np.isfinite(means[row["trial"]]):
                _ring(axes, row["step_size"], means[row["trial"]], style.color)
    for axes, momentum in zip(panels, constants["momenta"], strict=False):
        axes.set_xscale("log")
        axes.set_yscale("log")
        _plain_counts(axes)
        axes.set_xlabel(f"step size (momentum or β₁ {momentum:g})")
    panels[0].set_ylabel("steps to the target")
    panels[1].legend(fontsize=8.5)
    return figure


def _not_measured() -> Figure:
    figure, axes = plt.subplots(figsize=(7.6, 0.8))
    axes.text(0.5, 0.5, "not measured on a GPU yet; “make gpu” does it", ha="center", va="center")
    axes.axis("off")
    return figure


def _mark_bend(axes: Axes, sizes: np.ndarray, steps: np.ndarray, color: str) -> None:
    where = bend([int(size) for size in sizes], steps)
    if where is not None:
        _ring(axes, where, steps[list(sizes).index(where)], color)


def _ring(axes: Axes, x: float, y: float, color: str) -> None:
    axes.plot(x, y, marker="o", markersize=11, markerfacecolor="none", color=color)


def _draw_perfect(axes: Axes, sizes: np.ndarray, first: float, least: float) -> None:
    """Draw the line that falls as the batch grows, down to a little below the least count."""
    line = first * sizes[0] / sizes
    shown = line > 0.5 * least
    axes.plot(sizes[shown], line[shown], **BOUND)


def _plain_counts(axes: Axes) -> None:
    """Number the upright axis in plain digits, between the powers of ten too if there are few."""
    low, high = axes.get_ylim()
    if high < 200 * low:
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
        for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            which(FuncFormatter(lambda value, _: f"{value:,g}"))


def _mark_misses(axes: Axes, sizes: np.ndarray, greatest: np.ndarray, color: str) -> None:
    """Put a cross at the upper edge where a seed did not reach the target."""
    missed = sizes[np.isinf(greatest)]
    at_edge = axes.get_xaxis_transform()
    axes.plot(missed, np.full(len(missed), 0.97), "x", color=color, transform=at_edge)


def _finish(axes: Axes, sizes: np.ndarray) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    powers = np.log2(sizes[[0, -1]]).round().astype(int)
    ticks = 2.0 ** np.arange(powers[0], powers[1] + 1, max((powers[1] - powers[0]) // 3, 1))
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes.minorticks_off()
    _plain_counts(axes)
    axes.set_xlabel("batch size, examples")
