"""What a small training shows of the loop: the two points, and the schedules of the rate."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from nagcore.evidence.figures.style import STYLES, book_figure
from nagcore.evidence.small_trainings import PointLosses
from nagcore.training.rates import Schedule


@book_figure
def draw_two_points(losses: PointLosses) -> Figure:
    """Draw the loss of each mini-batch, and that of all images at the query point and the iterate.

    Args:
        losses: of a run.
    """
    figure, axes = plt.subplots(figsize=(7.0, 3.4))
    steps = np.arange(len(losses.batch))
    axes.plot(
        steps, losses.batch, "o", color="#8a8a8a", markersize=3.5, label="mini-batch, at $y_k$"
    )
    axes.plot(steps, losses.query, color="#d55e00", linestyle=(0, (4, 1.5)), label="all, at $y_k$")
    axes.plot(steps, losses.iterate, color=STYLES["nag"].color, label="all, at $x_k$")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("step $k$")
    axes.set_ylabel("mean cross-entropy, nats")
    axes.legend()
    return figure


@book_figure
def draw_schedules(schedules: Mapping[str, Schedule], steps: int) -> Figure:
    """Draw schedules over the step, each in a panel of its own.

    Args:
        schedules: by the text to stand over the panel.
        steps: how many to draw.
    """
    columns = 4
    rows = -(-len(schedules) // columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(7.4, 1.75 * rows), sharex=True, sharey=True, squeeze=False
    )
    for axes, (text, schedule) in zip(panels.flat, schedules.items(), strict=False):
        rates = [schedule.at(step) for step in range(steps)]
        axes.step(range(steps), rates, where="post", color="#2b2b2b", linewidth=1.2)
        axes.set_title(text, fontsize=7.5, loc="left")
        axes.set_ylim(-0.05, 1.08)
    for axes in panels.flat[len(schedules) :]:
        axes.axis("off")
    for axes in panels[-1]:
        axes.set_xlabel("step")
    for axes in panels[:, 0]:
        axes.set_ylabel("× lr")
    return figure
