"""How fast optimizers step, list by list."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from nagcore.evidence.figures.style import book_figure
from nagcore.evidence.optimizer_peers import METHODS
from nagcore.evidence.optimizer_speed_table import fewest_threads, in_words, steps_by_optimizer
from nagcore.evidence.record import Record

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_OURS, _THEIRS = "#0072b2", "#4d4d4d"
_ROW = 0.21  # inches


@book_figure
def draw_optimizer_speed(record: Record, *, threads: int | None = None) -> Figure:
    """Draw how many times as fast as the reference each optimizer is: a panel for each method.

    Each optimizer has a row, each list of parameters a mark; those of this package are filled.

    Args:
        record: of "optimizer-speed" or "optimizer-speed-cuda".
        threads: which ones; the fewest if left out.
    """
    frame = steps_by_optimizer(record, fewest_threads(record) if threads is None else threads)
    methods = record.declaration.axes["method"]
    names = {m: list(dict.fromkeys(frame.loc[frame["method"] == m, "contestant"])) for m in methods}
    heights = [len(names[method]) + 2 for method in methods]
    figure, panels = plt.subplots(
        len(methods), 1, figsize=(7.6, 1.0 + _ROW * sum(heights)), sharex=True, squeeze=False,
        height_ratios=heights,
    )  # fmt: skip
    marks = dict(zip(record.declaration.axes["parameters"], _MARKERS, strict=False))
    for axes, method in zip(panels[:, 0], methods, strict=True):
        order = [name for name in METHODS[method] if name in names[method]]
        for row in frame.loc[frame["method"] == method].to_dict("records"):
            color = _OURS if row["ours"] else _THEIRS
            axes.plot(
                row["against_reference"], order.index(row["contestant"]), linestyle="none",
                marker=marks[row["parameters"]], markersize=5.5, color=color,
                markerfacecolor=color if row["ours"] else "none",
            )  # fmt: skip
        axes.axvline(1.0, color="#8a8a8a", linewidth=0.8)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks(range(len(order)), order, fontsize=8)
        axes.set_ylim(len(order) - 0.4, -0.6)
        reference = record.declaration.constants["reference"][method]
        axes.annotate(
            f"1 = {reference}", (1.0, 1.0), xycoords="axes fraction", ha="right", va="bottom",
            fontsize=8.5,
        )  # fmt: skip
    panels[-1, 0].set_xlabel("times as fast as the reference")
    extents = frame.drop_duplicates("parameters").set_index("parameters")
    handles = [
        Line2D(
            [], [], linestyle="none", marker=mark, color=_THEIRS, markerfacecolor="none",
            label=f"{name}: {in_words(extents.elements[name], extents.tensors[name])}",
        )
        for name, mark in marks.items()
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8.5)
    return figure
