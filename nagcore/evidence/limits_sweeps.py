"""Many trainings at once beside the floor of one copy, and beside one after the other."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.floors import Rates
from nagcore.evidence.gpu_notes import note_on_gpu
from nagcore.evidence.limits import Limit
from nagcore.evidence.limits_table import in_times, say_limits
from nagcore.evidence.record import Record
from nagcore.evidence.timing import median_ratio

ONE_BY_ONE = "one by one"
"""How the names of the contestants begin that train one copy."""
_ALONE = {ONE_BY_ONE: "one by one", f"{ONE_BY_ONE}, graph": "one by one as a graph"}


def sweep_limits(record: Record) -> list[Limit]:
    """Return the time of a step of one copy beside its bytes and operations.

    The rates are those that were measured beside the copies; products in TF32 are held against
    the peak of TF32. The bytes count as if nothing stayed in a cache.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".
    """
    found = []
    for row in record.rows:
        case = f"{row['network']}, {row['copies']} copies"
        operations, traffic = 1e6 * row["megaflops"], 1e6 * row["megabytes"]
        for who, times in times_of(row).items():
            peak = row["peak_tf32" if "tf32" in who else "peak"]
            rates = Rates(1e9 * row["bandwidth"], 1e9 * peak)
            bound = "arithmetic" if operations / traffic > rates.ridge else "memory"
            seconds = 1e-6 * statistics.median(times)
            floor = rates.floor(operations, traffic)
            found.append(Limit("sweep", who, case, seconds, floor, bound))
    return found


def times_of(row: Mapping) -> dict[str, list[float]]:
    """Return the microseconds of a step of one copy in each round, of those that were timed.

    Args:
        row: of "sweep-speed" or "sweep-speed-cuda".
    """
    pairs = zip(row["contestant"], row["microseconds"], strict=True)
    return {who: times for who, times in pairs if times}


def gains_of(record: Record, alone: str = ONE_BY_ONE) -> dict[str, float]:
    """Return how many times as long a step takes alone as in the fastest way at once.

    By network and number of copies, in words; ratios are taken round by round.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".
        alone: the contestant that is held against those at once; cases without it are left out.
    """
    gains = {}
    for row in record.rows:
        times = times_of(row)
        together = [own for who, own in times.items() if not who.startswith(ONE_BY_ONE)]
        if together and alone in times:
            fastest = min(together, key=statistics.median)
            gains[f"{row['network']}, {row['copies']} copies"] = median_ratio(times[alone], fastest)
    return gains


def say_gains(record: Record) -> str:
    """Say how many times as long a step takes alone as at once, in every case.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".
    """
    said = [
        f"{words} {', '.join(f'{in_times(gain)} ({case})' for case, gain in gains.items())}"
        for alone, words in _ALONE.items()
        if (gains := gains_of(record, alone))
    ]
    if not said:
        return "nothing was timed both at once and one by one"
    return f"a step takes so many times as long as at once: {'; '.join(said)}"


def sweeps_on_gpu(experiment: Experiment) -> str:
    """Say what training at once gains on a GPU, and how far from its floor it is.

    Args:
        experiment: "sweep-speed-cuda".
    """
    return note_on_gpu(experiment, _said)


def _said(record: Record) -> str:
    together = [each for each in sweep_limits(record) if not each.who.startswith(ONE_BY_ONE)]
    return f"On a GPU {say_gains(record)}. Of the ways to train at once {say_limits(together)}."
