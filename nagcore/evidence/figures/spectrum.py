"""Heavy ball and Nesterov's method on quadratics: damping, rates over a plane, the transient."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from nagcore.core import (
    GradientDescent,
    HeavyBall,
    Nesterov,
    Tuning,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
    tune_nesterov_on_quadratics,
)
from nagcore.evidence.figures.style import BOUND, STYLES, book_figure
from nagcore.theory.minimize import Solution
from nagcore.theory.spectrum import (
    MomentumRule,
    convergence_rate,
    critical_momentum_heavy_ball,
    iteration_matrix,
    rate_plane,
    spectral_radius,
    stability_limit_heavy_ball,
    stability_limit_nesterov,
    with_momenta,
)

# Three momenta are told apart by dash and by lightness of one colour.
_SHADES = (("#f0a35e", (0, (1, 1))), ("#d55e00", "-"), ("#7a3500", (0, (5, 1, 1, 1))))

_RULES: dict[str, MomentumRule] = {
    "gd": lambda momentum: GradientDescent(),  # noqa: ARG005
    "heavy-ball": HeavyBall,
    "nag": Nesterov,
}
_STABILITY = {"heavy-ball": stability_limit_heavy_ball, "nag": stability_limit_nesterov}

# Difference in rate between two colours of the plane.
_LEVEL = 0.025


@book_figure
def draw_damping(reach: float, momenta: tuple[float, float], *, steps: int = 40) -> Figure:
    """Draw what momentum does to one eigenvector: eigenvalues, radius, error against the step.

    Args:
        reach: αλ, step size times curvature, in (0, 1).
        momenta: one momentum below the critical one of heavy ball and one above it.
        steps: length of the right panel.
    """
    figure, panels = plt.subplots(1, 3, figsize=(8.4, 2.9))
    shown = (momenta[0], critical_momentum_heavy_ball(reach), momenta[1])
    _draw_eigenvalues(panels[0], reach, shown)
    grid = np.linspace(0, 1, 401)
    for name, rule in (("heavy-ball", HeavyBall), ("nag", Nesterov)):
        matrices = iteration_matrix(with_momenta(rule, grid), curvature=reach, step_size=1.0)
        panels[1].plot(grid, spectral_radius(matrices), **STYLES[name].line())
    panels[1].set_xlabel("momentum β")
    panels[1].set_ylabel("spectral radius")
    panels[1].legend(fontsize=8)
    for momentum, (color, dash) in zip(shown, _SHADES, strict=True):
        matrix = iteration_matrix(HeavyBall(momentum), curvature=reach, step_size=1.0)
        errors = [(np.linalg.matrix_power(matrix, k) @ [1.0, 0.0])[0] for k in range(steps + 1)]
        panels[2].plot(errors, color=color, linestyle=dash, label=f"β = {momentum:.2g}")
    panels[2].axhline(0, color="#999999", linewidth=0.8)
    panels[2].set_xlabel("step k")
    panels[2].set_ylabel("error along the eigenvector")
    panels[2].legend(fontsize=8)
    return figure


def _draw_eigenvalues(axes: Axes, reach: float, shown: tuple[float, ...]) -> None:
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color="#999999", linewidth=0.8)
    grid = np.linspace(0, 1, 2001)
    matrices = iteration_matrix(with_momenta(HeavyBall, grid), curvature=reach, step_size=1.0)
    values = np.linalg.eigvals(matrices)
    axes.plot(values.real, values.imag, ".", color="#cccccc", markersize=1.5, rasterized=True)
    for momentum, (color, _), marker in zip(shown, _SHADES, "sD^", strict=True):
        pair = np.linalg.eigvals(
            iteration_matrix(HeavyBall(momentum), curvature=reach, step_size=1.0)
        )
        axes.plot(pair.real, pair.imag, marker, color=color, markersize=6)
    axes.set_aspect("equal")
    axes.set_xlabel("real part")
    axes.set_ylabel("imaginary part")


@book_figure
def draw_rate_plane(L: float, mu: float, *, points: int = 241) -> Figure:
    """Draw the worst rate on quadratics over step size and momentum, and its optimum.

    Left, for every step size the rate with the momentum that is best for it; then the whole plane
    for heavy ball and for Nesterov's method. White is where the method does not converge.

    Args:
        L: largest eigenvalue.
        mu: smallest eigenvalue, 0 < mu ≤ L.
        points: points of the grid a side.
    """
    figure, (line, left, right) = plt.subplots(
        1, 3, figsize=(8.6, 3.2), width_ratios=(1.15, 1, 1.2), layout="constrained"
    )
    # the rate is 1 at α = 0 and where stability ends
    step_sizes = np.linspace(0, 4 / L, points)
    momenta = np.linspace(0, 1, points, endpoint=False)
    optima = _best_on_quadratics(L, mu)
    planes = {
        name: rate_plane(_RULES[name], step_sizes=step_sizes, momenta=momenta, L=L, mu=mu)
        for name in ("heavy-ball", "nag")
    }
    least = min(plane.min() for plane in planes.values())
    levels = np.arange(np.floor(least / _LEVEL) * _LEVEL, 1 + _LEVEL / 2, _LEVEL)
    for axes, (name, plane) in zip((left, right), planes.items(), strict=True):
        _draw_plane(axes, L * step_sizes, momenta, plane, levels)
        axes.plot(L * _STABILITY[name](momenta, L=L), momenta, **BOUND)
        axes.set_title(STYLES[name].label, color=STYLES[name].color, fontsize=10)
        _mark(axes, name, optima[name], L)
        _mark(axes, "gd", optima["gd"], L)
    _mark(right, "nag", tune_nesterov(L, mu), L, filled=False)
    rates = {"gd": convergence_rate(GradientDescent(), step_size=step_sizes, L=L, mu=mu)}
    rates |= {name: plane.min(axis=0) for name, plane in planes.items()}
    for name, rate in rates.items():
        line.plot(L * step_sizes, np.where(rate < 1, rate, np.nan), **STYLES[name].line())
        step_size, momentum = optima[name]
        best = convergence_rate(_RULES[name](momentum), step_size=step_size, L=L, mu=mu)
        line.plot(L * step_size, best, STYLES[name].marker, color=STYLES[name].color)
    line.set_xlabel("step size times L")
    line.set_ylabel("rate with the best momentum")
    # room for the legend below the curves
    line.set_ylim(bottom=1 - 1.35 * (1 - least))
    line.legend(fontsize=8, loc="lower left")
    left.set_ylabel("momentum β")
    figure.colorbar(right.collections[0], ax=right, label="rate")
    return figure


def _best_on_quadratics(L: float, mu: float) -> dict[str, Tuning]:
    return {
        "gd": tune_gradient_descent(L, mu),
        "heavy-ball": tune_heavy_ball(L, mu),
        "nag": tune_nesterov_on_quadratics(L, mu),
    }


def _draw_plane(
    axes: Axes, x: np.ndarray, momenta: np.ndarray, plane: np.ndarray, levels: np.ndarray
) -> None:
    converging = np.where(plane < 1, plane, np.nan)
    bands = axes.contourf(x, momenta, converging, levels=levels, cmap="viridis_r")
    # as curves the edges of the bands would fill half a megabyte
    bands.set_rasterized(True)
    axes.set_xlim(0, x[-1])
    axes.set_ylim(0, 1)
    axes.set_xlabel("step size times L")
    axes.grid(visible=False)


def _mark(axes: Axes, name: str, tuning: Tuning, L: float, *, filled: bool = True) -> None:
    style = STYLES[name]
    axes.plot(
        tuning.step_size * L,
        tuning.momentum,
        style.marker,
        color=style.color,
        markerfacecolor=style.color if filled else "none",
        markeredgewidth=1.0 if filled else 1.6,
        markeredgecolor="white",
        markersize=8,
        clip_on=False,
        zorder=5,
    )


@book_figure
def draw_transient(runs: Mapping[str, Solution], bound: np.ndarray, *, rate: float) -> Figure:
    """Draw the gap of heavy ball from several starts under its exact bound.

    Args:
        runs: solutions by the text of their legend.
        bound: of the gap divided by the first one, from step 0 on.
        rate: the factor √β of the error per step; its square is drawn for comparison.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    for (name, run), (color, dash), marker in zip(runs.items(), _SHADES, "sD^", strict=False):
        gaps = run.gaps / run.gaps[0]
        every = max(len(gaps) // 12, 1)
        axes.plot(
            np.where(gaps > 1e-14, gaps, np.nan),
            color=color,
            linestyle=dash,
            marker=marker,
            markevery=every,
            markersize=4,
            label=name,
        )
    axes.plot(bound, **{**BOUND, "linewidth": 1.6}, zorder=5, label="bound")
    axes.plot(
        rate ** (2 * np.arange(len(bound))),
        color="#777777",
        linewidth=1.0,
        linestyle=":",
        label="rate alone, β to the power k",
    )
    axes.set_yscale("log")
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, place: ""))  # noqa: ARG005
    axes.set_xlabel("step k")
    axes.set_ylabel("gap divided by the first gap")
    axes.legend(fontsize=8)
    return figure
