"""The rate of a run over its steps, and what the threshold K did to rates and results."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from nagcore.errors import UsageError
from nagcore.evidence.figures.style import BOUND, STYLES, book_figure
from nagcore.evidence.rate_limiter_table import free_ranges, name_of
from nagcore.evidence.record import Record
from nagcore.training.rates import RateSetter

_BLUE, _GREY = "#0072b2", "#8f8f8f"


@book_figure
def draw_rate(rates: RateSetter | pd.DataFrame, *, log: bool = False) -> Figure:
    """Draw the rate of every step, with a numbered mark and the reason for each change.

    Where a limiter stood between the rate demanded and the rate used, both are drawn.

    Args:
        rates: a setter that has set one step or more, or its `history_frame()`.
        log: whether the vertical axis is logarithmic.

    Raises:
        UsageError: there are no steps.
    """
    frame = rates if isinstance(rates, pd.DataFrame) else rates.history_frame()
    if frame.empty:
        raise UsageError("there is no rate to draw: the setter has set no step yet")
    changes = frame.loc[frame["why"] != ""]
    figure, axes = plt.subplots(figsize=(7.2, 2.6 + 0.15 * len(changes)))
    steps, used, demanded = (_column(frame, name) for name in ("step", "rate", "demanded"))
    if (used != demanded).any():
        look = {"color": _GREY, "linestyle": (0, (4, 1.5)), "linewidth": 1.3}
        axes.step(steps, demanded, where="post", label="demanded", **look)
    axes.step(steps, used, where="post", color=_BLUE, label="used")
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.set_ylabel("rate of the first group")
    if len(axes.lines) > 1:
        axes.legend(loc="best")
    _mark_changes(figure, axes, changes)
    return figure


def _mark_changes(figure: Figure, axes: Axes, changes: pd.DataFrame) -> None:
    reasons = []
    for number, (step, why) in enumerate(zip(changes["step"], changes["why"], strict=True), 1):
        axes.axvline(step, color="#b0b0b0", linestyle=":", linewidth=1, zorder=0)
        axes.annotate(
            str(number),
            (step, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color="#555555",
        )
        reasons.append(f"{number}  step {step}: {why}")
    if reasons:
        figure.supxlabel("\n".join(reasons), x=0.02, ha="left", fontsize=8, color="#555555")


@book_figure
def draw_rate_limiter(record: Record, lr: str = "tuned") -> Figure:
    """Draw test accuracy and the share of bounded steps against K, a column for each instruction.

    The mean, and bars from the least to the greatest value; K = 0 is the run without a limiter.

    Args:
        record: of "rate-limiter".
        lr: "tuned" or "too large".
    """
    instructions = record.declaration.axes["instruction"]
    figure, panels = plt.subplots(
        2, len(instructions), figsize=(8.4, 4.0), sharex=True, sharey="row", squeeze=False,
        height_ratios=(2, 1),
    )  # fmt: skip
    frame = record.frame()
    frame = frame.loc[frame["lr"] == lr]
    thresholds = record.declaration.axes["K"]
    for (upper, lower), instruction in zip(panels.T, instructions, strict=True):
        chosen = frame.loc[frame["instruction"] == instruction]
        for shift, name in zip((-0.08, 0.08), record.declaration.axes["optimizer"], strict=False):
            of_one = chosen.loc[chosen["optimizer"] == name]
            _draw_against_K(upper, of_one, "test_accuracy", thresholds, name, shift)
            _draw_against_K(lower, of_one, "bounded", thresholds, name, shift)
        upper.set_title(instruction, fontsize=9.5, loc="left")
        ticks = [name_of(K).removeprefix("K = ") for K in thresholds]
        lower.set_xticks(range(len(thresholds)), ticks, fontsize=8)
        lower.yaxis.set_major_formatter(PercentFormatter(1.0))
    panels[0, 0].set_ylabel("test accuracy")
    panels[1, 0].set_ylabel("steps bounded")
    figure.supxlabel("threshold K", fontsize=9.5)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _draw_against_K(
    axes: Axes,
    frame: pd.DataFrame,
    column: str,
    thresholds: tuple[float, ...],
    optimizer: str,
    shift: float,
) -> None:
    runs = [_column(frame.loc[frame["K"] == K], column) for K in thresholds]
    mean, least, greatest = (np.array([f(run) for run in runs]) for f in (np.mean, np.min, np.max))
    style = STYLES[optimizer]
    # The mean of equal numbers may lie beside them by a rounding error.
    reach = np.maximum((mean - least, greatest - mean), 0)
    axes.errorbar(
        np.arange(len(thresholds)) + shift, mean, yerr=reach,
        **style.line(), marker=style.marker, markersize=3.5, linewidth=1.2, elinewidth=0.9,
    )  # fmt: skip


@book_figure
def draw_gradient_range(record: Record) -> Figure:
    """Draw in which quantile of the steps the largest gradient entry lies, and the values of K.

    One line for each run without a limiter; a threshold bounds the steps below it.

    Args:
        record: of "rate-limiter".
    """
    quantiles = record.declaration.constants["quantiles"]
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.0), sharex=True, sharey=True)
    for axes, lr in zip(panels, record.declaration.axes["lr"], strict=False):
        for name in record.declaration.axes["optimizer"]:
            for number, run in enumerate(free_ranges(record, lr, name)):
                line = STYLES[name].line() | ({} if number == 0 else {"label": None})
                axes.plot(run[:-1], quantiles[:-1], **line, alpha=0.6, linewidth=1)
        finite = [K for K in record.declaration.axes["K"] if 0 < K < np.inf]
        for number, K in enumerate(finite):
            axes.axvline(K, **BOUND, label=None if number else "thresholds K")
        axes.set_xscale("log")
        axes.set_title(f"lr {lr}", fontsize=9.5, loc="left")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    figure.supxlabel("largest gradient entry", fontsize=9.5)
    panels[0].set_ylabel("steps with less")
    panels[0].legend(loc="lower right")
    return figure


def _column(frame: pd.DataFrame, name: str) -> np.ndarray:
    return frame[name].to_numpy(dtype=float)
