"""What schedules of the step size do to torch's form of Nesterov's method, and to NAG."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nagcore.evidence.figures.spread import spread_along
from nagcore.evidence.figures.style import STYLES, MethodStyle, book_figure, fill_band
from nagcore.evidence.record import Record
from nagcore.evidence.schedules import ScheduledRun

STYLE_OF: dict[str, MethodStyle] = {
    "torch.optim.SGD": MethodStyle("torch.optim.SGD(nesterov=True)", "#d55e00", (0, (5, 1)), "^"),
    "nagcore.optim.NAG": STYLES["nag"]._replace(label="nagcore.optim.NAG"),
}
_COLUMNS = 3


@book_figure
def draw_schedules(runs: Mapping[str, Mapping[str, ScheduledRun]]) -> Figure:
    """Draw, in a row for each schedule, the distance from the rule and the gap beside it.

    Args:
        runs: by schedule, as `follow_schedule` returns them.
    """
    figure, panels = plt.subplots(
        len(runs), 2, figsize=(6.8, 0.6 + 1.6 * len(runs)), sharex=True, sharey="col", squeeze=False
    )
    for row, (schedule, pair) in zip(panels, runs.items(), strict=True):
        for name, run in pair.items():
            line = STYLE_OF[name].line()
            # An exact zero has no place on a logarithmic axis.
            row[0].plot(np.maximum(run.distances, 1e-17), **line)
            row[1].plot(run.gaps, **line)
        row[0].set_title(schedule, fontsize=9.5, loc="left")
        row[0].set_ylabel("distance")
        row[1].set_ylabel("gap")
        for axes in row:
            axes.set_yscale("log")
    for axes in panels[-1]:
        axes.set_xlabel("step k")
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
    lines = -(-len(schedules) // _COLUMNS)
    figure, panels = plt.subplots(
        lines, _COLUMNS, figsize=(6.8, 0.5 + 2.1 * lines), sharex=True, sharey=True, squeeze=False
    )
    for axes in panels.flat[len(schedules) :]:
        axes.set_visible(False)
    for axes, schedule in zip(panels.flat, schedules, strict=False):
        for name in record.declaration.axes["optimizer"]:
            chosen = long.loc[(long["schedule"] == schedule) & (long["optimizer"] == name)]
            curve, style = spread_along(chosen, "epoch", "loss"), STYLE_OF[name]
            axes.plot(curve.x + 1, curve.mean, **style.line())
            fill_band(axes, curve.x + 1, curve.least, curve.greatest, style.color)
        axes.set_title(schedule, fontsize=9.5, loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel("epoch", fontsize=9.5)
    figure.supylabel("training loss, nats", fontsize=9.5)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
