"""What a fair race amounts to, in sentences that follow from its record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nagcore.evidence.fair_race_table import CLIPPED_AT, all_runs, race_profile, raced
from nagcore.evidence.protocol import PairedTest, holm, paired_test, times_by_method
from nagcore.evidence.race_readings import READINGS, chosen_by, leaders, place, read_race
from nagcore.evidence.race_tasks import TASKS
from nagcore.evidence.record import Record
from nagcore.optim.table import find_optimizer

_BELIEVED = 0.05
_NEAR = 0.1


def summarize_race(record: Record) -> dict[str, str]:
    """Return what prose takes from a race, by name: sentences and numbers.

    Args:
        record: of a fair race with "nag" in it.
    """
    constants, axes = record.declaration.constants, record.declaration.axes
    return {
        "race_first": say_first(record),
        "race_profile": say_profile(record),
        "race_pairs": say_pairs(record),
        "race_edges": say_edges(record),
        "race_lost": say_lost(record),
        "race_readings": say_readings(record),
        "race_hindsight": say_hindsight(record),
        "race_valleys": say_valleys(record),
        "race_methods": str(len(axes["optimizer"])),
        "race_tasks": listed([TASKS[name].label for name in axes["task"]]),
        "race_trials": str(len(constants["lr"])),
        "race_lrs": f"{constants['lr'][0]:g} to {constants['lr'][-1]:g}",
        "race_tuning": str(len(constants["tuning_seeds"])),
        "race_seeds": str(len(constants["seeds"])),
        "race_held_out": f"{constants['held_out']:,}",
        "race_runs": f"{len(all_runs(record)):,}",
        "race_clip": f"{CLIPPED_AT:g}",
        "race_level": f"{_BELIEVED:g}",
        "race_every": str(constants["every"]),
        "race_targets": listed(
            [
                f"{constants['target'][name]:g} ({TASKS[name].label})"
                for name in record.declaration.axes["task"]
            ]
        ),
    }


def say_first(record: Record) -> str:
    """Say for each task which methods reach the target in the fewest steps, and how NAG does."""
    parts = []
    for task, times in medians(record).items():
        best, words = min(times.values()), TASKS[task].label
        if math.isinf(best):
            parts.append(f"no method on the task {words}")
            continue
        first = [name for name, steps in times.items() if steps == best]
        text = f"{labels(first)} on the task {words} with {best:,.0f} steps"
        if "nag" not in first:
            text += f" (Nesterov's method: {_steps(times['nag'])})"
        parts.append(text)
    return f"First at the target, in the median over the seeds, is {'; '.join(parts)}."


def say_profile(record: Record) -> str:
    """Say who has the largest area under the profile, and which place Nesterov's method has."""
    scores = race_profile(record).scores()
    if float(scores.max()) == 0:
        return "No method reaches a target, so that the profile says nothing."
    first, own = leaders(scores), place(scores, "nag")
    text = f"The largest area under its profile, {scores.iloc[0]:.2f}, has {labels(first)}"
    if first == ["nag"]:
        return f"{text}."
    apart = {str(n): abs(float(area - scores["nag"])) for n, area in scores.items() if n != "nag"}
    near = [name for name, distance in apart.items() if distance < _NEAR]
    return (
        f"{text}; Nesterov's method is number {own} of {len(scores)} with {scores['nag']:.2f}, and "
        f"less than {_NEAR:g} from that {'is' if len(near) < 2 else 'are'} {labels(near)}."
    )


def say_pairs(record: Record) -> str:
    """Say from which methods NAG can be told apart, over all tasks and fresh seeds together."""
    ahead, behind, apart = tell_apart(record)
    n = next(iter(compare_pairs(record).values())).n
    start = f"Over all {n} pairs of task and seed, after Holm's correction, Nesterov's method"
    told = [
        f"{word} steps than {labels(names)}"
        for word, names in (("fewer", ahead), ("more", behind))
        if names
    ]
    if not told:
        return f"{start} can be told from none of the others."
    rest = f"cannot be told from {labels(apart)}" if apart else "can be told from all"
    return f"{start} needs {' and '.join(told)}; it {rest}."


def tell_apart(record: Record) -> tuple[list[str], list[str], list[str]]:
    """Return which methods NAG is ahead of, behind, and which it cannot be told from."""
    tests = compare_pairs(record)
    adjusted = dict(zip(tests, holm(test.p for test in tests.values()), strict=True))
    told = [name for name, p in adjusted.items() if p < _BELIEVED]
    ahead = [name for name in told if _sign(tests[name]) < 0]
    behind = [name for name in told if _sign(tests[name]) > 0]
    return ahead, behind, [name for name in tests if name not in (*ahead, *behind)]


