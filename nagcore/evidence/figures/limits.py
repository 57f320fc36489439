"""Times beside their floors, and rates below their ceilings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from nagcore.evidence.figures.style import BOUND, book_figure
from nagcore.evidence.limits import Limit, of_ours
from nagcore.evidence.limits_roof import Roof
from nagcore.evidence.limits_table import in_times

_OURS, _THEIRS, _FLOOR = "#0072b2", "#8a8a8a", "#d55e00"
_MARKERS = {"optimizer": "D", "loop": "o", "gradient": "s"}
_NAMES = {"optimizer": "optimizer's step", "loop": "gradient of a network", "gradient": "of data"}


@book_figure
def draw_limits(limits: Sequence[Limit]) -> Figure:
    """Draw how many times its floor each thing takes, a bar each, on a logarithmic axis.

    Bars of this package are blue, others grey, and begin at the floor.

    Args:
        limits: in the order of the bars, from above.
    """
    figure, axes = plt.subplots(figsize=(7.4, 0.9 + 0.2 * len(limits)))
    ours = set(of_ours(limits))
    for place, limit in enumerate(limits):
        axes.barh(
            place, limit.times - 1, left=1, height=0.7,
            color=_OURS if limit in ours else _THEIRS, alpha=0.75,
            hatch="" if limit in ours else "//", edgecolor="white",
        )  # fmt: skip
        axes.annotate(
            in_times(limit.times), (max(limit.times, 1), place), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=7,
        )  # fmt: skip
    axes.axvline(1, color=_FLOOR, linewidth=1.2)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    labels = [f"{limit.who} — {limit.case}" for limit in limits]
    axes.set_yticks(range(len(limits)), labels, fontsize=7.5)
    axes.set_ylim(len(limits) - 0.4, -0.6)
    axes.set_xlabel("measured time / floor")
    axes.grid(visible=False, axis="y")
    return figure


@book_figure
def draw_roofline(roofs: Mapping[str, Roof | None]) -> Figure:
    """Draw the rates that were reached against operations for each byte, a panel for a machine.

    The line is the ceiling: bandwidth times operations for each byte, up to the peak.

    Args:
        roofs: by the name of the machine; None where it was not measured.
    """
    figure, panels = plt.subplots(1, len(roofs), figsize=(7.6, 3.9), squeeze=False)
    for axes, (name, roof) in zip(panels[0], roofs.items(), strict=True):
        axes.annotate(name, (0.5, 1.01), xycoords="axes fraction", ha="center", va="bottom")
        if roof is None:
            axes.set_axis_off()
            axes.annotate("not measured yet", (0.5, 0.5), xycoords="axes fraction", ha="center")
            continue
        _draw_roof(axes, roof)
    panels[0, 0].set_ylabel("GFLOP/s")
    shown = {mark.part for roof in roofs.values() if roof for mark in roof.marks}
    handles = [
        Line2D([], [], color=_OURS, marker=marker, linestyle="none", label=_NAMES[part])
        for part, marker in _MARKERS.items()
        if part in shown
    ]
    ceiling = Line2D([], [], label="ceiling", **BOUND)
    figure.legend(handles=[*handles, ceiling], loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _draw_roof(axes: Axes, roof: Roof) -> None:
    rates, marks = roof
    reach = [rates.ridge, *(mark.intensity for mark in marks)]
    x = np.geomspace(min(reach) / 6, max(reach) * 4, 100)
    axes.plot(x, [1e-9 * rates.ceiling(each) for each in x], **BOUND)
    for place, mark in enumerate(sorted(marks, key=lambda mark: mark.intensity)):
        axes.plot(
            mark.intensity, 1e-9 * mark.rate, color=_OURS, marker=_MARKERS[mark.part],
            markersize=4.5, linestyle="none",
        )  # fmt: skip
        left = "foreach" in mark.label  # beside which others lie
        axes.annotate(
            mark.label, (mark.intensity, 1e-9 * mark.rate), ha="right" if left else "left",
            xytext=(-4, -2) if left else (4, -8 if place % 2 else 2),
            textcoords="offset points", fontsize=6.5,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("operations per byte")
