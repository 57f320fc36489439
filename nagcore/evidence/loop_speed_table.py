"""The tables of the speed of training loops: against others, and against the floor."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from nagcore.evidence.loop_contestants import CONTESTANTS
from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug
from nagcore.evidence.timing import median_ratio

RIVALS = ("torchvision dataset", "DataLoader over tensors", "Lightning")
GOALS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {"fit": (2.7, 1.5, 1.7), "fit, bfloat16": (3.6, 2.0, 2.3)}
)
"""How many times as long as ours each of `RIVALS` was to take at least."""
_NOT_TIMED = "–"
Times = Mapping[str, list[float]]


def times_by_loop(record: Record, network: str, threads: int | None = None) -> Times:
    """Return the milliseconds of a step in each round, by contestant, where it was timed.

    Args:
        record: of "loop-speed" or "loop-speed-cuda".
        network: on its axis of networks.
        threads: on its axis of threads; the fewest if left out.
    """
    row = row_of(record, network, threads)
    pairs = zip(row["contestant"], row["milliseconds"], strict=True)
    return {name: milliseconds for name, milliseconds in pairs if milliseconds}


def row_of(record: Record, network: str, threads: int | None = None) -> Mapping:
    """Return the row of a network, with the fewest threads if they are left out."""
    if threads is None:
        threads = min(record.declaration.axes.get("threads", (0,)))
    (row,) = (
        row
        for row in record.rows
        if row["network"] == network and row.get("threads", threads) == threads
    )
    return row


def ratio(times: Times, one: str, other: str) -> float:
    """Return the median over the rounds of one / other, not a number where one was not timed.

    Example:
        >>> ratio({"a": [2.0, 4.0, 9.0], "b": [1.0, 2.0, 3.0]}, "a", "b")
        2.0
    """
    both = one in times and other in times
    return median_ratio(times[one], times[other]) if both else float("nan")


def tabulate_loop_speed(record: Record, *, threads: int | None = None) -> pd.DataFrame:
    """Return one line for each loop: milliseconds a step and how many times those of `fit`.

    Args:
        record: of "loop-speed" or "loop-speed-cuda".
        threads: which ones; the fewest if left out.

    Returns:
        A dash stands for what was not timed.
    """
    names = [name for name in CONTESTANTS if name in record.rows[0]["contestant"]]
    columns: dict[tuple[str, str], list[str]] = {}
    for network in record.declaration.axes["network"]:
        times = times_by_loop(record, network, threads)
        millions = row_of(record, network, threads)["parameters"]
        head = f"{network}: {_short(millions)} parameters"
        columns[head, "ms a step"] = [_median(times, name) for name in names]
        columns[head, "× fit"] = [_shown(ratio(times, name, "fit")) for name in names]
    return pd.DataFrame(columns, index=pd.Index(names, name="loop"))


def tabulate_loop_goals(record: Record) -> pd.DataFrame:
    """Return how many times as long as ours the rivals take, beside what was aimed at.

    One line for each of ours, network, and number of threads where it varies.

    Args:
        record: of "loop-speed" or "loop-speed-cuda".
    """
    keys, lines = [], []
    for ours, goals in GOALS.items():
        for row in record.rows:
            times = times_by_loop(record, row["network"], row.get("threads"))
            keys.append((ours, *_axes(record, row)))
            line = {}
            for rival, goal in zip(RIVALS, goals, strict=True):
                line[rival, "measured"] = _shown(ratio(times, rival, ours))
                line[rival, "goal"] = f"{goal:.1f}"
            lines.append(line)
    return _table(keys, lines, ["ours", *_axes(record)])


def tabulate_loop_floor(record: Record) -> pd.DataFrame:
    """Return what `fit` adds to the gradients, and what the gradients reach of the arithmetic.

    One line for each network, and number of threads where it varies. By precision: milliseconds
    that the operations of a gradient would take at the speed of a large matrix product, those of
    the gradient alone and of `fit`, and the part of `fit` that is not gradient.

    Args:
        record: of "loop-speed" or "loop-speed-cuda".
    """
    keys, lines = [], []
    for row in record.rows:
        times = times_by_loop(record, row["network"], row.get("threads"))
        keys.append(_axes(record, row))
        line = {("", "MFLOP a step"): f"{row['megaflops']:,.0f}"}
        for precision, name in (("float32", "fit"), ("bfloat16", "fit, bfloat16")):
            floor = CONTESTANTS[name].floor
            beside = 1 - ratio(times, floor, name)
            line[precision, "peak"] = _milliseconds(row["megaflops"] / _peak(row, name))
            line[precision, "gradient"] = _median(times, floor)
            line[precision, "fit"] = _median(times, name)
            line[precision, "beside"] = f"{100 * beside:.1f} %" if beside == beside else _NOT_TIMED
        lines.append(line)
    return _table(keys, lines, _axes(record))


def summarize_loop_speed(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    With N for the network, T for the threads (left out where the record has no axis of them), O
    for one of ours and L for another loop, all in small letters with hyphens: `N_T_O_L` is how
    many times as long as O loop L takes, `N_T_L_ms` the milliseconds of its step,
    `N_T_O_beside` the part of O that is not gradient, in per cent, and `N_T_O_peak` what the
    gradient reaches of the arithmetic. `rounds` is the number of rounds, and
    `N_T_compile_first` the seconds that compilation takes.

    Args:
        record: of "loop-speed" or "loop-speed-cuda".
    """
    numbers = {"rounds": str(record.declaration.constants["rounds"])}
    ours = [name for name, c in CONTESTANTS.items() if c.package == "nagcore"]
    for row in record.rows:
        times = times_by_loop(record, row["network"], row.get("threads"))
        key = slug(row["network"]) + (f"_{row['threads']}" if "threads" in row else "")
        for name in times:
            numbers[f"{key}_{slug(name)}_ms"] = _median(times, name)
        for own in (name for name in ours if name in times):
            for name in times:
                numbers[f"{key}_{slug(own)}_{slug(name)}"] = _shown(ratio(times, name, own))
            floor = CONTESTANTS[own].floor
            if floor in times:
                beside = 1 - ratio(times, floor, own)
                reached = row["megaflops"] / statistics.median(times[floor]) / _peak(row, own)
                numbers[f"{key}_{slug(own)}_beside"] = f"{100 * beside:.1f} %"
                numbers[f"{key}_{slug(own)}_peak"] = f"{100 * reached:.0f} %"
        first = dict(zip(row["contestant"], row["first"], strict=True))
        if "fit, compiled" in times:
            numbers[f"{key}_compile_first"] = f"{first['fit, compiled']:.0f}"
    return numbers


