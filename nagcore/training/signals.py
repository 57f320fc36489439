"""Notice that the process is asked to end, without being ended by it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

STATUS = {"SIGINT": 130, "SIGTERM": 143}
"""Exit status of a process that a signal ended, 128 plus its number."""


class Received:
    """The last signal that came."""

    def __init__(self) -> None:
        self.name = ""


@contextmanager
def noticed_signals(*, wanted: bool) -> Iterator[Received]:
    """Note SIGTERM and SIGINT (Ctrl-C) while the block runs; a second Ctrl-C interrupts it.

    Outside the main thread, where Python allows no handlers, nothing is noticed.

    Args:
        wanted: whether to do so at all.

    Example:
        >>> import os, signal
        >>> with noticed_signals(wanted=True) as received:
        ...     os.kill(os.getpid(), signal.SIGTERM)
        >>> received.name
        'SIGTERM'
    """
    received = Received()
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if received.name and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.name = signal.Signals(number).name

    before: dict[int, Any] = {
        number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
