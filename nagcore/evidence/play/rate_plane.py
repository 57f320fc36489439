"""The plane of step size and momentum, coloured by the rate, with a probe to move."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.core import HeavyBall, tune_heavy_ball
from nagcore.errors import UsageError
from nagcore.evidence.figure_data import attach_data
from nagcore.evidence.figures.style import BOUND, STYLES, book_figure
from nagcore.evidence.play.base import Playground, require_condition_number
from nagcore.theory.spectrum import iteration_matrix, stability_limit_heavy_ball
from nagcore.theory.spectrum import rate_plane as rates_over_plane

_METHODS = ("gd", "heavy-ball", "nag")
PROBE = (1.0, 0.4)  # step size × L and momentum, where the probe is at first
_POINTS = 161
_LEVEL = 0.025  # difference in rate between two colours


def rate_plane(condition_number: float = 25.0, *, method: str = "heavy-ball") -> Playground:
    """Show the worst rate on quadratics over step size and momentum, and a probe's eigenvalues.

    Args:
        condition_number: κ, larger than 1.
        method: the one shown first, "gd", "heavy-ball" or "nag".

    Returns:
        What a cell shows: method, κ and the probe can be changed.

    Raises:
        UsageError: the condition number or the method is none.

    Example:
        >>> rate_plane(condition_number=10.0).attributes["method"]
        'heavy-ball'
    """
    require_condition_number(condition_number)
    if condition_number == 1:
        raise UsageError(
            "condition_number is 1, expected more than 1: all curvatures are equal there, and "
            "one gradient step reaches the minimum"
        )
    if method not in _METHODS:
        raise UsageError(f"method is {method!r}, expected one of {', '.join(_METHODS)}")
    return Playground(
        "nag-rate-plane",
        _draw(condition_number),
        "Left, the plane of step size and momentum for heavy ball, coloured by the rate, best in "
        "a corner close to the limit of stability. Right, the eigenvalues of one step at the "
        "probe, inside the unit circle: a pair on the real axis and a complex pair.",
        {"condition-number": condition_number, "method": method},
    )


@book_figure
def _draw(condition_number: float) -> Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.3), width_ratios=(1.4, 1))
    step_sizes = np.linspace(0, 4, _POINTS)
    momenta = np.linspace(0, 1, _POINTS, endpoint=False)
    plane = rates_over_plane(
        HeavyBall, step_sizes=step_sizes, momenta=momenta, L=1.0, mu=1 / condition_number
    )
    levels = np.arange(np.floor(plane.min() / _LEVEL) * _LEVEL, 1 + _LEVEL / 2, _LEVEL)
    converging = np.where(plane < 1, plane, np.nan)
    bands = left.contourf(step_sizes, momenta, converging, levels=levels, cmap="viridis_r")
    bands.set_rasterized(True)
    left.plot(stability_limit_heavy_ball(momenta, L=1.0), momenta, **BOUND)
    best = tune_heavy_ball(1.0, 1 / condition_number)
    style = STYLES["heavy-ball"]
    left.plot(*best, style.marker, color=style.color, markeredgecolor="white", markersize=9)
    left.plot(*PROBE, "o", color="black", markeredgecolor="white", markersize=9)
    left.set(xlim=(0, 4), ylim=(0, 1), xlabel="step size times L", ylabel="momentum β")
    left.set_title(style.label, color=style.color, fontsize=10)
    left.grid(visible=False)
    figure.colorbar(bands, ax=left, label="rate")
    _draw_eigenvalues(right, condition_number)
    return attach_data(figure, _as_frame(step_sizes, momenta, plane))


def _as_frame(step_sizes: np.ndarray, momenta: np.ndarray, plane: np.ndarray) -> pd.DataFrame:
    """Every fourth row and column of the plane, which is enough to draw it again."""
    thin = slice(None, None, 4)
    grid = np.meshgrid(step_sizes[thin], momenta[thin])
    columns = ("step size times L", "momentum", "rate")
    values = (grid[0].ravel(), grid[1].ravel(), plane[thin, thin].ravel())
    return pd.DataFrame(dict(zip(columns, values, strict=True)))


def _draw_eigenvalues(axes: Axes, condition_number: float) -> None:
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color="#999999", linewidth=0.8)
    step_size, momentum = PROBE
    ends = ((1 / condition_number, "#00785a", "s", "λ = μ"), (1.0, "#8c3f7f", "o", "λ = L"))
    for curvature, color, marker, label in ends:
        matrix = iteration_matrix(HeavyBall(momentum), curvature=curvature, step_size=step_size)
        pair = np.linalg.eigvals(matrix)
        axes.plot(pair.real, pair.imag, marker, color=color, markersize=6, label=label)
    axes.set_aspect("equal")
    axes.set(xlabel="real part", ylabel="imaginary part", xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
    axes.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