def trained_alike(record: Record) -> float:
    """Return the largest loss of a loop over the smallest, of one network, over all settings.

    Different orders of the images make them differ by little where all loops do the same.
    """
    worst = 1.0
    for row in record.rows:
        losses = [loss for loss in row["loss"] if loss == loss]  # those of loops that train
        worst = max(worst, max(losses) / min(losses)) if losses else worst
    return worst


def loops_of(record: Record) -> list[str]:
    """Return the names of the loops that train, in their order."""
    known = [name for name, c in CONTESTANTS.items() if c.floor != name]
    return [name for name in known if name in record.rows[0]["contestant"]]


def _peak(row: Mapping, name: str) -> float:
    return row["peak_bfloat16" if "bfloat16" in name else "peak"]


def _table(keys: list, lines: list[dict[tuple[str, str], str]], names: list[str]) -> pd.DataFrame:
    """Return a table whose columns have two levels."""
    index = pd.MultiIndex.from_tuples(keys, names=names)
    table = pd.DataFrame([list(line.values()) for line in lines], index)
    table.columns = pd.MultiIndex.from_tuples(list(lines[0]))
    return table


def _axes(record: Record, row: Mapping | None = None) -> list:
    """Return the names of the axes, or the values that a row has on them."""
    names = [axis for axis in ("network", "threads") if axis in record.declaration.axes]
    return names if row is None else [row[axis] for axis in names]


def _median(times: Times, name: str) -> str:
    return _milliseconds(statistics.median(times[name])) if name in times else _NOT_TIMED


def _milliseconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _shown(value: float) -> str:
    return f"{value:.2f}" if value == value else _NOT_TIMED


def _short(number: float) -> str:
    """Return a number of parameters in three digits."""
    return f"{number / 1e6:.3g} M" if number >= 1e6 else f"{number / 1e3:.3g} k"
