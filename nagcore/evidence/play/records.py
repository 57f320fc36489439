"""The explorer of recorded trainings: curves of chosen methods with the reach of their seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from nagcore.errors import UsageError
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.figures.bands import Band, draw_band
from nagcore.evidence.figures.style import book_figure, find_style
from nagcore.evidence.play.base import Playground
from nagcore.evidence.play.curves import Curves, RecordedTask, read_tasks
from nagcore.evidence.record import Record
from nagcore.names import closest_first

SHOWN = ("sgd", "heavy-ball", "nag", "adamw")
"""The methods that are shown at first."""
_FIGURES = 4  # of each number that the page is given
_MARKS = 8  # on each curve of the picture
# The page's names of the marks, book/static/play/marks.mjs.
_SHAPES = {
    "o": "circle", "s": "square", "^": "triangle", "v": "triangle-down", "<": "triangle-left",
    ">": "triangle-right", "D": "diamond", "d": "thin-diamond", "P": "plus", "X": "cross",
    "p": "pentagon", "h": "hexagon", "H": "hexagon-flat", "*": "star",
}  # fmt: skip


def records(
    experiments: Mapping[str, Experiment],
    *,
    task: str = "race-cnn",
    methods: Sequence[str] = SHOWN,
    axis: str = "steps",
) -> Playground:
    """Return the explorer of the records that keep curves.

    Args:
        experiments: all there are, by name.
        task: shown at first.
        methods: shown at first, as far as the task has them.
        axis: at first, "steps" or "seconds".

    Raises:
        UsageError: there is no such task or axis.
        RecordError: a record cannot be read, or is one of another declaration.
    """
    if axis not in ("steps", "seconds"):
        raise UsageError(f"axis is {axis!r}, expected 'steps' or 'seconds'")
    tasks = {each.name: each for each in read_tasks(experiments)}
    if task not in tasks:
        raise UsageError(
            f"no record holds curves of {task!r}; those there are: {closest_first(task, tasks)}"
        )
    shown = tasks[task]
    return Playground(
        "nag-records",
        draw_recorded(shown, methods),
        f"{shown.quantity.capitalize()} of {len(shown.curves)} methods in an experiment recorded "
        f"on a {shown.record.provenance.device}: medians over the seeds, with bands from the "
        "least to the greatest.",
        {"task": task, "methods": " ".join(methods), "axis": axis},
        pack(tasks.values()),
    )


@book_figure
def draw_recorded(task: RecordedTask, methods: Sequence[str]) -> Figure:
    """Draw the curves of some methods: the median over the seeds, a band from least to greatest.

    Args:
        task: with its curves.
        methods: those to draw, as far as the task has them.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.6))
    for place, curves in enumerate(c for c in task.curves if c.method in methods):
        style, band = find_style(curves.method), _band(task.places, curves.values)
        draw_band(axes, style, band, higher_is_better=False, place=place, marks=_MARKS)
    if task.target is not None:
        axes.axhline(task.target, color="#8c3f7f", linewidth=1, linestyle="-.", label="target")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"{task.unit}s")
    axes.set_ylabel(task.quantity)
    axes.legend()
    return figure


def _band(places: np.ndarray, values: np.ndarray) -> Band:
    lost = ~np.isfinite(values)
    middle = np.median(np.where(lost, np.inf, values), axis=0)
    finite = np.where(lost, np.nan, values)
    return Band(places, middle, np.fmin.reduce(finite), np.fmax.reduce(finite))


def pack(tasks: Iterable[RecordedTask]) -> dict[str, Any]:
    """Return what the page is given: all curves in whole numbers, and where they come from.

    A list of whole numbers n stands for n / 10^digits, which keeps four figures of the median;
    null stands for what was not finite.

    Args:
        tasks: of records.
    """
    tasks = list(tasks)
    made = {each.record.declaration.name: _origin(each.record) for each in tasks}
    names = {curves.method for each in tasks for curves in each.curves}
    looks = {name: _look(name) for name in sorted(names)}
    return {"records": made, "looks": looks, "tasks": {t.name: _pack_task(t) for t in tasks}}


def _origin(record: Record) -> dict[str, Any]:
    made = record.provenance
    return {
        "device": made.device,
        "date": made.time[:10],
        "commit": made.short_commit,
        "stale": record.stale,
        "clean": made.clean is not False,
    }


def _look(method: str) -> list[str]:
    style = find_style(method)
    dash = style.linestyle
    dashes = "" if dash == "-" else " ".join(f"{2 * length:g}" for length in dash[1])
    return [style.label, style.color, dashes, _SHAPES[style.marker]]


def _pack_task(task: RecordedTask) -> dict[str, Any]:
    digits = _digits(np.concatenate([curves.values.ravel() for curves in task.curves]))
    seconds = [curves.seconds.ravel() for curves in task.curves if curves.seconds is not None]
    packed: dict[str, Any] = {
        "record": task.record.declaration.name,
        "quantity": task.quantity,
        "unit": task.unit,
        "places": _whole(task.places, 0),
        "digits": digits,
        "curves": {c.method: _pack_curves(c, digits, seconds) for c in task.curves},
    }
    if task.target is not None:
        packed["target"] = task.target
    if seconds:
        packed["secondsDigits"] = _digits(np.concatenate(seconds))
    return packed


def _pack_curves(curves: Curves, digits: int, seconds: list[np.ndarray]) -> dict[str, Any]:
    packed: dict[str, Any] = {
        "lr": curves.lr,
        "runs": [_whole(run, digits) for run in curves.values],
    }
    if curves.seconds is not None:
        fine = _digits(np.concatenate(seconds))
        packed["seconds"] = [_whole(run, fine) for run in curves.seconds]
    return packed


def _digits(values: np.ndarray) -> int:
    """Return how many digits after the point keep four figures of the median."""
    middle = float(np.median(values[np.isfinite(values) & (values > 0)]))
    return max(0, _FIGURES - 1 - int(np.floor(np.log10(middle))))


def _whole(values: np.ndarray, digits: int) -> list[int | None]:
    scaled = np.round(values * 10.0**digits)
    return [int(n) if np.isfinite(n) else None for n in scaled]
