"""Gaps against steps, steps against the condition number."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.evidence.figures.spread import spread_along
from nagcore.evidence.figures.style import BOUND, LABEL, STYLES, book_figure
from nagcore.evidence.record import Record
from nagcore.evidence.report import scientific
from nagcore.theory.minimize import Solution

# Below about 1e-14 of the first gap a measured gap is rounding.
_ROUNDING = 1e-14


@book_figure
def draw_gaps(
    runs: Mapping[str, Solution],
    bounds: Mapping[str, np.ndarray] | None = None,
    *,
    log_steps: bool = False,
) -> Figure:
    """Draw the gap of each run against the step, with bounds over them.

    Args:
        runs: a solution with its trace for each method, by its name in `STYLES`.
        bounds: of some of the runs, from step 0 on, by the same names.
        log_steps: whether the steps are on a logarithmic axis, which makes a power of k a line.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    first = 1 if log_steps else 0
    for name, run in runs.items():
        gaps = _above_rounding(run.gaps)
        axes.plot(np.arange(first, len(gaps)), gaps[first:], **STYLES[name].line())
    for name, bound in (bounds or {}).items():
        look = {**BOUND, "color": STYLES[name].color, "label": f"bound of {STYLES[name].label}"}
        axes.plot(np.arange(first, len(bound)), bound[first:], **look)
    axes.set_yscale("log")
    if log_steps:
        axes.set_xscale("log")
    axes.set_xlabel("step k")
    axes.set_ylabel("gap f(x) − f⋆")
    axes.legend()
    return figure


@book_figure
def draw_gaps_by_condition_number(
    runs: Mapping[float, Solution], bounds: Mapping[float, np.ndarray]
) -> Figure:
    """Draw the gap of one method on several condition numbers, with the bound over each.

    Args:
        runs: a solution of gradient descent, with its trace, for each condition number κ.
        bounds: its bound for each κ, from step 0 on.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    # The palest is dark enough to be read, as the label has the colour of the line.
    for shade, (kappa, run) in zip(np.linspace(0.0, 0.44, len(runs)), runs.items(), strict=True):
        gaps = _above_rounding(run.gaps)
        axes.plot(gaps, color=str(shade))
        axes.plot(np.where(np.isnan(gaps), np.nan, bounds[kappa]), **BOUND)
        last = np.flatnonzero(np.isfinite(gaps))[-1]
        axes.annotate(
            f"κ = {kappa:g}",
            (last, gaps[last]),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=str(shade),
        )
    axes.plot([], [], color="black", label="measured")
    axes.plot([], [], **BOUND, label="bound")
    axes.set_yscale("log")
    axes.set_xlabel("step k")
    axes.set_ylabel("gap f(x) − f⋆")
    axes.margins(x=0.12)
    axes.legend()
    return figure


@book_figure
def draw_worst_case(
    budgets: np.ndarray,
    gaps: Mapping[str, np.ndarray],
    *,
    upper: np.ndarray,
    lower: np.ndarray,
) -> Figure:
    """Draw the gap after k steps on the function that is worst for k steps, between bounds.

    Args:
        budgets: the numbers k of steps, shape (n,).
        gaps: for each method, by its name in `STYLES`, (f(x_k) − f⋆) / (L R²), shape (n,).
        upper: the upper bound for Nesterov's method, shape (n,).
        lower: the lower bound for every first-order method, shape (n,).
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for name, values in gaps.items():
        axes.plot(budgets, values, **STYLES[name].line(), marker=STYLES[name].marker, markersize=4)
    axes.plot(budgets, upper, **BOUND, label="upper bound for Nesterov")
    axes.plot(budgets, lower, **{**BOUND, "linestyle": ":"}, label="lower bound for all")
    axes.fill_between(budgets, lower, lower.min() / 2, color="#8c3f7f", alpha=0.08, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("number k of steps")
    axes.set_ylabel("(f(x) − f⋆) / (L R²)")
    axes.legend()
    return figure


def _above_rounding(gaps: np.ndarray) -> np.ndarray:
    return np.where(gaps > _ROUNDING * gaps[0], gaps, np.nan)


@book_figure
def draw_steps_against_condition_number(record: Record) -> Figure:
    """Draw the steps needed against κ: the mean over the seeds, a bar for the whole range.

    Args:
        record: of "rates-on-quadratics".
    """
    accuracies = record.declaration.axes["accuracy"]
    figure, panels = plt.subplots(1, len(accuracies), figsize=(7.2, 3.7), sharey=True)
    for axes, accuracy in zip(panels, accuracies, strict=True):
        frame = record.frame()
        _draw_steps(axes, record, frame.loc[frame["accuracy"] == accuracy])
        axes.annotate(
            f"to a relative gap of {scientific(accuracy).removeprefix('1.0 × ')}",
            (0.5, 1.0),
            xycoords="axes fraction",
            ha="center",
            va="bottom",
        )
    panels[0].set_ylabel("steps")
    panels[0].legend()
    return figure


def _draw_steps(axes: Axes, record: Record, frame: pd.DataFrame) -> None:
    for name in record.declaration.axes["method"]:
        curve = spread_along(frame.loc[frame["method"] == name], "condition_number", "steps")
        reach = [curve.mean - curve.least, curve.greatest - curve.mean]
        style = STYLES[name]
        axes.errorbar(
            curve.x, curve.mean, yerr=reach, **style.line(), marker=style.marker, capsize=3
        )
    kappa = np.array(record.declaration.axes["condition_number"])
    start = np.asarray(frame.loc[frame["condition_number"] == kappa[0], "steps"], dtype=float)
    for power, text, anchor in ((1.0, "∝ κ", start.max() * 2), (0.5, "∝ √κ", start.min() / 4)):
        line = anchor * (kappa / kappa[0]) ** power
        axes.plot(kappa, line, color="#999999", linewidth=0.8, linestyle=":")
        axes.annotate(text, (kappa[-1], line[-1]), color=LABEL, ha="right", va="bottom")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("condition number κ")
