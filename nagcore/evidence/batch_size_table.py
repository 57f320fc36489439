"""What the records of steps against batch size say: tables, numbers for prose, and verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nagcore.evidence.batch_scaling import FACTOR, bend, fit_two_numbers, label_of
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.record import Record


class Curve(NamedTuple):
    """Steps of one optimizer: median, least and greatest over the fresh seeds, by batch size."""

    sizes: np.ndarray
    median: np.ndarray
    least: np.ndarray
    greatest: np.ndarray


def curve_of(record: Record, optimizer: str) -> Curve:
    """Return the steps of an optimizer with its best settings.

    A run that did not reach the target counts as endless, so that the median is inf where half of
    the seeds did not reach it.

    Args:
        record: of "batch-size" or one of its sizes.
        optimizer: one of the record's.
    """
    rows = [row for row in record.rows if row["optimizer"] == optimizer]
    steps = [np.array(row["steps"], dtype=float) for row in rows]
    return Curve(
        np.array([row["batch_size"] for row in rows]),
        np.array([_median(each) for each in steps]),
        np.array([each.min() for each in steps]),
        np.array([each.max() for each in steps]),
    )


def _median(values: np.ndarray) -> float:
    # of an even number the larger of the middle two: the mean of a number and inf says nothing
    return float(np.sort(values)[len(values) // 2])


def tabulate_bends(record: Record) -> pd.DataFrame:
    """Return for each optimizer steps at both ends, its bend, and the curve of two numbers.

    Args:
        record: of "batch-size" or one of its sizes.
    """
    sizes = record.declaration.axes["batch_size"]
    lines = {}
    for optimizer in record.declaration.axes["optimizer"]:
        curve = curve_of(record, optimizer)
        where, fitted = bend(sizes, curve.median), fit_two_numbers(sizes, curve.median)
        lines[label_of(optimizer)] = {
            f"steps at {sizes[0]:,}": _count(curve.median[0]),
            f"steps at {sizes[-1]:,}": _count(curve.median[-1]),
            "scales up to": "–" if where is None else f"{where:,}",
            "critical batch size": "–" if fitted is None else f"{fitted.critical:,.0f}",
            "fewest steps": "–" if fitted is None else f"{fitted.fewest_steps:,.0f}",
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "optimizer"
    return table


def _count(steps: float) -> str:
    return f"{steps:,.0f}" if math.isfinite(steps) else "not reached"


def summarize_plan(declaration: Declaration) -> dict[str, str]:
    """Return what was laid down before anything was measured, by name.

    Args:
        declaration: of "batch-size" or one of its sizes.
    """
    constants, sizes = declaration.constants, declaration.axes["batch_size"]
    return {
        "first": f"{sizes[0]:,}",
        "last": f"{sizes[-1]:,}",
        "target": f"{constants['target']:g}",
        "trials": str(constants["trials"]),
        "tuning_seeds": str(len(constants["tuning_seeds"])),
        "fresh_seeds": str(len(constants["fresh_seeds"])),
        "held_out": f"{constants['held_out']:,}",
        "factor": f"{FACTOR:g}",
    }


def summarize_batch_size(record: Record) -> dict[str, str]:
    """Return the numbers that prose and captions take from the record, by name.

    Args:
        record: of "batch-size" or one of its sizes.
    """
    rows = record.rows
    runs = [step for row in rows for step in row["steps"]]
    return summarize_plan(record.declaration) | {
        "parameters": f"{rows[0]['parameters']:,}",
        "runs": f"{len(runs):,}",
        "missed": f"{int(np.isinf(runs).sum()):,}",
        "searched": f"{sum(np.size(row['tuning_steps']) for row in rows):,}",
        "edges": str(sum(row["edge"] for row in rows)),
        "settings": str(len(rows)),
        "coarsest": str(max(row["every"] for row in rows)),
        "spread": f"{max(_spread(row['steps']) for row in rows):.1f}",
    }


def _spread(steps: list[float]) -> float:
    """Return how many times the least steps the greatest are, of the seeds that arrived."""
    arrived = [each for each in steps if math.isfinite(each)]
    return max(arrived) / min(arrived) if arrived else 1.0


def most_with_momentum(record: Record) -> str:
    """Return how many times the steps of SGD heavy ball and Nesterov's method take at most.

    Args:
        record: of "batch-size" or one of its sizes; its largest batch size counts.
    """
    plain, *both = (curve_of(record, name).median[-1] for name in ("sgd", "heavy-ball", "nag"))
    return f"{max(both) / plain:.2f}"


def say_momentum(record: Record) -> str:
    """Say what momentum is worth at the smallest and the largest batch size.

    Args:
        record: of "batch-size" or one of its sizes.
    """
    sizes = record.declaration.axes["batch_size"]
    curves = {name: curve_of(record, name) for name in ("sgd", "heavy-ball", "nag")}
    parts = []
    for at, size in ((0, sizes[0]), (-1, sizes[-1])):
        plain = curves["sgd"]
        gains = []
        for name in ("heavy-ball", "nag"):
            momentum = curves[name]
            gains.append(f"{label_of(name)} {_compare(momentum, plain, at)}")
        parts.append(f"at batch size {size:,} {' and '.join(gains)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _compare(one: Curve, other: Curve, at: int) -> str:
    """Say how the steps of one curve stand to those of another, and whether seeds overlap."""
    mine, theirs = one.median[at], other.median[at]
    if not math.isfinite(mine):
        return "does not reach the target" + (
            ", nor does SGD" if not math.isfinite(theirs) else ", SGD does"
        )
    if not math.isfinite(theirs):
        return "reaches the target, SGD does not"
    overlap = one.least[at] <= other.greatest[at] and other.least[at] <= one.greatest[at]
    clear = "the seeds overlap" if overlap else "no two seeds overlap"
    if not math.isfinite(max(one.greatest[at], other.greatest[at])):
        clear = f"{clear}, not all arrived"
    return f"takes {mine / theirs:.2f} times the steps of SGD ({clear})"


def say_bends(record: Record) -> str:
    """Say up to which batch size each optimizer scales, the earliest first.

    Args:
        record: of "batch-size" or one of its sizes.
    """
    sizes, bends = record.declaration.axes["batch_size"], {}
    for optimizer in record.declaration.axes["optimizer"]:
        bends[optimizer] = bend(sizes, curve_of(record, optimizer).median)
    never = [label_of(name) for name, where in bends.items() if where is None]
    known = sorted((where, name) for name, where in bends.items() if where is not None)
    groups: dict[int, list[str]] = {}
    for where, name in known:
        groups.setdefault(where, []).append(label_of(name))
    parts = [f"up to {where:,} for {_joined(names)}" for where, names in groups.items()]
    text = f"Steps fall nearly as fast as the batch grows {', '.join(parts)}" if parts else ""
    if never:
        missed = f"{_joined(never)} did not reach the target with the smallest batch"
        text = f"{text}; {missed}" if text else missed
    return f"{text}."


def _joined(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1])] * (len(names) > 1) + names[-1:])


def say_all(record: Record) -> str:
    """Say what momentum is worth, where each optimizer bends, and which momentum is ahead.

    Args:
        record: of "batch-size" or one of its sizes.
    """
    return f"{say_momentum(record)} {say_bends(record)} {say_nesterov(record)}"


def say_largest(large: Record | None, small: Record) -> str:
    """Say where each optimizer bends, by the larger of the two records that there is.

    Args:
        large: of "batch-size", or None where there is none.
        small: of "batch-size-small".
    """
    record, where = (small, "the shipped images") if large is None else (large, "the full data")
    return f"{say_bends(record)[:-1]} ({where})."


def say_nesterov(record: Record) -> str:
    """Say at how many batch sizes Nesterov's method takes fewer steps than heavy ball.

    Args:
        record: of "batch-size" or one of its sizes.
    """
    ours, theirs = curve_of(record, "nag"), curve_of(record, "heavy-ball")
    fewer = int((ours.median < theirs.median).sum())
    more = int((ours.median > theirs.median).sum())
    ahead = int((ours.greatest < theirs.least).sum())
    behind = int((ours.least > theirs.greatest).sum())
    return (
        f"Of {len(ours.sizes)} batch sizes Nesterov's method takes fewer steps than heavy ball at "
        f"{fewer} and more at {more}, by the medians; with every seed below every seed of the "
        f"other it is ahead at {ahead} and behind at {behind}."
    )


def say_search(record: Record) -> str:
    """Say how coarse the search was, which runs missed the target, and how far seeds lie apart.

    Args:
        record: of "batch-size" or one of its sizes.
    """
    found = summarize_batch_size(record)
    edges, missed = (_none_or(found[name]) for name in ("edges", "missed"))
    return (
        f"in {edges} {found['settings']} settings the chosen step size lies at an end of those "
        f"tried, and {missed} {found['runs']} runs with fresh seeds missed the target. "
        "The steps of seeds with the same settings differ by up to a factor of "
        f"{found['spread']}, and at the smallest batch size the loss is looked at once in "
        f"{found['coarsest']} steps."
    )


def _none_or(count: str) -> str:
    return "none of the" if count == "0" else f"{count} of"


class Work(NamedTuple):
    """What a search and its fresh runs compute at most, if no run ends before its budget."""

    operations: float
    """floating-point, in products with the weights"""
    numbers_moved: float
    """bytes, of gathered inputs and of parameters, gradients and states, once each"""

    def floor_seconds(self, operations_per_second: float, bytes_per_second: float) -> float:
        """Return the time below which no machine with these speeds can do it."""
        return max(self.operations / operations_per_second, self.numbers_moved / bytes_per_second)


def count_work(setting: Mapping[str, Any], budget: int, parameters: int, inputs: int) -> Work:
    """Return the work of one setting of "batch-size" for a network of linear layers.

    Args:
        setting: with trials, seeds and batch_size.
        budget: steps of a run of full length.
        parameters: of the network.
        inputs: numbers of one example.

    Example:
        >>> setting = {"trials": 2, "tuning_seeds": (0,), "fresh_seeds": (1,), "batch_size": 4}
        >>> count_work(setting, budget=10, parameters=100, inputs=5).operations
        72000.0
    """
    copies = setting["trials"] * len(setting["tuning_seeds"]) + len(setting["fresh_seeds"])
    steps, size = float(copies * budget), setting["batch_size"]
    # forward, and backward twice: two operations for each weight and example
    return Work(6 * steps * size * parameters, 4 * steps * (2 * size * inputs + 6 * parameters))
