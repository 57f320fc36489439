"""What each single repair of the network is worth."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.ablation_table import REPAIRED, accuracies
from nagcore.evidence.figures.style import LABEL, STYLES, book_figure
from nagcore.evidence.record import Record

_BLUE = STYLES["nag"].color


@book_figure
def draw_ablation(record: Record) -> Figure:
    """Draw the test accuracy of every seed by what is undone, the best mean on top.

    Filled marks have the best step size of their own, open ones that of the repaired network; the
    upright line is the repaired network's mean, a short one each mean with the best step size.

    Args:
        record: of "ablation".
    """
    best, same = accuracies(record), accuracies(record, "accuracy_at_lr")
    figure, axes = plt.subplots(figsize=(7.2, 0.32 * len(best) + 1.3))
    lr = record.declaration.constants["lr"]
    for height, name in enumerate(reversed(best)):
        first = height == 0
        axes.plot(
            same[name],
            np.full(len(same[name]), height - 0.18),
            marker="o",
            linestyle="none",
            markerfacecolor="none",
            color="#666666",
            label=f"lr = {lr:g}" if first else None,
        )
        axes.plot(
            best[name],
            np.full(len(best[name]), height + 0.12),
            marker="D",
            markersize=5,
            linestyle="none",
            alpha=0.8,
            color=_BLUE,
            label="its best lr" if first else None,
        )
        axes.plot([best[name].mean()] * 2, [height - 0.12, height + 0.36], color=_BLUE)
    if REPAIRED in best:
        axes.axvline(best[REPAIRED].mean(), color="#999999", linestyle=":", linewidth=1)
    axes.axvline(0.1, color="#999999", linestyle="-", linewidth=0.8)
    axes.annotate("chance", (0.1, len(best) - 0.6), xytext=(4, 0), textcoords="offset points",
                  fontsize=7.5, color=LABEL)  # fmt: skip
    axes.set_yticks(range(len(best)), list(reversed(best)))
    axes.set_xlim(0, 0.95)
    axes.set_ylabel("undone")
    axes.set_xlabel("accuracy on the 1,000 test images")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return figure
