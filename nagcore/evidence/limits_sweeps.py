"""Many trainings at once beside the floor of one copy, and beside one after the other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from nagcore.evidence.floors import Rates
from nagcore.evidence.limits import Limit
from nagcore.evidence.limits_table import in_time, in_times
from nagcore.evidence.record import Record
from nagcore.evidence.sweep_race import ONE_BY_ONE
from nagcore.evidence.timing import median_ratio


class Ratios(NamedTuple):
    """How many times as long as a contestant the two ways to train one by one take."""

    loop: float
    """the usual loop; NaN where one of both was not timed"""
    graph: float
    """a loop that replays its step as one graph; likewise"""


def sweep_limits(record: Record) -> list[Limit]:
    """Return the time of a step of one copy beside its bytes and operations.

    The rates are those that were measured beside the copies; products in TF32 are held against
    the peak of TF32. The bytes count as if nothing stayed in a cache.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".
    """
    return [limit_of(row, who) for row in record.rows for who in times_of(row)]


def times_of(row: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the microseconds of a step of one copy in each round, of those that were timed.

    Args:
        row: of "sweep-speed" or "sweep-speed-cuda".
    """
    pairs = zip(row["contestant"], row["microseconds"], strict=True)
    return {who: times for who, times in pairs if times}


def ratios_of(row: Mapping[str, Any], who: str) -> Ratios:
    """Return how many times as long as a contestant one by one takes, round by round.

    Args:
        row: of "sweep-speed" or "sweep-speed-cuda".
        who: the contestant.
    """
    times = times_of(row)
    return Ratios(
        *(
            median_ratio(times[rival], times[who]) if {rival, who} <= set(times) else math.nan
            for rival in ONE_BY_ONE
        )
    )


def sweep_frame(record: Record) -> pd.DataFrame:
    """Return a row for each network, number of copies and contestant that was timed.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".

    Returns:
        network, copies, trained (the contestant), and for a step of one copy `microseconds`
        (median over the rounds) with `least` and `most`, and its `floor` in microseconds.
    """
    rows = [
        {
            "network": row["network"],
            "copies": row["copies"],
            "trained": who,
            "microseconds": statistics.median(times),
            "least": min(times),
            "most": max(times),
            "floor": 1e6 * limit_of(row, who).floor,
        }
        for row in record.rows
        for who, times in times_of(row).items()
    ]
    return pd.DataFrame(rows)


def tabulate_sweeps(record: Record) -> pd.DataFrame:
    """Return a line for each contestant: a step of one copy, its floor, and the two ratios.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".
    """
    lines = {
        (row["network"], row["copies"], who): _line(limit_of(row, who), ratios_of(row, who))
        for row in record.rows
        for who in times_of(row)
    }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index = pd.MultiIndex.from_tuples(lines, names=["network", "copies", "trained"])
    return table


def _line(limit: Limit, ratios: Ratios) -> dict[str, str]:
    return {
        "a step of one copy": in_time(limit.seconds),
        "floor": in_time(limit.floor),
        "bound by": limit.bound,
        "times its floor": in_times(limit.times),
        "gain on the loop": in_times(ratios.loop),
        "gain on a graph": in_times(ratios.graph),
    }


def limit_of(row: Mapping[str, Any], who: str) -> Limit:
    """Return the time of a step of one copy beside its bytes and operations.

    Args:
        row: of "sweep-speed" or "sweep-speed-cuda".
        who: a contestant that was timed.
    """
    operations, traffic = 1e6 * row["megaflops"], 1e6 * row["megabytes"]
    peak = row["peak_tf32" if "tf32" in who else "peak"]
    rates = Rates(1e9 * row["bandwidth"], 1e9 * peak)
    bound = "arithmetic" if operations / traffic > rates.ridge else "memory"
    seconds = 1e-6 * statistics.median(times_of(row)[who])
    case = f"{row['network']}, {row['copies']} copies"
    return Limit("sweep", who, case, seconds, rates.floor(operations, traffic), bound)
