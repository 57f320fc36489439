"""Compare how long things take, side by side."""

from __future__ import annotations

import ctypes
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from nagcore.core.checks import require_count, require_positive
from nagcore.errors import MissingExtraError


def time_in_turns(
    candidates: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Return the seconds that each candidate took in each round.

    The candidates run in turns, in reversed order in every other round, so that whatever slows
    the machine down slows all of them; compare them round by round, by `median_ratio`.

    Args:
        candidates: what to call, by name.
        rounds: number of measured rounds, positive.
        warm_up: rounds before, which do not count.

    Raises:
        UsageError: `rounds` is not positive.

    Example:
        >>> seconds = time_in_turns({"a": lambda: sum(range(10)), "b": lambda: None}, rounds=3)
        >>> {name: len(values) for name, values in seconds.items()}
        {'a': 3, 'b': 3}
    """
    require_count(rounds, "rounds")
    require_positive(rounds, "rounds")
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(-warm_up, rounds):
        order = list(candidates) if turn % 2 == 0 else list(candidates)[::-1]
        for name in order:
            started = time.perf_counter()
            candidates[name]()
            elapsed = time.perf_counter() - started
            if turn >= 0:
                seconds[name].append(elapsed)
    return seconds


def median_ratio(one: list[float], other: list[float]) -> float:
    """Return the median over the rounds of one / other.

    Example:
        >>> median_ratio([2.0, 4.0, 30.0], [1.0, 2.0, 3.0])
        2.0
    """
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


@contextmanager
def limit_threads(threads: int) -> Iterator[None]:
    """Let NumPy's linear algebra and the package's own sums use so many threads at most.

    Where each of two libraries brings a pool of its own, the pools otherwise fight over the cores.

    Args:
        threads: number of threads, positive.

    Raises:
        UsageError: `threads` is not positive.
        MissingExtraError: threadpoolctl, which comes with scikit-learn, is not installed.
    """
    require_count(threads, "threads")
    require_positive(threads, "threads")
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtraError("threadpoolctl", "benchmarks", "a comparison of speed") from error
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def keep_freed_memory() -> bool:
    """Let this process keep memory that it frees, where the C library can be told so.

    The allocator otherwise hands large arrays back to the system and asks for them again at every
    step; how often depends on the order of the frees, and the page faults drown what is measured.

    Returns:
        Whether the C library was told.
    """
    trim_threshold, mmap_threshold, largest = -1, -3, 2**30
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # not the C library of GNU
        return False
    return bool(mallopt(trim_threshold, largest) and mallopt(mmap_threshold, largest))
