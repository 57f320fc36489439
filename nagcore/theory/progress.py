"""A progress bar for the solver, drawn where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(max_steps: int, *, shown: bool) -> Iterator[Callable[[Any], None] | None]:
    """Give what to call with each `StepView` for as long as the block runs, None if not shown.

    Args:
        max_steps: the largest number of steps.
        shown: whether to draw a bar.

    Example:
        >>> with progress_bar(10, shown=False) as bar:
        ...     bar is None
        True
    """
    if not shown:
        yield None
        return
    # imported here: a run without a bar needs no terminal library
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("minimize"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[norm]}"),
    )
    with Progress(*columns) as display:
        task = display.add_task("minimize", total=max_steps, norm="")

        def show(view: Any) -> None:
            display.update(task, completed=view.k, norm=f"gradient norm {view.gradient_norm:.2e}")

        yield show
