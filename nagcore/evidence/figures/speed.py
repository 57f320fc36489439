"""Races of the optimal methods, and measured times."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.restart import RUN_STYLES
from nagcore.evidence.figures.style import BOUND, STYLES, MethodStyle, book_figure
from nagcore.evidence.record import Record
from nagcore.evidence.speed_table import times_by_solver
from nagcore.theory.minimize import Solution

RACE_STYLES: dict[str, MethodStyle] = {
    **STYLES,
    "nag": STYLES["nag"]._replace(label="Nesterov, constant"),
    "silver": MethodStyle("silver steps", "#8a8a8a", (0, (1, 1)), "*"),
    "robust-momentum": MethodStyle("robust momentum", "#56b4e9", (0, (5, 2)), "h"),
    "restarted": RUN_STYLES["gradient restart"]._replace(label="Nesterov, gradient restart"),
}

# Below about 1e-14 of the first gap a measured gap is rounding.
_ROUNDING = 1e-14
# the families of solvers in the figure of times, by the beginning of their names
_FAMILIES = {
    "Nesterov": ("#0072b2", "D"),
    "triple": ("#7a3500", "X"),
    "SciPy": ("#d55e00", "^"),
    "scikit-learn": ("#b07800", "s"),
    "jaxopt": ("#8c3f7f", "P"),
}


@book_figure
def draw_races(races: Mapping[str, Mapping[str, Solution]]) -> Figure:
    """Draw the gaps of several methods relative to the first gap, a panel for each problem.

    Args:
        races: for each problem, by the title of its panel, a solution with its trace for each
            method, by its name in `RACE_STYLES`.
    """
    figure, panels = plt.subplots(1, len(races), figsize=(7.6, 4.3), squeeze=False)
    for axes, (title, runs) in zip(panels[0], races.items(), strict=True):
        for name, run in runs.items():
            gaps = run.gaps / run.gaps[0]
            style = RACE_STYLES[name].line()
            axes.plot(np.where(gaps > _ROUNDING, gaps, np.nan), **style)
        axes.set_yscale("log")
        axes.set_xlabel("step k")
        axes.annotate(title, (0.5, 1.0), xycoords="axes fraction", ha="center", va="bottom")
    panels[0, 0].set_ylabel("gap, relative to the first")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


@book_figure
def draw_optimal_on_worst(
    budgets: np.ndarray,
    gaps: Mapping[str, np.ndarray],
    bounds: Mapping[str, np.ndarray],
    lower: np.ndarray,
) -> Figure:
    """Draw (n + 1)² times the gap after n steps on the function that is bad for n steps.

    Args:
        budgets: the numbers n of steps, shape (m,).
        gaps: for each method, by its name in `RACE_STYLES`, (f(x_n) − f⋆)/(L R²), shape (m,).
        bounds: for some of them the theorem's bound, shape (m,); NaN where it says nothing.
        lower: the lower bound for every first-order method on this function, shape (m,).
    """
    figure, axes = plt.subplots(figsize=(6.8, 4.0))
    scale = (np.asarray(budgets) + 1.0) ** 2
    for name, values in gaps.items():
        style = RACE_STYLES[name]
        axes.plot(budgets, scale * values, **style.line(), marker=style.marker, markersize=4)
    for name, bound in bounds.items():
        style = {**BOUND, "color": RACE_STYLES[name].color}
        axes.plot(budgets, scale * bound, **style, label=f"bound of {RACE_STYLES[name].label}")
    axes.plot(budgets, scale * lower, **{**BOUND, "linestyle": ":"}, label="lower bound for all")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("number n of steps")
    axes.set_ylabel("(n + 1)² (f(x) − f⋆) / (L R²)")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


@book_figure
def draw_gradient_speed(record: Record) -> Figure:
    """Draw how many times faster the package's gradient is, against the rows of the data.

    Args:
        record: of "gradient-speed".
    """
    frame = record.frame()
    problems, threads = (record.declaration.axes[axis] for axis in ("problem", "threads"))
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    for problem, color in zip(problems, ("#0072b2", "#d55e00", "#00785a"), strict=False):
        for count, dash in zip(threads, ("-", "--", ":"), strict=False):
            rows = frame.loc[(frame["problem"] == problem) & (frame["threads"] == count)]
            word = "thread" if count == 1 else "threads"
            axes.plot(
                rows["rows"], rows["ratio"], color=color, linestyle=dash, marker="o", markersize=4,
                label=f"{problem}, {count} {word}",
            )  # fmt: skip
    axes.axhline(1.0, color="#8a8a8a", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("rows of the data")
    axes.set_ylabel("two products / one reading")
    axes.legend()
    return figure


@book_figure
def draw_times(record: Record) -> Figure:
    """Draw the seconds of every solver, a panel for each spread of scales, a mark for each size.

    Args:
        record: of "time-to-accuracy".
    """
    times = times_by_solver(record)
    decades = record.declaration.axes["decades"]
    solvers = list(dict.fromkeys(times["solver"]))
    figure, panels = plt.subplots(1, len(decades), figsize=(7.6, 3.8), sharey=True, squeeze=False)
    for axes, spread in zip(panels[0], decades, strict=True):
        for row, solver in enumerate(solvers):
            chosen = times.loc[(times["decades"] == spread) & (times["solver"] == solver)]
            color, marker = _family(solver)
            for size, (_, line) in enumerate(chosen.sort_values("rows").iterrows()):
                axes.plot(
                    line["seconds"], row, marker=marker, color=color, markersize=4 + 2 * size,
                    markerfacecolor="none", linestyle="none",
                )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlabel("seconds")
        title = f"scales over {spread:g} decades" if spread else "equal scales"
        axes.annotate(title, (0.5, 1.0), xycoords="axes fraction", ha="center", va="bottom")
        axes.grid(visible=True, axis="y")
    panels[0, 0].set_yticks(range(len(solvers)), solvers)
    panels[0, 0].invert_yaxis()
    return figure


def _family(solver: str) -> tuple[str, str]:
    for beginning, style in _FAMILIES.items():
        if solver.startswith(beginning):
            return style
    return "#2b2b2b", "o"
