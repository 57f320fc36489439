"""The potential of a run and its two parts."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import STYLES, book_figure
from nagcore.theory.potential import Potential


@book_figure
def draw_potential(potential: Potential) -> Figure:
    """Draw a potential and its parts, divided by its first value.

    Args:
        potential: as `trace_potential` returns it.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    first = potential.total[0]
    for values, label, color, dash in (
        (potential.total, "potential", "#2b2b2b", "-"),
        (potential.distance, "part of the distance", STYLES["heavy-ball"].color, (0, (5, 1))),
        (potential.gap, "part of the gap", STYLES["nag"].color, (0, (2, 1))),
    ):
        axes.plot(values / first, label=label, color=color, linestyle=dash)
    axes.set_xlabel("step k")
    axes.set_ylabel("share of the first value")
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure
