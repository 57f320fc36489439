"""Exact worst cases against the number of steps, and the function that attains one."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.errors import UsageError
from nagcore.evidence.figures.style import BOUND, STYLES, book_figure
from nagcore.evidence.record import Record
from nagcore.theory.bounds import lower_bound_convex
from nagcore.theory.catalogue import make_method
from nagcore.theory.certificates import Certificate
from nagcore.theory.minimize import minimize
from nagcore.theory.worst_case import WorstCaseFunction, rebuild_worst_case


@book_figure
def draw_worst_cases(record: Record) -> Figure:
    """Draw the exact worst-case gap against the number of steps, a panel for each mu.

    Args:
        record: of "worst-cases".
    """
    declaration = record.declaration
    L, frame = declaration.constants["L"], record.frame()
    figure, panels = plt.subplots(
        1, len(declaration.axes["mu"]), figsize=(7.4, 4.2), sharey=True, squeeze=False
    )
    for axes, mu in zip(panels[0], declaration.axes["mu"], strict=True):
        for name in declaration.axes["method"]:
            rows = frame.loc[(frame["method"] == name) & (frame["mu"] == mu)]
            style = STYLES[name]
            axes.plot(
                rows["steps"], rows["exact"], **style.line(), marker=style.marker, markersize=4
            )
        title = "convex, μ = 0" if mu == 0 else f"strongly convex, κ = {L / mu:.0f}"
        axes.annotate(title, (0.5, 1.0), xycoords="axes fraction", ha="center", va="bottom")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("number n of steps")
    _draw_lower_bound(panels[0, 0], declaration.axes["steps"], L)
    panels[0, 0].set_ylabel("largest gap, in units of L R²")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw_lower_bound(axes: Axes, steps: tuple[int, ...], L: float) -> None:
    n = np.arange(min(steps), max(steps) + 1)
    axes.plot(
        n,
        lower_bound_convex(n, L=L, distance=1.0),
        **{**BOUND, "linestyle": ":"},
        label="lower bound for all methods",
    )


@book_figure
def draw_worst_functions(certificates: Mapping[str, Certificate]) -> Figure:
    """Draw the functions that certificates found, with the iterates of the method on each.

    Args:
        certificates: by the method's name in the catalogue, made with `low_dimension=True`.

    Raises:
        UsageError: a function has more than two variables.
    """
    figure, panels = plt.subplots(1, len(certificates), figsize=(7.4, 3.4), squeeze=False)
    for axes, (name, certificate) in zip(panels[0], certificates.items(), strict=True):
        function = rebuild_worst_case(certificate)
        path = _run(name, certificate, function)
        if path.shape[1] > 2:
            raise UsageError(
                f"the worst function of {name} has {path.shape[1]} variables, expected 1 or 2: "
                "take fewer steps"
            )
        style = STYLES[name]
        (_draw_graph if path.shape[1] == 1 else _draw_map)(axes, function, path, style.color)
        axes.set_title(style.label, color=style.color, fontsize=10)
    return figure


def _run(name: str, certificate: Certificate, function: WorstCaseFunction) -> np.ndarray:
    method, step_size = make_method(
        name, L=certificate.L, mu=certificate.mu, steps=certificate.steps
    )
    start = np.asarray(certificate.extremes.start if certificate.extremes else function.x_star)
    return minimize(
        function, method, start, step_size=step_size, max_steps=certificate.steps, trace=True
    ).iterates


def _draw_graph(axes: Axes, function: WorstCaseFunction, path: np.ndarray, color: str) -> None:
    low, high = min(path.min(), 0.0), max(path.max(), 0.0)
    margin = 0.25 * (high - low)
    line = np.linspace(low - margin, high + margin, 400)
    axes.plot(line, function.values_at(line[:, None]), color="#8a8a8a")
    heights = function.values_at(path)
    axes.plot(path[:, 0], heights, color=color, marker="o", markersize=4, linewidth=0.8)
    for k, (x, height) in enumerate(zip(path[:, 0], heights, strict=True)):
        axes.annotate(f"{k}", (x, height), xytext=(0, 5), textcoords="offset points", fontsize=8)
    axes.plot(0.0, 0.0, marker="*", color="black", markersize=9)
    axes.set_xlabel("x")
    axes.set_ylabel("f(x)")


def _draw_map(axes: Axes, function: WorstCaseFunction, path: np.ndarray, color: str) -> None:
    seen = np.vstack([path, np.zeros(2)])
    low, high = seen.min(axis=0), seen.max(axis=0)
    margin = 0.25 * (high - low).max()
    grids = [np.linspace(a - margin, b + margin, 90) for a, b in zip(low, high, strict=True)]
    mesh = np.stack(np.meshgrid(*grids), axis=-1)
    values = function.values_at(mesh.reshape(-1, 2)).reshape(mesh.shape[:2])
    axes.contour(*grids, values, levels=12, colors="#bbbbbb", linewidths=0.7)
    axes.plot(*path.T, color=color, marker="o", markersize=4, linewidth=0.8)
    for k, point in enumerate(path):
        axes.annotate(f"{k}", tuple(point), xytext=(3, 4), textcoords="offset points", fontsize=8)
    axes.plot(0.0, 0.0, marker="*", color="black", markersize=9)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("first coordinate")
    axes.set_ylabel("second coordinate")
