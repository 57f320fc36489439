"""Runs that restart: gap and momentum over the step, steps per scheme, step sizes by trial."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from nagcore.core.momentum import MomentumSequence
from nagcore.evidence.figures.style import BOUND, STYLES, MethodStyle, book_figure
from nagcore.evidence.record import Record
from nagcore.theory.minimize import Solution

# Nesterov's blue for what is Nesterov's method; the way of restarting tells the lines apart.
RUN_STYLES: dict[str, MethodStyle] = {
    "no restart": STYLES["nag-1983"]._replace(label="no restart"),
    "known mu": MethodStyle("known μ", "#2b2b2b", "-", "o"),
    "gradient restart": MethodStyle("gradient restart", "#d55e00", "-", "^"),
    "fixed interval": MethodStyle("restart at a fixed interval", "#00785a", "-", "s"),
    "1/L": MethodStyle("1/L", "#2b2b2b", "-", "o"),
    "trials": MethodStyle("trials, may grow", "#0072b2", "-", "D"),
    "trials, shrink only": MethodStyle("trials, never grow", "#b07800", (0, (4, 1.5)), "s"),
}

# Below about 1e-14 of the first gap a measured gap is rounding.
_ROUNDING = 1e-14


@book_figure
def draw_restarts(
    runs: Mapping[str, Solution],
    sequences: Mapping[str, MomentumSequence],
    bound: np.ndarray | None = None,
) -> Figure:
    """Draw the gap of each run, its restarts marked, and below it 1 − β for the momentum used.

    The lower axis is turned over, so that more momentum is higher.

    Args:
        runs: a solution with its trace for each way of restarting, by its name in `RUN_STYLES`.
        sequences: the momentum sequence of each, which begins again at every restart.
        bound: a bound on the gap of the last run, from step 0 on.
    """
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(6.8, 4.8), sharex=True, height_ratios=(2.2, 1)
    )
    for name, run in runs.items():
        style, gaps = RUN_STYLES[name], _above_rounding(run.gaps)
        upper.plot(gaps, **style.line())
        places = _restarts_at(run)
        upper.plot(
            places, gaps[places], linestyle="none", marker=style.marker, color=style.color,
            markersize=4,
        )  # fmt: skip
        friction = 1 - momentum_used(run, sequences[name])
        # once the gap is rounding, so is what restarts
        lower.plot(np.where(np.isnan(gaps[1:]), np.nan, friction), **style.line())
    if bound is not None:
        upper.plot(bound, **BOUND, label="bound")
    upper.set_yscale("log")
    upper.set_ylabel("gap f(x) − f⋆")
    upper.legend()
    lower.set_yscale("log")
    lower.invert_yaxis()
    lower.set_ylabel("1 − β")
    lower.set_xlabel("step k")
    return figure


def momentum_used(run: Solution, sequence: MomentumSequence) -> np.ndarray:
    """Return the momentum of every step of a traced run, shape (steps,).

    Args:
        run: a solution with its trace.
        sequence: i ↦ β_i, where i counts the steps since the last restart.

    Example:
        >>> from nagcore.core import FixedRestart, Nesterov, SimplifiedMomentum
        >>> from nagcore.theory import Quadratic, minimize
        >>> run = minimize(Quadratic((1.0, 9.0)), Nesterov(SimplifiedMomentum()), [1.0, 1.0],
        ...                restart=FixedRestart(3), max_steps=7, trace=True)
        >>> momentum_used(run, SimplifiedMomentum()).tolist()
        [0.0, 0.0, 0.25, 0.0, 0.0, 0.25, 0.0]
    """
    momenta, since, places = [], 0, set(_restarts_at(run).tolist())
    for k in range(run.steps):
        since = 0 if k in places else since
        momenta.append(sequence(since) if since else 0.0)  # the first displacement is zero
        since += 1
    return np.array(momenta)


def _restarts_at(run: Solution) -> np.ndarray:
    assert run.trace is not None
    return run.trace.restarts_at


def _above_rounding(gaps: np.ndarray) -> np.ndarray:
    return np.where(gaps > _ROUNDING * gaps[0], gaps, np.nan)


@book_figure
def draw_steps_by_scheme(record: Record) -> Figure:
    """Draw the steps of each scheme, a panel for each problem: the mean, and least to greatest.

    A scheme that did not reach the accuracy with every seed is marked by an arrow at the largest
    number of steps allowed; one that does not apply is left out.

    Args:
        record: of "adaptive-restart".
    """
    problems, schemes = (record.declaration.axes[axis] for axis in ("problem", "scheme"))
    frame, most = record.frame(), record.declaration.constants["max_steps"]
    figure, panels = plt.subplots(1, len(problems), figsize=(8.4, 3.6), sharey=True, squeeze=False)
    for axes, problem in zip(panels[0], problems, strict=True):
        _draw_problem(axes, frame.loc[frame["problem"] == problem], schemes, most)
        axes.annotate(problem, (0.5, 1.0), xycoords="axes fraction", ha="center", va="bottom")
        axes.set_xscale("log")
        low, high = np.log10(axes.get_xlim())
        axes.set_xlim(10 ** np.floor(low), 10 ** np.ceil(high))
        axes.xaxis.set_major_locator(LogLocator(numticks=10))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("steps")
    panels[0, 0].set_yticks(range(len(schemes)), schemes)
    panels[0, 0].invert_yaxis()
    return figure


def _draw_problem(axes: Axes, frame: pd.DataFrame, schemes: tuple[str, ...], most: int) -> None:
    for row, scheme in enumerate(schemes):
        steps = np.asarray(frame.loc[frame["scheme"] == scheme, "steps"], dtype=float)
        statuses = frame.loc[frame["scheme"] == scheme, "status"]
        color = "#d55e00" if scheme.startswith("gradient,") else "#0072b2"
        if np.isfinite(steps).all():
            axes.plot([steps.min(), steps.max()], [row, row], color=color, linewidth=2.5)
            axes.plot(steps.mean(), row, marker="o", color=color, markersize=4.5)
        elif (statuses == "budget").any():
            axes.plot(most, row, marker=">", color="#8a8a8a", markersize=6)
    axes.grid(visible=False, axis="y")


@book_figure
def draw_step_sizes(runs: Mapping[str, Solution], L: float) -> Figure:
    """Draw the gap of each run, and below it the step sizes in units of 1/L.

    Args:
        runs: a solution with its trace for each way of choosing α, by its name in `RUN_STYLES`.
        L: Lipschitz constant of the gradient.
    """
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(6.8, 4.8), sharex=True)
    for name, run in runs.items():
        assert run.trace is not None
        style = RUN_STYLES[name]
        upper.plot(_above_rounding(run.gaps), **style.line())
        lower.step(range(run.steps), L * run.trace.step_sizes, where="mid", **style.line())
    upper.set_yscale("log")
    upper.set_ylabel("gap f(x) − f⋆")
    upper.legend()
    lower.set_ylim(bottom=0)
    lower.set_ylabel("step size α · L")
    lower.set_xlabel("step k")
    return figure
