"""How far an optimizer strays from Nesterov's iterates when the step size changes."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import book_figure


@book_figure
def draw_drift(distances: Mapping[str, np.ndarray], changed_at: int) -> Figure:
    """Draw the distance between an optimizer's parameters and the rule's query points.

    Args:
        distances: by the optimizer's name, one number for each step.
        changed_at: the step at which the step size changed.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    for (name, values), (color, dash) in zip(
        distances.items(), (("#0072b2", "-"), ("#d55e00", (0, (5, 1)))), strict=False
    ):
        # An exact zero has no place on a logarithmic axis.
        axes.plot(np.maximum(values, 1e-17), color=color, linestyle=dash, label=name)
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
