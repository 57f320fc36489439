"""How far an optimizer strays from Nesterov's iterates when lr or momentum changes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import book_figure
from nagcore.evidence.record import Record

_LOOKS: dict[str, tuple[str, object, float]] = {
    "torch.optim.SGD": ("#d55e00", (0, (5, 1)), 1.6),
    "averaged": ("#00785a", (0, (1, 1)), 2.4),
    "Keras's update": ("#2b2b2b", (0, (4, 1.5)), 1.6),
    "nagcore.optim.NAG": ("#0072b2", "-", 1.6),
}
# The momentum of step k forms the query point after the step before it.
_FELT_EARLIER = {"step size": 0, "momentum": 1}


@book_figure
def draw_drift(record: Record) -> Figure:
    """Draw the distance between an optimizer's parameters and the rule's query points.

    Args:
        record: of "drift-under-schedule".
    """
    changes = record.declaration.axes["changed"]
    figure, panels = plt.subplots(1, len(changes), figsize=(7.2, 3.4), sharey=True, squeeze=False)
    for axes, changed in zip(panels[0], changes, strict=True):
        rows = {row["optimizer"]: row for row in record.rows if row["changed"] == changed}
        for name in (name for name in _LOOKS if name in rows):
            color, dash, width = _LOOKS[name]
            # An exact zero has no place on a logarithmic axis.
            values = np.maximum(rows[name]["distance"], 1e-17)
            axes.plot(values, color=color, linestyle=dash, linewidth=width, label=name)
        step = record.declaration.constants["changed_at"] - _FELT_EARLIER[changed]
        _mark_change(axes, step, f"{changed} changes")
        axes.set_yscale("log")
        axes.set_xlabel("step k")
    panels[0, 0].set_ylabel("distance from y")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _mark_change(axes: Axes, step: int, text: str) -> None:
    axes.axvline(step, color="#999999", linestyle=":", linewidth=1)
    axes.annotate(
        text,
        (step, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        color="#666666",
        fontsize=8,
    )
