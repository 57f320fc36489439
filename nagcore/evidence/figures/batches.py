"""L-BFGS and Nesterov's method on full batches and on mini-batches."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import MethodStyle, book_figure
from nagcore.evidence.record import Record

_GREY, _BLUE = "#4f4f4f", "#0072b2"
STYLE_OF: dict[str, MethodStyle] = {
    "L-BFGS, full batch": MethodStyle("L-BFGS", _GREY, "-", "s"),
    "L-BFGS, mini-batches, 1 direction": MethodStyle("L-BFGS, 1 direction", _GREY, "-", "s"),
    "L-BFGS, mini-batches, 20 directions": MethodStyle(
        "L-BFGS, 20 directions", _GREY, (0, (1, 1)), "^"
    ),
    "NAG, full batch": MethodStyle("NAG", _BLUE, "-", "D"),
    "NAG, full batch, restart": MethodStyle("NAG, restart", _BLUE, (0, (4, 1.5)), "v"),
    "NAG, mini-batches": MethodStyle("NAG", _BLUE, "-", "D"),
    "NAG, mini-batches, restart": MethodStyle("NAG, restart", _BLUE, (0, (4, 1.5)), "v"),
}
# Below this the solution that the gap is measured from is not known.
_FLOOR = 1e-12


@book_figure
def draw_batches(record: Record) -> Figure:
    """Draw the gap against passes over the data: full batches left, mini-batches right.

    One line for each seed; a full batch has no seed to speak of, and one line.

    Args:
        record: of "lbfgs-batches".
    """
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.6), sharey=True)
    first = record.declaration.axes["seed"][0]
    for row in record.rows:
        full = "full batch" in row["method"]
        if full and row["seed"] != first:
            continue
        axes, style = panels[0 if full else 1], STYLE_OF[row["method"]]
        line = style.line() | ({} if row["seed"] == first else {"label": None})
        axes.plot(
            row["passes_made"], np.maximum(row["gap"], _FLOOR), **line, linewidth=1.2, alpha=0.85
        )
    for axes, title in zip(panels, ("full batches", "mini-batches"), strict=True):
        axes.set_title(title, fontsize=9.5, loc="left")
        axes.set_yscale("log")
        axes.set_xlabel("passes over the data")
        axes.legend(fontsize=8.5)
    panels[0].set_ylabel("gap f(x) − f⋆, nats")
    return figure
