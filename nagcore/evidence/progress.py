"""Show on standard error how far a long measurement is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")


def track(items: Iterable[T], total: int, label: str, *, done: int = 0) -> Iterator[T]:
    """Yield the items and show their count.

    A terminal gets a bar. Elsewhere, as in a notebook or a log, plain lines are written, about
    ten in all, because a bar redrawn there leaves rubbish behind.

    Args:
        items: what is being finished, one by one.
        total: how many there are in the end, those done before included.
        label: what is counted.
        done: how many were finished before.
    """
    return (_bar if sys.stderr.isatty() else _lines)(items, total, label, done)


def _bar(items: Iterable[T], total: int, label: str, done: int) -> Iterator[T]:
    # In a notebook rich would write HTML into the page; a terminal is what was asked for.
    console = Console(file=sys.stderr, force_jupyter=False)
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*shown, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(label, total=total, completed=done)
        for item in items:
            yield item
            progress.advance(task)


def _lines(items: Iterable[T], total: int, label: str, done: int) -> Iterator[T]:
    start, every = time.monotonic(), max(1, total // 10)
    for count, item in enumerate(items, done + 1):
        yield item
        if count % every == 0 or count == total:
            seconds = time.monotonic() - start
            text = f"{label}: {count} of {total} settings, {seconds:.0f} s"
            if count < total:
                text += f", about {seconds / (count - done) * (total - count):.0f} s to go"
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
