"""What chapter 15 shows of copies trained at once: a table, numbers for prose, a verdict."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import pandas as pd

from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug
from nagcore.evidence.sweep_race import ONE_BY_ONE

GOAL, GOAL_COPIES = 8.0, 64
"""How many times as fast as one by one copies were to be, and from how many on."""
_NOT_TIMED = "–"


def sweep_speed_frame(record: Record) -> pd.DataFrame:
    """Return a row for each network, number of copies and contestant that was timed.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".

    Returns:
        network, copies, contestant, `microseconds` of one step of one copy (median over the
        rounds) with `least` and `most`, the floors `arithmetic` and `memory` in microseconds, the
        larger one as `floor`, and `times`, how many times as long the fastest one-by-one training
        takes, by medians of the rounds.
    """
    return pd.DataFrame([line for row in record.rows for line in _lines(row)])


def _lines(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    lines = []
    for name, values in _timed(row).items():
        arithmetic = 1e3 * row["megaflops"] / row["peak_tf32" if "tf32" in name else "peak"]
        memory = 1e3 * row["megabytes"] / row["bandwidth"]
        lines.append(
            {
                "network": row["network"],
                "copies": row["copies"],
                "contestant": name,
                "microseconds": statistics.median(values),
                "least": min(values),
                "most": max(values),
                "arithmetic": arithmetic,
                "memory": memory,
                "floor": max(arithmetic, memory),
                "times": _times(row, fastest(row, alone=True), name),
            }
        )
    return lines


def sweep_speed_table(record: Record) -> pd.DataFrame:
    """Return the same as texts: microseconds, the ratio to one by one, the ratio to the floor."""
    frame = sweep_speed_frame(record)
    lines = {
        "one step of one copy, µs": [_digits(value) for value in frame["microseconds"]],
        "floor, µs": [_digits(value) for value in frame["floor"]],
        "times the floor": [_digits(v) for v in frame["microseconds"] / frame["floor"]],
        "speed-up": [_digits(value) for value in frame["times"]],
    }
    names = ["network", "copies", "contestant"]
    index = pd.MultiIndex.from_arrays([frame[name] for name in names], names=names)
    return pd.DataFrame(lines, index)


def summarize_sweep_speed(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    With N for the network and C for a contestant, in small letters with hyphens, and M for the
    number of copies: `N_M_C_us` are the microseconds of one step of one copy, `N_M_C_floor` how
    many times the floor that is, `N_M_floor_us` the floor of exact products, and `N_M_C_times` how
    many times as long one by one takes, eager, and `N_M_C_times_graph` by a graph of a step.
    `N_M_best` is the fastest at once, `N_M_best_times` and `N_M_best_times_graph` its ratios.
    `N_parameters` are those of one copy, and `difference` the largest relative difference between
    losses at once and alone. `rounds` is the number of rounds.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".
    """
    numbers = {"rounds": str(record.declaration.constants["rounds"])}
    floors = sweep_speed_frame(record).set_index(["network", "copies", "contestant"])
    for row in record.rows:
        network, copies = row["network"], row["copies"]
        key = f"{slug(network)}_{copies}"
        numbers[f"{slug(network)}_parameters"] = f"{row['parameters']:,}"
        best = fastest(row, alone=False)
        numbers[f"{key}_best"] = best or _NOT_TIMED
        for name in _timed(row):
            line = floors.loc[(network, copies, name)]
            numbers[f"{key}_{slug(name)}_us"] = _digits(line["microseconds"])
            numbers[f"{key}_{slug(name)}_floor"] = _digits(line["microseconds"] / line["floor"])
            if "tf32" not in name:
                numbers[f"{key}_floor_us"] = _digits(line["floor"])
            for own in {name, "best" if name == best else name}:
                numbers[f"{key}_{slug(own)}_times"] = _digits(_times(row, ONE_BY_ONE[0], name))
                graph = _digits(_times(row, ONE_BY_ONE[1], name))
                numbers[f"{key}_{slug(own)}_times_graph"] = graph
    numbers["difference"] = f"{max(row['difference'] for row in record.rows):.0e}"
    return numbers


def say_whether_goal_is_reached(record: Record) -> str:
    """Say in sentences for which networks copies at once are `GOAL` times as fast as one by one.

    Args:
        record: of "sweep-speed-cuda"; settings with fewer copies than `GOAL_COPIES` do not count.
    """
    sentences = []
    for row in record.rows:
        best = fastest(row, alone=False)
        if row["copies"] != GOAL_COPIES or not best:
            continue
        eager, graph = (_times(row, rival, best) for rival in ONE_BY_ONE)
        reached = "reached" if eager >= GOAL else "missed"
        against_graph = "" if graph != graph else f", and {_digits(graph)} times that of a graph"
        sentences.append(
            f"For {row['copies']} copies of the {row['network']} the goal of {GOAL:.0f} times the "
            f"speed of one training after the other is {reached}: {_digits(eager)} times that of "
            f"the usual loop{against_graph} (“{best}”)."
        )
    rows = [row for row in record.rows if any(row["error"])]
    failed = [f"{row['network']}, {row['copies']} copies" for row in rows]
    if failed:
        sentences.append(f"Not everything could be timed: {'; '.join(failed)}.")
    return " ".join(sentences)


def fastest(row: Mapping[str, Any], *, alone: bool) -> str:
    """Return the name of the fastest contestant, one by one or at once; empty if none was timed.

    Those that round factors to TF32 do not count: the others multiply exactly.
    """
    medians = {
        name: statistics.median(values)
        for name, values in _timed(row).items()
        if (name in ONE_BY_ONE) == alone and "tf32" not in name
    }
    return min(medians, key=lambda name: medians[name]) if medians else ""


def _timed(row: Mapping[str, Any]) -> dict[str, list[float]]:
    pairs = zip(row["contestant"], row["microseconds"], strict=True)
    return {name: values for name, values in pairs if len(values)}


def _times(row: Mapping[str, Any], rival: str, name: str) -> float:
    """Return how many times as long as `name` a rival takes; NaN where one was not timed."""
    timed = _timed(row)
    if rival not in timed or name not in timed:
        return float("nan")
    return statistics.median(a / b for a, b in zip(timed[rival], timed[name], strict=True))


def _digits(value: float) -> str:
    """Return a number in three digits, or two below 1."""
    if value != value:
        return _NOT_TIMED
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}" if value >= 1 else f"{value:.2g}"
