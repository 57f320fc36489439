"""What chapter 15 says of many trainings at once, as the record has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.gpu_notes import note_on_gpu
from nagcore.evidence.limits_sweeps import limit_of, ratios_of, sweep_limits, times_of
from nagcore.evidence.limits_table import in_time, in_times, say_limits
from nagcore.evidence.record import Record
from nagcore.evidence.sweep_race import ONE_BY_ONE

GOAL, GOAL_COPIES = 8.0, 64
"""How many times as fast as one by one copies were to be, and how many of them."""
AT_ONCE = "at once"
"""The contestant that the goal is for: in float32 and without a compiler, as one by one is."""
_, _GRAPH = ONE_BY_ONE


def say_gains(record: Record) -> str:
    """Say how many times as long a step takes one by one as at once, in every case.

    Args:
        record: of "sweep-speed" or "sweep-speed-cuda".
    """
    said = []
    for row in record.rows:
        for who in (who for who in times_of(row) if who not in ONE_BY_ONE and "tf32" not in who):
            loop, graph = ratios_of(row, who)
            beside = "" if math.isnan(graph) else f", as a graph {in_times(graph)}"
            if not math.isnan(loop):
                case = f"{row['copies']} copies of the {row['network']}"
                said.append(f"{in_times(loop)}{beside} ({case}, “{who}”)")
    if not said:
        return "nothing was timed both at once and one by one"
    return f"a step one by one takes this many times as long as at once: {'; '.join(said)}"


def say_goal(record: Record) -> str:
    """Say for which networks copies at once are `GOAL` times as fast as one by one.

    It is said both against the usual loop and against a loop that replays its step as a graph,
    with the floor of a copy beside the time.

    Args:
        record: of "sweep-speed-cuda"; settings with other numbers of copies do not count.
    """
    said = []
    for row in record.rows:
        if row["copies"] == GOAL_COPIES and not math.isnan(ratios_of(row, AT_ONCE).loop):
            said += [_against_the_loop(row), _against_a_graph(row), _against_the_floor(row)]
    failed = [f"{r['network']}, {r['copies']} copies" for r in record.rows if any(r["error"])]
    if failed:
        said.append(f"Not everything could be timed: {'; '.join(failed)}.")
    return " ".join(filter(None, said)) or f"Nothing was timed with {GOAL_COPIES} copies."


def say_goal_in_short(record: Record) -> str:
    """Say both gains of `GOAL_COPIES` copies for each network in one sentence.

    Args:
        record: of "sweep-speed-cuda".
    """
    said = [
        f"{row['network']}, {in_times(loop)} and {in_times(graph)}"
        for row in record.rows
        for loop, graph in [ratios_of(row, AT_ONCE)]
        if row["copies"] == GOAL_COPIES and not math.isnan(loop)
    ]
    return (
        f"On a GPU {GOAL_COPIES} of them at once are this many times as fast as one after the "
        "other, against the usual loop and against one that replays its step as a graph: "
        f"{'; '.join(said)}."
    )


def _against_the_loop(row: Mapping[str, Any]) -> str:
    loop, word = ratios_of(row, AT_ONCE).loop, "times as fast as one after the other in the usual"
    return (
        f"{row['copies']} copies of the {row['network']}, trained at once, are {in_times(loop)} "
        f"{word} loop, and the goal of {GOAL:g} times is {_reached(loop)}."
    )


def _against_a_graph(row: Mapping[str, Any]) -> str:
    graph, own = ratios_of(row, AT_ONCE).graph, ratios_of(row, _GRAPH).loop
    if math.isnan(graph):
        return ""
    return (
        "Part of that has nothing to do with their number: a single training whose step is "
        f"replayed as one graph is {in_times(own)} times as fast as the loop. Against that one "
        f"they are {in_times(graph)} times as fast; by this measure the goal is {_reached(graph)}."
    )


def _against_the_floor(row: Mapping[str, Any]) -> str:
    own = limit_of(row, AT_ONCE)
    said = (
        f"A step of one copy takes {in_time(own.seconds)}, {in_times(own.times)} times its floor "
        f"of {in_time(own.floor)}, which is set by {own.bound}"
    )
    compiled = [who for who in times_of(row) if "compiled" in who]
    if not compiled:
        return f"{said}."
    (who, *_), loop, graph = compiled, *ratios_of(row, compiled[0])
    other = limit_of(row, who)
    return (
        f"{said}; compiled, which those one by one were not, it takes {in_time(other.seconds)}, "
        f"{in_times(other.times)} times the floor ({in_times(loop)} times as fast as the loop, "
        f"{in_times(graph)} times as fast as the graph)."
    )


def _reached(ratio: float) -> str:
    return "reached" if ratio >= GOAL else "missed"


def say_more_copies(record: Record) -> str:
    """Say what more copies at once do to the time of each, from the fewest to the most.

    Args:
        record: of "sweep-speed-cuda".
    """
    said = []
    for network in record.declaration.axes["network"]:
        rows = {
            row["copies"]: limit_of(row, AT_ONCE).seconds
            for row in record.rows
            if row["network"] == network and AT_ONCE in times_of(row)
        }
        if len(rows) > 1:
            few, many = min(rows), max(rows)
            said.append(
                f"{in_time(rows[few])} with {few} copies and {in_time(rows[many])} with {many} "
                f"({network})"
            )
    if not said:
        return ""
    return f"A step of one copy, trained at once, takes {', '.join(said)}."


def sweeps_on_gpu(experiment: Experiment) -> str:
    """Say what training at once gains on a GPU, and how far from its floor it is.

    Args:
        experiment: "sweep-speed-cuda".
    """
    return note_on_gpu(experiment, _said)


def _said(record: Record) -> str:
    together = [each for each in sweep_limits(record) if each.who not in ONE_BY_ONE]
    parts = (
        say_goal(record),
        say_more_copies(record),
        f"Of all the ways to train at once on the GPU {say_limits(together)}.",
    )
    return " ".join(filter(None, parts))
