"""How far an optimizer strays from Nesterov's iterates when the step size changes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import book_figure
from nagcore.evidence.record import Record


@book_figure
def draw_drift(record: Record) -> Figure:
    """Draw the distance between an optimizer's parameters and the rule's query points.

    Args:
        record: of "drift-under-schedule".
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    looks = (("#0072b2", "-"), ("#d55e00", (0, (5, 1))))
    for row, (color, dash) in zip(record.rows, looks, strict=True):
        # An exact zero has no place on a logarithmic axis.
        values = np.maximum(row["distance"], 1e-17)
        axes.plot(values, color=color, linestyle=dash, label=row["optimizer"])
    changed_at = record.declaration.constants["changed_at"]
    axes.axvline(changed_at, color="#999999", linestyle=":", linewidth=1)
    axes.annotate(
        "lr changes",
        (changed_at, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        color="#666666",
        fontsize=8,
    )
    axes.set_yscale("log")
    axes.set_xlabel("step k")
    axes.set_ylabel("distance from y")
    axes.legend(loc="center right")
    return figure
