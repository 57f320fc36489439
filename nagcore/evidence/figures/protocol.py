"""Figures of a comparison by the protocol: profiles, sensitivity, times, curves, batch sizes.

All but the profile have one panel for every value of the column `task`, and one curve for every
value of the column `method`, which is a name in `nagcore.evidence.figures.style.STYLES`.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.evidence.figures.bands import (
    Band,
    add_legend,
    band_along,
    draw_band,
    finish_panels,
    make_panels,
    ring_best,
    set_scales,
)
from nagcore.evidence.figures.style import LABEL, MethodStyle, book_figure, find_style
from nagcore.evidence.protocol import Profile, bootstrap_interval


@book_figure
def draw_profile(profile: Profile, *, time: str = "time") -> Figure:
    """Draw on which fraction of the tasks each method is within a factor of the best.

    Args:
        profile: of `performance_profile`; the legend names the area under each, best first.
        time: what the profile counts: steps, seconds.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    for name, score in profile.scores().items():
        style = find_style(str(name))
        turns = np.unique(
            np.clip(profile.ratios[name].to_numpy(dtype=float), 1.0, profile.max_ratio)
        )
        factors = np.unique(np.array([1.0, *turns, profile.max_ratio]))
        axes.step(
            factors, profile.fraction(str(name), factors), where="post", marker=style.marker,
            markersize=4, **{**style.line(), "label": f"{style.label}, {score:.2f}"},
        )  # fmt: skip
    axes.set_xlim(1.0, profile.max_ratio)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel(f"{time}, as a multiple of the best method's")
    axes.set_ylabel("fraction of the tasks")
    add_legend(axes)
    return figure


@book_figure
def draw_sensitivity(
    frame: pd.DataFrame, *, ylabel: str, higher_is_better: bool, lr: str = "lr", log_y: bool = False
) -> Figure:
    """Draw the score against the learning rate: the median, a band from least to greatest.

    The best of each curve is ringed. Where the median run was lost, an open mark stands at the
    worse edge.

    Args:
        frame: of `lr_sensitivity`, with columns task and method.
        ylabel: the score with its unit.
        higher_is_better: as in `lr_sensitivity`.
        lr: the column of the learning rate.
        log_y: whether the score has a logarithmic axis.
    """
    figure, panels = make_panels(frame, "task")
    for task, axes in panels.items():
        lines = frame.loc[frame["task"] == task]
        set_scales(axes, log_x=True, log_y=log_y)
        for place, name in enumerate(lines["method"].unique()):
            curve = lines.loc[lines["method"] == name]
            columns = (lr, "median", "least", "greatest")
            band = Band(*(curve[column].to_numpy(dtype=float) for column in columns))
            draw_band(axes, find_style(name), band, higher_is_better, place)
            ring_best(axes, find_style(name), band, higher_is_better)
        axes.set_xlabel("learning rate")
    finish_panels(panels, ylabel)
    return figure


@book_figure
def draw_curves(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    xlabel: str,
    ylabel: str,
    higher_is_better: bool,
    at: str | None = None,
    log_x: bool = False,
    log_y: bool = False,
    target: float | None = None,
) -> Figure:
    """Draw curves of the methods: the median over the runs, a band from least to greatest.

    Args:
        frame: one line per run and evaluation, with columns task, method, x and y.
        x: steps, epochs or seconds.
        y: the score.
        xlabel: the words of the horizontal axis.
        ylabel: those of the vertical one.
        higher_is_better: whether the score is an accuracy or the like, not a loss.
        at: the column that aligns the runs where x differs between them: for seconds the steps.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical one is.
        target: a score to mark by a line.
    """
    figure, panels = make_panels(frame, "task")
    for task, axes in panels.items():
        lines = frame.loc[frame["task"] == task]
        set_scales(axes, log_x=log_x, log_y=log_y)
        for place, name in enumerate(lines["method"].unique()):
            band = band_along(
                lines.loc[lines["method"] == name], x, y, higher_is_better=higher_is_better, at=at
            )
            draw_band(axes, find_style(name), band, higher_is_better, place, marks=8)
        if target is not None:
            axes.axhline(target, color="#999999", linestyle=":", linewidth=1)
        axes.set_xlabel(xlabel)
    finish_panels(panels, ylabel)
    return figure


