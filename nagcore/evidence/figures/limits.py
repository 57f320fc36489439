"""Times beside their floors, and rates below their ceilings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from nagcore.evidence.figure_data import attach_data
from nagcore.evidence.figures.style import BOUND, book_figure
from nagcore.evidence.limits import Limit, of_ours
from nagcore.evidence.limits_roof import Mark, Roof
from nagcore.evidence.limits_sweeps import sweep_frame
from nagcore.evidence.limits_table import in_times
from nagcore.evidence.record import Record

_OURS, _THEIRS, _FLOOR = "#0072b2", "#8a8a8a", "#d55e00"
_MARKERS = {"optimizer": "D", "loop": "o", "gradient": "s", "sweep": "^"}
_SWEEPS = {
    "one by one": ("#2b2b2b", "-", "s"),
    "one by one, graph": ("#8a8a8a", (0, (4, 1.5)), "^"),
    "at once": (_OURS, "-", "D"),
    "at once, tf32": ("#7fb8dd", (0, (2, 1)), "v"),
    "at once, compiled step": ("#00785a", (0, (3, 1, 1, 1)), "P"),
}
# Where a label may stand beside its mark: the side it is aligned to, and points to right and up.
_PLACES = (
    ("left", 4, 0),
    ("right", -4, 0),
    ("left", 3, -7),
    ("right", -3, 7),
    ("left", 3, 7),
    ("right", -3, -7),
    ("center", 0, -8),
    ("center", 0, 8),
    ("left", 3, -14),
    ("right", -3, 14),
)
_NAMES = {
    "optimizer": "optimizer's step",
    "loop": "gradient of a network",
    "gradient": "of data",
    "sweep": "a training step",
}


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
    figure, panels = plt.subplots(len(roofs), 1, figsize=(7.6, 3.2 * len(roofs)), squeeze=False)
    for axes, (name, roof) in zip(panels[:, 0], roofs.items(), strict=True):
        axes.annotate(name, (0.5, 1.01), xycoords="axes fraction", ha="center", va="bottom")
        if roof is None:
            axes.set_axis_off()
            axes.annotate("not measured yet", (0.5, 0.5), xycoords="axes fraction", ha="center")
            continue
        _draw_roof(axes, roof)
    shown = {mark.part for roof in roofs.values() if roof for mark in roof.marks}
    handles = [
        Line2D([], [], color=_OURS, marker=marker, linestyle="none", label=_NAMES[part])
        for part, marker in _MARKERS.items()
        if part in shown
    ]
    ceiling = Line2D([], [], label="ceiling", **BOUND)
    figure.legend(handles=[*handles, ceiling], loc="outside lower center", ncols=5, fontsize=8)
    figure.draw_without_rendering()  # sets the scales by which labels find free places
    for axes, roof in zip(panels[:, 0], roofs.values(), strict=True):
        if roof is not None:
            _label_marks(axes, roof.marks, _along_ceiling(axes, roof))
    return figure


def _draw_roof(axes: Axes, roof: Roof) -> None:
    rates, marks = roof
    reach = [rates.ridge, *(mark.intensity for mark in marks)]
    x = np.geomspace(min(reach) / 6, max(reach) * 9, 100)
    axes.plot(x, [1e-9 * rates.ceiling(each) for each in x], **BOUND)
    for mark in marks:
        axes.plot(
            mark.intensity, 1e-9 * mark.rate, color=_OURS, marker=_MARKERS[mark.part],
            markersize=4.5, linestyle="none",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("operations per byte")
    axes.set_ylabel("GFLOP/s")


def _along_ceiling(axes: Axes, roof: Roof) -> list[Bbox]:
    """Return small boxes along the ceiling, in dots, closer together than a label is high."""
    x = np.geomspace(*axes.get_xlim(), 400)
    line = np.column_stack([x, [1e-9 * roof.rates.ceiling(each) for each in x]])
    return [Bbox.from_bounds(a - 1, b - 2, 2, 4) for a, b in axes.transData.transform(line)]


def _label_marks(axes: Axes, marks: Sequence[Mark], line: Sequence[Bbox]) -> None:
    """Write each label at the first place beside its mark where nothing stands, if there is one.

    Where there is none, it stands where it touches the fewest things.
    """
    points = [axes.transData.transform((mark.intensity, 1e-9 * mark.rate)) for mark in marks]
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in points]
    for mark in sorted(marks, key=lambda mark: mark.rate):
        label = axes.annotate(
            mark.label, (mark.intensity, 1e-9 * mark.rate), va="center", fontsize=6.5,
            xytext=(0, 0), textcoords="offset points",
        )  # fmt: skip
        label.set_in_layout(False)
        boxes = {place: _box_at(label, place) for place in _PLACES}
        hits = {
            place: box.count_overlaps(taken) + min(1, box.count_overlaps(line))
            for place, box in boxes.items()
        }
        best = min(_PLACES, key=lambda place: hits[place])
        taken.append(_box_at(label, best))


def _box_at(label: Annotation, place: tuple[str, float, float]) -> Bbox:
    side, *offset = place
    label.set(ha=side, position=offset)
    return label.get_window_extent()


@book_figure
def draw_sweeps(record: Record | None) -> Figure:
    """Draw the time of a step of one copy against how many are trained, a panel for a network.

    Marks are medians, bars reach over all rounds, and the line below is the floor of a copy in
    float32.

    Args:
        record: of "sweep-speed-cuda"; None where it was not measured.
    """
    networks = record.declaration.axes["network"] if record else ("GPU",)
    figure, panels = plt.subplots(1, len(networks), figsize=(7.4, 3.5), squeeze=False, sharey=True)
    for axes, network in zip(panels[0], networks, strict=True):
        axes.annotate(network, (0.5, 1.01), xycoords="axes fraction", ha="center", va="bottom")
        if record is None:
            axes.set_axis_off()
            axes.annotate("not measured yet", (0.5, 0.5), xycoords="axes fraction", ha="center")
        else:
            _draw_copies(axes, record, network)
    if record:
        attach_data(figure, sweep_frame(record))
        panels[0, 0].set_ylabel("a step of one copy, µs")
        shown = {label: line for axes in panels[0] for line, label in _legend(axes)}
        figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _draw_copies(axes: Axes, record: Record, network: str) -> None:
    frame = sweep_frame(record)
    frame = frame.loc[frame["network"] == network]
    for who, (color, dashes, marker) in _SWEEPS.items():
        own = frame.loc[frame["trained"] == who]
        middle = own["microseconds"]
        axes.errorbar(
            own["copies"], middle, (middle - own["least"], own["most"] - middle), label=who,
            color=color, linestyle=dashes, marker=marker, markersize=4.5, capsize=2,
        )  # fmt: skip
    exact = frame.loc[~frame["trained"].str.contains("tf32")].drop_duplicates("copies")
    axes.plot(exact["copies"], exact["floor"], label="floor", **BOUND)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(exact["copies"], exact["copies"].astype(str))
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_xlabel("copies")


def _legend(axes: Axes) -> Iterable[tuple[Artist, str]]:
    return zip(*axes.get_legend_handles_labels(), strict=True)
