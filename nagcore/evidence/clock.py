"""The time that a recording may take."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from nagcore.errors import UsageError

_LOOK_AGAIN = 1.0  # seconds


class TimeIsUp(BaseException):
    """The time ended within a batch that keeps its state; no trial catches this."""


class Clock:
    """Says whether the time is over.

    Args:
        minutes: from now on; without end if left out.

    Raises:
        UsageError: the time is not positive.

    Example:
        >>> Clock().over(), Clock(1e-9).over()
        (False, True)
    """

    def __init__(self, minutes: float | None = None) -> None:
        if minutes is not None and not 0 < minutes < math.inf:
            raise UsageError(f"within is {minutes!r}, expected more than 0 minutes")
        self._end = math.inf if minutes is None else time.monotonic() + 60 * minutes

    def over(self) -> bool:
        """Say whether nothing new is to be started."""
        return time.monotonic() >= self._end

    @contextlib.contextmanager
    def ringing(self, state: Path | None) -> Iterator[None]:
        """Raise `TimeIsUp` in the block when the time is over and there is a file below `state`.

        A batch that has kept nothing yet is not cut short, since it would never get further. In
        a thread other than the main one, or without timers, the block goes on to its end.
        """
        here = threading.current_thread() is threading.main_thread()
        if state is None or self._end == math.inf or not here or not hasattr(signal, "setitimer"):
            yield
            return

        def ring(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
            if any(path.is_file() for path in state.rglob("*")):
                raise TimeIsUp

        before = signal.signal(signal.SIGALRM, ring)
        left = max(self._end - time.monotonic(), 1e-3)
        signal.setitimer(signal.ITIMER_REAL, left, _LOOK_AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
