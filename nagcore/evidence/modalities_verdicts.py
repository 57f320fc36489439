"""Verdicts of chapter 13, computed from its records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nagcore.evidence.record import Record
from nagcore.evidence.statistics import Summary, summarize
from nagcore.optim.table import find_optimizer

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
STEADY = 1.2
"""How many times as long a step may take in one run as in another for seconds to be compared."""


def label(optimizer: str) -> str:
    """Return the name of an optimizer as prose has it."""
    return {"nag": "NAG"}.get(optimizer, find_optimizer(optimizer).label)


def ranking(record: Record) -> list[tuple[str, Summary]]:
    """Return the optimizers with their test loss over the seeds, the lowest mean first."""
    losses = [(row["optimizer"], summarize(row["test_loss"])) for row in record.rows]
    return sorted(losses, key=lambda pair: pair[1].mean if _finite(pair[1]) else math.inf)


def text_of(summary: Summary, scale: float = 1.0, digits: int = 3) -> str:
    """Return mean ± standard deviation, or a dash where a value was not finite."""
    if not math.isfinite(summary.mean):
        return "–"
    mean = f"{summary.mean * scale:.{digits}f}"
    return mean if summary.n == 1 else f"{mean} ± {summary.spread * scale:.{digits}f}"


def say_ranking(record: Record) -> str:
    """Say which optimizer has the lowest test loss, whether its seeds are clear of the next one's,
    and where NAG stands.
    """
    ranked = ranking(record)
    (best, least), (second, next_least) = ranked[:2]
    sentence = (
        f"{label(best)} has the lowest test loss, {text_of(least)} nats (n = {least.n}); "
        f"{label(second)} follows with {text_of(next_least)}, and "
        f"{_overlap(record, best, second, 'their seeds')}"
    )
    names = [name for name, _ in ranked]
    if "nag" not in names[1:]:
        return f"{sentence}."
    place, loss = names.index("nag"), dict(ranked)["nag"]
    if not _finite(loss):
        return f"{sentence}. NAG diverged with one seed or more."
    behind = f"{loss.mean - least.mean:.3f} nats behind the first"
    at = "last" if place == len(names) - 1 else ORDINALS[place]
    where = f"NAG is {at} of {len(names)}, {behind}"
    apart = _overlap(record, best, "nag", "its seeds and those of the first")
    return f"{sentence}. {where}; {apart}.{_say_beside(record, names)}"


def _say_beside(record: Record, ranked: Sequence[str]) -> str:
    """Name the optimizers between the first and the last of which NAG's seeds are not clear."""
    if len(record.rows[0]["test_loss"]) == 1:
        return ""
    names = [name for name in ranked[1:] if name != "nag" and not clear(record, name, "nag")]
    if not names:
        return ""
    return f" Its seeds overlap those of {listed([label(name) for name in names])}."


def _overlap(record: Record, one: str, other: str, whose: str) -> str:
    """Say whether the seeds of two optimizers are clear of each other."""
    if len(record.rows[0]["test_loss"]) == 1:
        return "with one seed the order is open"
    if clear(record, one, other):
        return f"{whose} do not overlap"
    return f"{whose} overlap, so that the order is open"


def _finite(summary: Summary) -> bool:
    return math.isfinite(summary.mean)


def mean_curve(row: Mapping[str, Any], column: str = "validation_loss") -> np.ndarray:
    """Return the mean over the seeds at each report; nan where a seed had diverged."""
    return np.mean(np.asarray(row[column], dtype=float), axis=0)


def times(row: Mapping[str, Any]) -> np.ndarray:
    """Return the seconds of training at each report, what happens once at the start left out."""
    return np.asarray(row["step"]) * float(np.mean(row["step_seconds"]))


class Reached(NamedTuple):
    """When an optimizer is where another one ends."""

    steps: int
    seconds: float
    share: float
    """of the seconds that the other one needed"""


def reached(record: Record, reference: str = "nag") -> dict[str, Reached | None]:
    """Return when each optimizer is where the reference ends, by the mean validation loss.

    Args:
        record: by the protocol of chapter 13.
        reference: an optimizer of it.

    Returns:
        The first report that is as good, for each optimizer; None for one that never is.
    """
    rows = {row["optimizer"]: row for row in record.rows}
    target, whole = mean_curve(rows[reference])[-1], times(rows[reference])[-1]
    found: dict[str, Reached | None] = {}
    for name, row in rows.items():
        there = np.flatnonzero(mean_curve(row) <= target)
        found[name] = None
        if len(there):
            seconds = float(times(row)[int(there[0])])
            found[name] = Reached(row["step"][int(there[0])], seconds, seconds / float(whole))
    return found


def unsteadiness(record: Record) -> float:
    """Return how many times as long a step took in one run as in another of the same optimizer."""
    return max(max(row["step_seconds"]) / min(row["step_seconds"]) for row in record.rows)


