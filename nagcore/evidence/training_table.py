"""What chapter 08 says of switches and speed: tables, goals, and what is known of a GPU."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.gpu_notes import note_on_gpu
from nagcore.evidence.loop_speed_table import (
    GOALS,
    RIVALS,
    ratio,
    summarize_loop_speed,
    times_by_loop,
)
from nagcore.evidence.record import Record
from nagcore.evidence.report import scientific
from nagcore.evidence.restart_table import slug

CONTROLS = ("again", "weights rounded")
"""Rows of "switches-agree" that say how far runs are apart in which no switch is set."""
_ORDER_ALONE = ("channels_last", "graph", "compile", "accumulate")
_WHERE = ("one step", "all steps", "loss")


def tabulate_switches(record: Record) -> pd.DataFrame:
    """Return one line for each switch: how far it is from the plain loop in each network.

    Args:
        record: of "switches-agree".

    Returns:
        Distances after one step and after all, and that of the losses, beside what they may be;
        the verdict is that of the record.
    """
    lines: dict[str, dict[tuple[str, str], str]] = {}
    for row in record.rows:
        switch, network = row["switch"], row["network"]
        tolerance = record.declaration.constants["tolerance"][switch]
        limits = {("tolerance", _WHERE[k]): f"{most:g}" for k, most in enumerate(tolerance)}
        line = lines.setdefault(switch, limits)
        distances = (row["first"], row["last"], row["loss"])
        line |= {(network, _WHERE[k]): _distance(value) for k, value in enumerate(distances)}
        line[network, "agrees"] = row["agrees"]
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    table.index.name = "switch"
    return table


def summarize_switches(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `switch_steps` is the length of the runs. `switch_run` counts the pairs of switch and network
    that were run, controls left out, and `switch_agree` those within their tolerance;
    `switch_not_run` names the switches that were not, with the reason, and `switch_apart` those
    that were run and do not agree; both are “none” where there are none.

    Args:
        record: of "switches-agree".
    """
    rows = [row for row in record.rows if row["switch"] not in CONTROLS]
    skipped = {row["switch"]: row["error"] for row in rows if row["agrees"] == "–"}
    apart = [f"{row['switch']} ({row['network']})" for row in rows if row["agrees"] == "no"]
    return {
        "switch_steps": str(record.declaration.constants["steps"]),
        "switch_run": str(sum(row["agrees"] != "–" for row in rows)),
        "switch_agree": str(sum(row["agrees"] == "yes" for row in rows)),
        "switch_not_run": "; ".join(f"{name} ({why})" for name, why in skipped.items()) or "none",
        "switch_apart": ", ".join(apart) or "none",
    }


def _distance(value: float) -> str:
    if math.isnan(value):
        return "–"
    return scientific(value) if value else "0"


def summarize_goals(record: Record) -> dict[str, str]:
    """Return how many of the goals of `tabulate_loop_goals` are reached.

    `goals` is their number, `goals_reached` how many are. With O for one of ours, in small letters
    with hyphens, `goals_O` and `goals_reached_O` are those for it alone.

    Args:
        record: of "loop-speed".
    """
    reached: dict[str, list[bool]] = {}
    for ours, goals in GOALS.items():
        for row in record.rows:
            times = times_by_loop(record, row["network"], row["threads"])
            pairs = zip(RIVALS, goals, strict=True)
            reached.setdefault(slug(ours), []).extend(
                ratio(times, rival, ours) >= goal for rival, goal in pairs
            )
    numbers = {"goals": str(sum(map(len, reached.values())))}
    numbers["goals_reached"] = str(sum(map(sum, reached.values())))
    for name, each in reached.items():
        numbers |= {f"goals_{name}": str(len(each)), f"goals_reached_{name}": str(sum(each))}
    return numbers


def loops_on_gpu(experiment: Experiment) -> str:
    """Say how loops compare on a GPU, or that this was not measured yet.

    Args:
        experiment: "loop-speed-cuda".
    """
    return note_on_gpu(experiment, _say_loops)


def switches_on_gpu(experiment: Experiment) -> str:
    """Say whether switches agree on a GPU, or that this was not measured yet.

    Args:
        experiment: "switches-agree".
    """
    return note_on_gpu(experiment, _say_switches)


def _say_loops(record: Record) -> str:
    found = summarize_loop_speed(record)
    parts = []
    for network in record.declaration.axes["network"]:
        key = f"{slug(network)}_fit-captured"
        said = [
            f"{found[f'{key}_{loop}']} for {words}"
            for loop, words in _LOOPS.items()
            if f"{key}_{loop}" in found
        ]
        parts.append(f"{', '.join(said) or _NONE} ({network})")
    missing = [words for loop, words in _LOOPS.items() if loop not in _timed(found)]
    return (
        "On a GPU, where the whole step of fit is captured and replayed as one graph, the time of "
        f"the others is this many times that: {'; '.join(parts)}."
        + (f" Not timed: {', '.join(missing)}." if missing else "")
    )


_NONE = "none was timed"
_LOOPS = {
    "dataloader-over-tensors": "the loop over a DataLoader",
    "lightning": "Lightning",
    "fit": "fit without a graph",
}


def _timed(found: dict[str, str]) -> set[str]:
    """Return the loops that were timed for at least one network."""
    return {loop for loop in _LOOPS for name in found if name.endswith(f"_{loop}_ms")}


def _say_switches(record: Record) -> str:
    found = summarize_switches(record)
    said = (
        f"On a GPU {found['switch_agree']} of {found['switch_run']} pairs agree; not within the "
        f"tolerance: {found['switch_apart']}; not run: {found['switch_not_run']}."
    )
    return " ".join(filter(None, [said, *map(_say_tf32, _by_network(record))]))


def _by_network(record: Record) -> list[dict[str, Mapping[str, Any]]]:
    """Return the rows that were run, for each network by their switch."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in record.rows:
        if row["agrees"] != "–":
            found.setdefault(row["network"], {})[row["switch"]] = row
    return list(found.values())


def _say_tf32(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Say how far TF32 moves a network, beside the switches that change the order alone."""
    if "tf32" not in rows:
        return ""
    short, others = rows["tf32"], [rows[name] for name in _ORDER_ALONE if name in rows]
    said = (
        f"With TF32 the parameters of “{short['network']}” are {_distance(short['first'])} away "
        f"from those of plain float32 after one step and {_distance(short['last'])} after all"
    )
    if not others:
        return f"{said}."
    furthest = max(others, key=lambda row: row["first"])
    return (
        f"{said}; of the switches that change the order of sums alone none is further away than "
        f"{_distance(furthest['first'])} after one step ({furthest['switch']})."
    )
