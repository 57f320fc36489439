"""A progress bar that shows loss, accuracy and the time left."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nagcore.training.history import Row


class Bar:
    """Counts steps and repeats the last row of the history; silent where it is not shown."""

    def __init__(self, display: Progress, max_steps: float) -> None:
        self._display = display
        total = int(max_steps) if math.isfinite(max_steps) else None
        self._task = display.add_task("training", total=total, numbers="")

    def advance(self) -> None:
        """Count one step."""
        self._display.advance(self._task)

    def show(self, row: Row) -> None:
        """Show the numbers of `row`."""
        numbers = f"epoch {row.epoch}  loss {row.train_loss:.4f}"
        if not math.isnan(row.eval_accuracy):
            numbers += f"  accuracy {row.eval_accuracy:.1%}"
        if row.restarts:
            numbers += f"  restarts {row.restarts}"
        self._display.update(self._task, numbers=numbers)


@contextmanager
def progress_bar(max_steps: float, *, shown: bool) -> Iterator[Bar]:
    """Give a bar for as long as the block runs.

    Args:
        max_steps: steps at most; infinite where they are not known beforehand.
        shown: whether to draw it.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, disable=not shown) as display:
        yield Bar(display, max_steps)