@book_figure
def draw_steps_against_batch(
    frame: pd.DataFrame, *, steps: str = "steps", ylabel: str = "steps to the target"
) -> Figure:
    """Draw steps to a target against the batch size, both logarithmic.

    The grey line starts where the fewest steps are needed at the smallest batch and falls as one
    over the batch size: twice the batch, half the steps. A curve bends where it leaves that slope.
    Where the median run missed the target, an open mark stands at the upper edge.

    Args:
        frame: one line per run, with columns task, method, batch_size and steps (∞ for a miss).
        steps: the column of the steps.
        ylabel: the words of the vertical axis.
    """
    figure, panels = make_panels(frame, "task")
    for task, axes in panels.items():
        lines = frame.loc[frame["task"] == task]
        set_scales(axes, log_x=True, log_y=True)
        starts = []
        for place, name in enumerate(lines["method"].unique()):
            band = band_along(
                lines.loc[lines["method"] == name], "batch_size", steps, higher_is_better=False
            )
            draw_band(axes, find_style(name), band, False, place)
            starts.append(band.middle[0] * band.x[0])
        if np.isfinite(start := min(starts)):
            sizes = np.unique(lines["batch_size"].to_numpy(dtype=float))
            axes.plot(
                sizes, start / sizes, color="#999999", linestyle=":", linewidth=1.2,
                label="twice the batch,\nhalf the steps",
            )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.set_xlabel("batch size")
    finish_panels(panels, ylabel)
    return figure


@book_figure
def draw_time_to_target(
    frame: pd.DataFrame, *, time: str, xlabel: str, level: float = 0.95, log_x: bool = False
) -> Figure:
    """Draw every run's time to the target, with the median and its bootstrap interval.

    Runs that missed stand at the right edge, with their number; a median or an end of an interval
    that is infinite reaches it.

    Args:
        frame: one line per run, with columns task, method and the time, ∞ or nan for a miss.
        time: the column of the times.
        xlabel: the words of the axis, with the unit.
        level: of the interval.
        log_x: whether the axis is logarithmic.
    """
    methods = list(frame["method"].unique())
    figure, panels = make_panels(frame, "task", height=0.9 + 0.32 * len(methods), sharey=True)
    for task, axes in panels.items():
        lines = frame.loc[frame["task"] == task]
        set_scales(axes, log_x=log_x, log_y=False)
        finite = lines[time].to_numpy(dtype=float)
        finite = finite[np.isfinite(finite)]
        edge = float(finite.max()) * 1.15 if len(finite) else 1.0
        for height, name in enumerate(reversed(methods)):
            times = lines.loc[lines["method"] == name, time].to_numpy(dtype=float)
            if len(times):
                _draw_times(axes, find_style(name), times, height, edge, level)
        axes.set_yticks(range(len(methods)), [find_style(name).label for name in reversed(methods)])
        axes.set_ylim(-0.6, len(methods) - 0.4)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(xlabel)
    return figure


def _draw_times(
    axes: Axes, style: MethodStyle, times: np.ndarray, height: int, edge: float, level: float
) -> None:
    times = np.where(np.isfinite(times), times, np.inf)
    interval = bootstrap_interval(times, "median", level=level)
    low, middle, high = (
        edge if np.isinf(end) else end for end in (interval.low, interval.estimate, interval.high)
    )
    hit = times[np.isfinite(times)]
    axes.plot(
        hit, np.full(len(hit), height), marker="|", markersize=7, linestyle="none",
        color=style.color, alpha=0.6,
    )  # fmt: skip
    axes.plot([low, high], [height, height], color=style.color, linewidth=1.4)
    axes.plot(
        middle, height, marker=style.marker, markersize=6, linestyle="none", color=style.color,
        fillstyle="full" if np.isfinite(interval.estimate) else "none",
    )  # fmt: skip
    if missed := len(times) - len(hit):
        axes.annotate(
            f"{missed} of {len(times)} missed", (edge, height), xytext=(7, 0),
            textcoords="offset points", va="center", fontsize=7.5, color=LABEL,
        )  # fmt: skip
