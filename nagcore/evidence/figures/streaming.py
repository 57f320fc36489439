"""Data larger than memory: how fast they come, what it takes, how well they are mixed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import BOUND, book_figure
from nagcore.evidence.record import Record

_OURS, _THEIRS = "#0072b2", "#4d4d4d"
_LINES = (("#0072b2", "D"), ("#d55e00", "^"), ("#00785a", "s"), ("#8c3f7f", "P"))
_FULL = 1.0  # of a full shuffle, which others are held against


@book_figure
def draw_stream_speed(record: Record) -> Figure:
    """Draw a bar for each reader, as long as its median of images per second; files not in memory.

    A line across a bar is from the slowest to the fastest round; a ring is the median with the
    files in memory. The bars of this package are filled.

    Args:
        record: of "stream-speed".
    """
    row = record.rows[0]
    medians = [float(np.median(rates)) for rates in row["cold"]]
    order = np.argsort(medians, kind="stable")
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.3 * len(order)))
    for place, reader in enumerate(order):
        name, rates = row["reader"][reader], row["cold"][reader]
        ours = name.startswith("nagcore")
        color = _OURS if ours else _THEIRS
        axes.barh(
            place, medians[reader], height=0.62, edgecolor=color,
            color=color if ours else "none", hatch=None if ours else "////", alpha=0.8,
        )  # fmt: skip
        axes.plot([min(rates), max(rates)], [place, place], color="#2b2b2b", linewidth=1.2)
        axes.plot(
            np.median(row["warm"][reader]), place, marker="o", color=color, markerfacecolor="white",
            markersize=5, linestyle="none",
        )  # fmt: skip
        axes.annotate(
            f"{medians[reader]:,.0f}", (1.0, place), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5,
        )  # fmt: skip
    axes.set_yticks(range(len(order)), [row["reader"][reader] for reader in order])
    axes.set_xscale("log")
    axes.set_xlabel("images per second")
    axes.grid(visible=False, axis="y")
    return figure


@book_figure
def draw_stream_memory(record: Record) -> Figure:
    """Draw the growth of resident memory left and the images per second right, by size of data.

    Every round is a mark; the line goes through the medians.

    Args:
        record: of "stream-memory".
    """
    frame = record.frame()
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.2))
    kinds = (("", "uint8"), ("_normalised", "normalised, float32"))
    for axes, column in zip(panels, ("growth", "rate"), strict=True):
        for (suffix, label), (color, marker) in zip(kinds, _LINES, strict=False):
            rounds = np.array(frame[column + suffix].tolist(), dtype=float)
            sizes = frame["gigabytes"].to_numpy(dtype=float)
            axes.plot(
                sizes, np.median(rounds, axis=1), color=color, label=label, marker=marker,
                markersize=3,
            )  # fmt: skip
            for values in rounds.T:
                axes.plot(
                    sizes, values, linestyle="none", marker=marker, markersize=4.5, color=color,
                    markerfacecolor="none",
                )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes], minor=False)
        axes.minorticks_off()
        axes.set_xlabel("data, GB")
        axes.set_ylim(0, 1.08 * axes.get_ylim()[1])
    panels[0].set_ylabel("growth of memory, MB")
    panels[1].set_ylabel("images per second")
    panels[1].yaxis.set_major_formatter("{x:,.0f}")
    panels[0].legend(fontsize=8.5)
    return figure


@book_figure
def draw_shuffle_quality(record: Record) -> Figure:
    """Draw how far class counts and places are from a full shuffle, by the share of a window.

    Left the variance of the class counts of mini-batches over that of a full shuffle, right the
    root mean square of the rank correlation of stored place and place in the epoch. Marks are
    measured, lines predicted; the dash-dotted line is a full shuffle.

    Args:
        record: of "shuffle-quality".
    """
    frame = record.frame().drop_duplicates(["rows_per_block", "window_share"])
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.4))
    for size, (color, marker) in zip(
        record.declaration.axes["rows_per_block"], _LINES, strict=False
    ):
        rows = frame.loc[frame["rows_per_block"] == size]
        share = rows["window_share"]
        epochs = {name: np.array(rows[name].tolist()) for name in ("variance", "correlation")}
        measured = epochs["variance"].mean(axis=1), np.sqrt((epochs["correlation"] ** 2).mean(1))
        for axes, marks, name in zip(panels, measured, epochs, strict=True):
            axes.plot(share, rows[f"{name}_predicted"], color=color, linewidth=1.1)
            axes.plot(
                share, marks, marker=marker, color=color, linestyle="none", markersize=5,
                markerfacecolor="none", label=f"{size:,}",
            )  # fmt: skip
    full = _FULL, frame["correlation_full"].iloc[0]
    labels = "variance of class counts / full shuffle", "rank correlation, r.m.s."
    for axes, level, label in zip(panels, full, labels, strict=True):
        axes.axhline(level, **BOUND)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("share of the data in a window")
        axes.set_ylabel(label)
    panels[0].legend(title="rows of a block", fontsize=8.5, title_fontsize=8.5)
    return figure