def compare_pairs(record: Record, method: str = "nag") -> dict[str, PairedTest]:
    """Return the paired test of a method's steps to the target against those of each other.

    The pairs are tasks and fresh seeds; compared are logarithms of steps by their signed ranks, so
    that a task with more steps does not count for more, and a miss is only worse than all else.

    Args:
        record: of a fair race.
        method: the one that is compared.
    """
    runs = raced(record).assign(log_steps=lambda f: np.log(f["steps"].astype(float)))
    table = runs.pivot_table(
        index=["task", "seed"], columns="method", values="log_steps", dropna=False, sort=False
    )
    own = table[method].tolist()
    return {
        str(name): paired_test(own, table[name].tolist(), statistic="ranks")
        for name in record.declaration.axes["optimizer"]
        if name != method
    }


def say_edges(record: Record) -> str:
    """Say whose step size lies at an end of the search space, which then was too small."""
    found = [f"{_label(row)} ({row['at_edge']})" for row in record.rows if row["at_edge"]]
    if not found:
        return "No step size that was chosen lies at an end of the search space."
    return f"At an end of the search space lies the step size of {listed(found)}."


def say_lost(record: Record) -> str:
    """Say how many runs diverged, and who missed a target with half the fresh seeds or more."""
    runs, own = all_runs(record), raced(record)
    diverged = runs["status"].tolist().count("diverged")
    missed = int(np.isinf(own["steps"].to_numpy(dtype=float)).sum())
    most = [
        f"{find_optimizer(method).label} on the task {TASKS[task].label}"
        for task, times in medians(record).items()
        for method, steps in times.items()
        if math.isinf(steps)
    ]
    return (
        f"Of the {len(own):,} runs on fresh seeds with the step size that was chosen, {missed:,} "
        f"missed the target; it was missed in the median by {listed(most) or 'nobody'}. In "
        f"{diverged:,} of the {len(runs):,} runs of the search the loss was not finite any more."
    )


def say_readings(record: Record) -> str:
    """Say how many of the careless readings have another winner, and where they put NAG."""
    scores = {reading: read_race(record, reading).scores() for reading in READINGS}
    fair = leaders(scores["fair"])
    unfair = [reading for reading in READINGS if reading != "fair"]
    other = [reading for reading in unfair if leaders(scores[reading]) != fair]
    places = [place(scores[reading], "nag") for reading in READINGS]
    span = (
        f"from place {min(places)} to place {max(places)}"
        if min(places) < max(places)
        else f"on place {places[0]} throughout"
    )
    return (
        f"Of the {len(unfair)} careless readings {len(other) or 'none'} would name another winner "
        f"than the declared one, and Nesterov's method is found {span}."
    )


def say_hindsight(record: Record) -> str:
    """Say how often the tuning seeds chose the step size that the fresh ones would choose."""
    grid, seeds = (record.declaration.constants[name] for name in ("lr", "seeds"))
    best = chosen_by(record, grid, seeds)
    same = sum(best[row["task"], row["optimizer"]] == row["chosen_lr"] for row in record.rows)
    return (
        f"For {same} of {len(record.rows)} pairs of task and method the tuning seeds chose the "
        "step size that the fresh seeds would have chosen."
    )


def say_valleys(record: Record) -> str:
    """Say how far apart the step sizes are that were chosen for the methods on one task."""
    parts = []
    for task in record.declaration.axes["task"]:
        chosen = [row["chosen_lr"] for row in record.rows if row["task"] == task]
        ratio = max(chosen) / min(chosen)
        parts.append(f"{ratio:,.0f} on the task {TASKS[task].label}")
    return (
        "The largest step size that was chosen for a method is this many times the smallest: "
        f"{listed(parts)}."
    )


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    Example:
        >>> listed(["SGD", "NAG", "Adam"]), listed(["SGD"])
        ('SGD, NAG and Adam', 'SGD')
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def medians(record: Record) -> dict[str, dict[str, float]]:
    """Return the median steps to the target of every method, by task."""
    times = times_by_method(raced(record), time="steps")
    return {str(task): dict(line) for task, line in times.T.to_dict().items()}  # pyright: ignore


def labels(methods: Sequence[str]) -> str:
    """Return the labels of methods as a list in a sentence, for none that there is none."""
    return listed([find_optimizer(name).label for name in methods]) or "none of the others"


def _label(row: Mapping[str, Any]) -> str:
    return f"{find_optimizer(row['optimizer']).label} on the task {TASKS[row['task']].label}"


def _steps(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "not reached"


def _sign(test: PairedTest) -> float:
    return float(np.sign(test.difference.estimate))