def say_reached(record: Record) -> str:
    """Say when the others are where NAG ends, in steps, and in seconds where these are steady."""
    rows = {row["optimizer"]: row for row in record.rows}
    if "nag" not in rows or not math.isfinite(mean_curve(rows["nag"])[-1]):
        return "NAG has no loss at the end that the others could be measured by."
    found, last, most = reached(record), rows["nag"]["step"][-1], unsteadiness(record)
    there = [(name, at) for name, at in found.items() if at is not None and name != "nag"]
    never = [label(name) for name, at in found.items() if at is None]
    start = f"Where NAG is after {last} steps (validation loss {mean_curve(rows['nag'])[-1]:.3f})"
    if not there:
        return f"{start}, none of the others comes in as many."
    parts = [
        f"{label(name)} is after {at.steps}"
        + (f" steps, in {at.share:.2f} times the seconds" if most <= STEADY else "")
        for name, at in sorted(there, key=lambda pair: pair[1].steps)
    ]
    end = f"; {listed(never)} {'does' if len(never) == 1 else 'do'} not come there" if never else ""
    return f"{start}, {listed(parts)}{end}.{'' if most <= STEADY else _say_unsteady(most)}"


def _say_unsteady(most: float) -> str:
    return (
        f" Seconds are not compared: with the same optimizer, a step took up to {most:.1f} times "
        "as long in one run as in another."
    )


def say_clock(record: Record) -> str:
    """Say whose step is the cheapest, and which others are where NAG ends in less time than NAG."""
    if "nag" not in (row["optimizer"] for row in record.rows):
        return "NAG was not trained."
    if (most := unsteadiness(record)) > STEADY:
        return _say_unsteady(most).strip()
    costs = {row["optimizer"]: float(np.mean(row["step_seconds"])) for row in record.rows}
    cheapest = min(costs, key=costs.__getitem__)
    found = {name: at for name, at in reached(record).items() if at is not None and name != "nag"}
    sooner = [label(name) for name, at in found.items() if at.share < 1]
    verb = "is" if len(sooner) == 1 else "are"
    return (
        f"A step of {label(cheapest)} takes the least time, and "
        + (f"{listed(sooner)} {verb}" if sooner else "none of the others is")
        + " where NAG ends in less time than NAG took."
    )


def say_momenta(record: Record) -> str:
    """Say with which seeds the test loss of NAG lies below those of heavy ball and of SGD."""
    means = {name: loss.mean for name, loss in ranking(record)}
    sides: dict[str, list[str]] = {"below": [], "above": [], "among": []}
    for name in (name for name in ("heavy-ball", "sgd") if name in means):
        side = "below" if means["nag"] < means[name] else "above"
        sides[side if clear(record, name, "nag") else "among"].append(label(name))
    parts = [
        f"with every seed {side} those of {listed(names)}"
        if side != "among"
        else f"among those of {listed(names)}"
        for side, names in sides.items()
        if names
    ]
    return f"The test losses of NAG lie {listed(parts)}."


def at_ends(record: Record) -> list[str]:
    """Return the optimizers whose best step size lies at an end of the grid."""
    grids = record.declaration.constants["lr_grid"]
    ends = {name: (grid[0], grid[-1]) for name, grid in grids.items()}
    return [row["optimizer"] for row in record.rows if row["lr"] in ends[row["optimizer"]]]


def say_step_sizes(record: Record) -> str:
    """Say whether the best step sizes lie inside the grids, or at the ends of which."""
    ends = [label(name) for name in at_ends(record)]
    if not ends:
        return "Each best step size lies inside its grid."
    return (
        f"The best step size of {listed(ends)} lies at the end of the grid, so a better one may "
        "lie outside."
    )


def say_protocol(record: Record) -> str:
    """Say with how many step sizes and seeds each optimizer was tried, where, when, what size."""
    constants = record.declaration.constants
    count = len(next(iter(constants["lr_grid"].values())))
    return (
        f"Each optimizer had {count} step sizes on one seed, chosen by the validation loss after "
        f"{constants['steps']} steps of {constants['batch_size']} examples; the best ran again on "
        f"n = {len(constants['seeds'])} fresh seeds.{_size(record.declaration.name)} "
        f"{record.note()}"
    )


def _size(name: str) -> str:
    if name.endswith("-small"):
        return " This is the size for a CPU."
    return " This is the full size." if name.endswith("-full") else ""


def clear(record: Record, one: str, other: str) -> bool:
    """Return whether no seed of one optimizer lies among those of another."""
    rows = {row["optimizer"]: np.nan_to_num(row["test_loss"], nan=np.inf) for row in record.rows}
    low, high = sorted((rows[one], rows[other]), key=max)
    return len(low) > 1 and max(low) < min(high)


def listed(parts: Sequence[str]) -> str:
    """Return words as a list in a sentence."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
