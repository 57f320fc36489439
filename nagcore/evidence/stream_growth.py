"""What reading a data set adds to the memory of a process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

import torch

from nagcore.errors import UsageError
from nagcore.training.stream import ShardStream

_STATM = Path("/proc/self/statm")
_EVERY = 16  # mini-batches


class Growth(NamedTuple):
    """What one process used for an epoch.

    Args:
        megabytes: the most that its resident memory was above that before the first batch.
        baseline: resident memory before, megabytes; torch and its libraries are in it.
        rate: images per second.
    """

    megabytes: float
    baseline: float
    rate: float


def resident_megabytes() -> float:
    """Return the resident memory of this process, 10⁶ bytes.

    Raises:
        UsageError: the system does not tell.

    Example:
        >>> resident_megabytes() > 1
        True
    """
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError as error:
        raise UsageError(
            f"cannot read {_STATM}: {error.strerror}; expected Linux, which tells there what a "
            "process uses: measure on such a machine"
        ) from error
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def growth_over_an_epoch(folder: str, batch_size: int, *, normalise: bool) -> Growth:
    """Read all of a data set once and watch the memory; call it in a process of its own."""
    torch.set_num_threads(1)
    stream = ShardStream(folder, normalise=normalise)
    baseline = most = resident_megabytes()
    start = time.perf_counter()
    for number, _ in enumerate(stream.batches(batch_size, seed=0, epoch=0)):
        if number % _EVERY == 0:
            most = max(most, resident_megabytes())
    return Growth(most - baseline, baseline, len(stream) / (time.perf_counter() - start))
