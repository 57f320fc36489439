"""A progress bar that shows loss, accuracy, rate and the time left."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nagcore.training.history import Row
from nagcore.training.run import Run

REFRESH = 0.5
"""Seconds between two looks at the loss: each look waits for the device."""


class Bar:
    """Counts steps and shows the loss so far and the last report; silent where not shown."""

    def __init__(self, display: Progress, max_steps: float) -> None:
        self._display = display
        total = int(max_steps) if math.isfinite(max_steps) else None
        self._task = display.add_task("training", total=total, numbers="")
        self._looked = time.monotonic()

    def advance(self, run: Run) -> None:
        """Count the step that the run has taken."""
        if self._display.disable:
            return
        loss = None
        if time.monotonic() - self._looked >= REFRESH and run.sums.steps:
            loss, self._looked = run.sums.mean_loss(), time.monotonic()
        self._display.update(self._task, completed=run.step)
        if loss is not None:
            self.show(run.rows[-1], loss)

    def show(self, row: Row, loss: float | None = None) -> None:
        """Show the numbers of a report, and the loss since then where there is one."""
        numbers = f"epoch {row.epoch}  loss {row.train_loss if loss is None else loss:.4f}"
        if not math.isnan(row.eval_accuracy):
            numbers += f"  accuracy {row.eval_accuracy:.1%}"
        if not math.isnan(row.rate):
            numbers += f"  rate {row.rate:.3g}"
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
