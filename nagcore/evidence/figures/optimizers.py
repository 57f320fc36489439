"""Paths of the optimizers through two valleys, and what NAdam's conventions make of one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.core.nadam import NAdam
from nagcore.evidence.figures.restart import RUN_STYLES
from nagcore.evidence.figures.style import STYLES, MethodStyle, book_figure
from nagcore.evidence.record import Record
from nagcore.evidence.report import scientific
from nagcore.evidence.valleys import Valley, find_valley

# One colour for what is one family, dashes for its members.
NADAM_STYLES: dict[str, MethodStyle] = {
    "torch": MethodStyle("torch", "#0072b2", "-", "o"),
    "keras": MethodStyle("Keras 3", "#2b2b2b", (0, (5, 1.5)), "s"),
    "constant": MethodStyle("Optax, constant", "#00785a", (0, (1, 1)), "^"),
    "tf1": MethodStyle("TensorFlow 1", "#d55e00", (0, (5, 1, 1, 1)), "D"),
    "dozat": MethodStyle("as printed", "#8c3f7f", (0, (2.5, 1.5)), "v"),
}
# Left, right, bottom and top of what is shown; a path may leave it.
_WINDOWS = {"Rosenbrock": (-1.7, 1.7, -0.7, 1.9), "noisy valley": (-3.0, 11.0, -2.4, 2.4)}
_COLUMNS = 3


def in_powers(value: float) -> str:
    """Return a number to two digits, with a power of ten if it is small; a dash if not finite.

    Example:
        >>> in_powers(0.052), in_powers(0.0052), in_powers(float("inf"))
        ('0.052', '5.2 × 10⁻³', '–')
    """
    if not math.isfinite(value):
        return "–"
    return f"{value:.2g}" if 0.01 <= abs(value) < 100 else scientific(value)


@book_figure
def draw_optimizer_paths(record: Record, valley: str) -> Figure:
    """Draw the path of each optimizer through a valley, with its step size and last gap.

    Args:
        record: of "optimizer-paths".
        valley: one of its valleys.
    """
    rows = [row for row in record.rows if row["valley"] == valley]
    lines = -(-len(rows) // _COLUMNS)
    figure, panels = plt.subplots(
        lines, _COLUMNS, figsize=(6.8, 1.8 * lines), sharex=True, sharey=True, squeeze=False
    )
    for axes, row in zip(panels.flat, rows, strict=False):
        style = STYLES[row["optimizer"]]
        _draw_valley(axes, find_valley(valley), _WINDOWS[valley])
        axes.plot(
            row["first"], row["second"], color=style.color, marker=".", markersize=2.5,
            linewidth=0.9,
        )  # fmt: skip
        axes.set_title(style.label, color=style.color, fontsize=9, fontweight="bold", loc="left")
        axes.annotate(
            f"α = {row['chosen']:g}, gap {in_powers(row['gap'])}",
            (0.02, 0.03), xycoords="axes fraction", fontsize=7.5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0},
        )  # fmt: skip
    for axes in panels.flat[len(rows) :]:
        axes.set_visible(False)
    figure.supxlabel("first coordinate", fontsize=9.5)
    figure.supylabel("second coordinate", fontsize=9.5)
    return figure


def _draw_valley(
    axes: Axes, valley: Valley, window: tuple[float, float, float, float], grid: int = 160
) -> None:
    left, right, bottom, top = window
    x, y = np.meshgrid(np.linspace(left, right, grid), np.linspace(bottom, top, grid))
    values = valley.value(np.stack([x, y], axis=-1))
    levels = np.geomspace(1e-3, 1, 9) * values.max()
    axes.contour(x, y, values, levels=levels, colors="#c4c4c4", linewidths=0.6)
    axes.plot(*valley.minimizer, marker="*", color="black", markersize=8, zorder=5)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.grid(visible=False)


def _around(points: np.ndarray) -> tuple[float, float, float, float]:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.06 * (high - low)
    (left, bottom), (right, top) = low - margin, high + margin
    return left, right, bottom, top


def follow_conventions(
    rules: Mapping[str, NAdam], valley: Valley, *, step_size: float, steps: int
) -> dict[str, np.ndarray]:
    """Return the iterates of each convention of NAdam, shape (steps + 1, 2).

    Args:
        rules: by their names in `nagcore.core.NADAM_CONVENTIONS`.
        valley: without noise.
        step_size: α, the same for all.
        steps: how many.

    Example:
        >>> from nagcore.core import NADAM_CONVENTIONS
        >>> from nagcore.evidence.valleys import Rosenbrock
        >>> paths = follow_conventions(NADAM_CONVENTIONS, Rosenbrock(), step_size=0.1, steps=1)
        >>> float(paths["tf1"][1, 0].round(3))  # −1.2 + 0.1·(1 + β₁)
        -1.01
    """
    paths = {}
    for name, rule in rules.items():
        state = rule.init(np.array(valley.start))
        points = [state.x]
        for _ in range(steps):
            state = rule.step(state, np.array(valley.grad(state.x)), step_size)
            points.append(state.x)
        paths[name] = np.array(points)
    return paths


@book_figure
def draw_nadam_conventions(
    rules: Mapping[str, NAdam], paths: Mapping[str, np.ndarray], valley: Valley
) -> Figure:
    """Draw the momentum of each convention over the step, its path, and how far it is from torch's.

    Args:
        rules: the conventions.
        paths: their iterates, as `follow_conventions` returns them.
        valley: the one that they went through.
    """
    figure, panels = plt.subplot_mosaic([["μ", "apart"], ["way", "way"]], figsize=(6.8, 5.2))
    momenta, apart, ways = (panels[name] for name in ("μ", "apart", "way"))
    k = np.unique(np.geomspace(1, 5000, 200).astype(int))
    _draw_valley(ways, valley, _around(np.concatenate([*paths.values()])))
    for name, rule in rules.items():
        style, path = NADAM_STYLES[name], paths[name]
        momenta.plot(k, [rule.momentum(int(j)) for j in k], **style.line())
        ways.plot(*path.T, color=style.color, linestyle=style.linestyle, linewidth=1.1)
        if name != "torch":
            apart.plot(np.linalg.norm(path - paths["torch"], axis=1), **style.line())
    momenta.set_xscale("log")
    momenta.set_ylabel(r"momentum $\mu_k$")
    momenta.set_xlabel("step k")
    ways.set_xlabel("first coordinate")
    ways.set_ylabel("second coordinate")
    apart.set_ylabel("distance from torch's iterate")
    apart.set_xlabel("step k")
    _share_legend(figure, momenta)
    return figure


@book_figure
def draw_restarted_groups(
    gaps: Mapping[str, np.ndarray], restarts: Mapping[str, Sequence[int]]
) -> Figure:
    """Draw the gap of each way to restart, with a mark at every restart.

    Args:
        gaps: f(x_k) − f⋆ at the iterates, by a name of `RUN_STYLES`.
        restarts: the steps after which there was one, likewise.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.4))
    for name, values in gaps.items():
        style, places = RUN_STYLES[name], np.array(restarts[name], dtype=int)
        axes.plot(values, **style.line())
        axes.plot(
            places, values[places], linestyle="none", marker=style.marker, color=style.color,
            markersize=4.5,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylabel("gap f(x) − f⋆")
    axes.set_xlabel("step k")
    axes.legend()
    return figure


def _share_legend(figure: Figure, axes: Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
