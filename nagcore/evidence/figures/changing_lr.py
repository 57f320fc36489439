"""What schedules of the step size do to torch's form of Nesterov's method, and to NAG."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nagcore.evidence.figures.spread import spread_along
from nagcore.evidence.figures.style import STYLES, MethodStyle, book_figure
from nagcore.evidence.record import Record
from nagcore.evidence.schedules import ScheduledRun

STYLE_OF: dict[str, MethodStyle] = {
    "torch.optim.SGD": MethodStyle("torch.optim.SGD(nesterov=True)", "#d55e00", (0, (5, 1)), "^"),
    "nagcore.optim.NAG": STYLES["nag"]._replace(label="nagcore.optim.NAG"),
}


@book_figure
def draw_schedules(runs: Mapping[str, Mapping[str, ScheduledRun]]) -> Figure:
    """Draw, in a column for each schedule, the distance from the rule and the gap below it.

    Args:
        runs: by schedule, as `follow_schedule` returns them.
    """
    figure, panels = plt.subplots(
        2, len(runs), figsize=(8.4, 4.6), sharex=True, sharey="row", squeeze=False
    )
    for column, (schedule, pair) in zip(panels.T, runs.items(), strict=True):
        for name, run in pair.items():
            line = STYLE_OF[name].line()
            # An exact zero has no place on a logarithmic axis.
            column[0].plot(np.maximum(run.distances, 1e-17), **line)
            column[1].plot(run.gaps, **line)
        column[0].set_title(schedule, fontsize=9.5, loc="left")
        column[1].set_xlabel("step k")
        for axes in column:
            axes.set_yscale("log")
    panels[0, 0].set_ylabel("distance from y")
    panels[1, 0].set_ylabel("gap f(y) − f⋆")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@book_figure
def draw_schedule_losses(record: Record) -> Figure:
    """Draw the training loss by epoch under each schedule: means, and bands from least to most.

    Args:
        record: of "schedules-on-cnn".
    """
    schedules = record.declaration.axes["schedule"]
    long = record.long("loss", x="epoch")
    figure, panels = plt.subplots(1, len(schedules), figsize=(8.4, 2.9), sharey=True, squeeze=False)
    for axes, schedule in zip(panels[0], schedules, strict=True):
        for name in record.declaration.axes["optimizer"]:
            chosen = long.loc[(long["schedule"] == schedule) & (long["optimizer"] == name)]
            curve, style = spread_along(chosen, "epoch", "loss"), STYLE_OF[name]
            axes.plot(curve.x + 1, curve.mean, **style.line())
            axes.fill_between(
                curve.x + 1, curve.least, curve.greatest, color=style.color, alpha=0.15, linewidth=0
            )
        axes.set_title(schedule, fontsize=9.5, loc="left")
        axes.set_xlabel("epoch")
    panels[0, 0].set_ylabel("training loss, nats")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
