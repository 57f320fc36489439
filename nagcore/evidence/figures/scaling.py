"""How much faster two processes are than one, and what the model says of more."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import BOUND, book_figure
from nagcore.evidence.record import Record
from nagcore.evidence.scaling_table import fit_scaling

_LINES = (("#0072b2", "D"), ("#d55e00", "^"))
_MOST = 32


@book_figure
def draw_scaling(record: Record) -> Figure:
    """Draw the gain of two processes by batch size, and the efficiency of more by the model.

    Left, marks are measured and lines predicted; right, all is predicted, for the largest batch,
    and the dash-dotted line is the ideal on the left, one half on the right.

    Args:
        record: of "scaling".
    """
    figure, (gain, more) = plt.subplots(1, 2, figsize=(7.6, 3.3))
    for fitted, (color, marker) in zip(fit_scaling(record), _LINES, strict=False):
        label = f"{fitted.parameters:,} parameters"
        gain.plot(fitted.batch_sizes, fitted.predicted, color=color, linewidth=1.1)
        gain.plot(
            fitted.batch_sizes,
            fitted.speedups,
            color=color,
            marker=marker,
            markersize=5,
            markerfacecolor="none",
            linestyle="none",
            label=label,
        )
        counts = range(1, _MOST + 1)
        efficiencies = [fitted.scaling.efficiency(fitted.batch_sizes[-1], n) for n in counts]
        more.plot(counts, efficiencies, color=color, marker=marker, markevery=[1], label=label)
    gain.axhline(2.0, **BOUND)
    more.axhline(0.5, **BOUND)
    sizes = record.declaration.constants["batch_sizes"]
    for axes, ticks, name in (
        (gain, sizes, "batch size, both processes"),
        (more, [2**k for k in range(6)], "processes"),
    ):
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.set_xlabel(name)
        axes.set_ylim(bottom=0)
    gain.set_ylabel("times as fast as one")
    more.set_ylabel("efficiency")
    gain.legend(fontsize=8.5, loc="lower right")
    return figure
