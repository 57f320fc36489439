"""How long a training step takes in each loop, and how much of it is the gradient."""

from __future__ import annotations

import statistics

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nagcore.evidence.figures.style import LABEL, book_figure
from nagcore.evidence.loop_contestants import CONTESTANTS
from nagcore.evidence.loop_speed_table import loops_of, row_of, times_by_loop
from nagcore.evidence.record import Record

_OURS, _THEIRS, _PEAK = "#0072b2", "#8a8a8a", "#d55e00"


@book_figure
def draw_loop_speed(record: Record, *, threads: int | None = None) -> Figure:
    """Draw the milliseconds of a step of each loop, a panel for each network.

    A bar is the median over the rounds, a thin line runs from the lower quartile to the upper one;
    the dark part of a bar is the gradient alone, of the same network in the same precision. A line
    stands where the arithmetic would end at the speed of a large matrix product in float32.

    Args:
        record: of "loop-speed" or "loop-speed-cuda".
        threads: which ones; the fewest if left out.
    """
    networks, names = record.declaration.axes["network"], loops_of(record)
    figure, panels = plt.subplots(
        1, len(networks), figsize=(7.6, 0.9 + 0.25 * len(names)), sharey=True, squeeze=False
    )
    for axes, network in zip(panels[0], networks, strict=True):
        _draw_network(axes, record, network, threads, names)
    panels[0, 0].set_yticks(range(len(names)), names, fontsize=8.5)
    panels[0, 0].set_ylim(len(names) - 0.4, -0.6)
    handles = [
        Patch(color=_OURS, alpha=0.5, label="this package"),
        Patch(color=_THEIRS, alpha=0.5, label="others"),
        Patch(color="#4d4d4d", label="dark: the gradient alone"),
        Line2D([], [], color=_PEAK, linestyle="--", label="its arithmetic at the peak, float32"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _draw_network(
    axes: Axes, record: Record, network: str, threads: int | None, names: list[str]
) -> None:
    times, row = times_by_loop(record, network, threads), row_of(record, network, threads)
    for place, name in enumerate(names):
        if name not in times:
            axes.annotate("not timed", (0, place), xytext=(3, 0), textcoords="offset points",
                va="center", fontsize=7.5, color=LABEL)  # fmt: skip
            continue
        color = _OURS if CONTESTANTS[name].package == "nagcore" else _THEIRS
        axes.barh(place, statistics.median(times[name]), color=color, alpha=0.5, height=0.7)
        quartiles = np.percentile(times[name], (25, 75))
        axes.plot(quartiles, [place] * 2, color="black", linewidth=0.8)
        floor = times.get(CONTESTANTS[name].floor)
        if floor:
            axes.barh(place, statistics.median(floor), color=color, height=0.35)
    axes.axvline(row["megaflops"] / row["peak"], color=_PEAK, linestyle="--", linewidth=1.0)
    axes.set_xlim(left=0)
    axes.set_xlabel("ms a step")
    axes.grid(visible=False, axis="y")
    axes.annotate(network, (0.5, 1.0), xycoords="axes fraction", ha="center", va="bottom")
