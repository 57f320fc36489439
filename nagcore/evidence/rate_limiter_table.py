"""Tables and numbers of the threshold K: results, shares of bounded steps, range of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug
from nagcore.evidence.signed import with_sign
from nagcore.evidence.statistics import Summary, confidence_interval, summarize

_CASE = ("lr", "instruction", "optimizer")


class Comparison(NamedTuple):
    """Runs with a limiter beside those without one that share everything else."""

    lr: str
    instruction: str
    optimizer: str
    K: float
    gain: np.ndarray
    """test accuracy less that without a limiter, for each seed"""
    bounded: float
    """mean share of the steps whose rate was bounded"""

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean gain."""
        if np.ptp(self.gain) == 0:  # the very same runs, or the same accuracy by chance
            return float(self.gain[0]), float(self.gain[0])
        return confidence_interval(summarize(self.gain))


def compare(record: Record) -> list[Comparison]:
    """Return one comparison for each step size, instruction, optimizer and K above 0.

    Args:
        record: of "rate-limiter".
    """
    found = []
    for case, by_K in _cases(record):
        free = _column(by_K[0.0], "test_accuracy")
        found += [
            Comparison(
                *case,
                K,
                _column(rows, "test_accuracy") - free,
                float(_column(rows, "bounded").mean()),
            )
            for K, rows in by_K.items()
            if K > 0
        ]
    return found


def tabulate_limited(record: Record, column: str = "test_accuracy") -> pd.DataFrame:
    """Return one line for each step size, instruction and optimizer: means and spreads by K.

    Args:
        record: of "rate-limiter".
        column: "test_accuracy", "test_loss", "train_loss" or "bounded".
    """
    lines = {
        case: {name_of(K): _shown(summarize(_column(rows, column))) for K, rows in by_K.items()}
        for case, by_K in _cases(record)
    }
    return _table(lines)


def tabulate_gains(record: Record) -> pd.DataFrame:
    """Return the mean gain in test accuracy over no limiter, with its 95 % interval, by K.

    Runs of the same seed are compared. A dash where no step of any run was bounded.

    Args:
        record: of "rate-limiter".
    """
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for each in compare(record):
        line = lines.setdefault((each.lr, each.instruction, each.optimizer), {})
        line[name_of(each.K)] = _gain(each) if each.bounded else "–"
    return _table(lines)


def tabulate_learned(record: Record, at_least: float = 0.5) -> pd.DataFrame:
    """Return how many of the runs came to something, by K: the others are near chance, 0.1.

    Args:
        record: of "rate-limiter".
        at_least: test accuracy from which on a run counts.
    """
    lines = {
        case: {name_of(K): f"{_learned(rows, at_least)} of {len(rows)}" for K, rows in by_K.items()}
        for case, by_K in _cases(record)
    }
    return _table(lines)


def tabulate_gradient_range(record: Record) -> pd.DataFrame:
    """Return quantiles of the largest gradient entry of a step: medians over the free runs.

    Args:
        record: of "rate-limiter".
    """
    lines, quantiles = {}, record.declaration.constants["quantiles"]
    for lr in record.declaration.axes["lr"]:
        for optimizer in record.declaration.axes["optimizer"]:
            largest = free_ranges(record, lr, optimizer)
            middle = np.median(largest, axis=0)
            lines[lr, optimizer] = {
                f"{quantile:.0%}": f"{value:.2g}"
                for quantile, value in zip(quantiles, middle, strict=True)
            }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["lr", "optimizer"])
    return table


def free_ranges(record: Record, lr: str, optimizer: str) -> np.ndarray:
    """Return the quantiles of the largest entry in each run without a limiter, shape (runs, n).

    Args:
        record: of "rate-limiter".
        lr: "tuned" or "too large".
        optimizer: on its axis.
    """
    rows = [r for r in record.rows if (r["lr"], r["optimizer"], r["K"]) == (lr, optimizer, 0.0)]
    return np.array([row["largest"] for row in rows])


def summarize_rate_limiter(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `limiter_cases` counts the comparisons in which a step was bounded, `limiter_helped` and
    `limiter_harmed` those whose 95 % interval of the gain in test accuracy lies above or below
    0; each of them with the step size in its name, too, as in `limiter_helped_tuned`. With K = ∞
    likewise `limiter_cases_always` and so on. `limiter_best` and `limiter_worst` are the largest
    and the smallest mean gain, `limiter_best_case` and `limiter_worst_case` where.
    `limiter_top_free` and `limiter_top_limited` are the best mean accuracies of any case without
    and with a limiter. `limiter_learned_L_K` counts the runs with step size L and threshold K
    whose accuracy is 0.5 or more, of `limiter_learned_of`; K is 0, 0.1, …, inf.
    `limiter_diverged_free` and `limiter_diverged_limited` count the runs that diverged, of
    `limiter_runs_free` and `limiter_runs_limited`. `limiter_entry_low`, `limiter_entry_median` and
    `limiter_entry_high` are the 10th, 50th and 90th percentile of the largest gradient entry of a
    step, medians over the free runs with the tuned step size.

    Args:
        record: of "rate-limiter".
    """
    pairs = [each for each in compare(record) if each.bounded]
    numbers = {**_counts(pairs, ""), **_counts([p for p in pairs if math.isinf(p.K)], "_always")}
    for lr in record.declaration.axes["lr"]:
        numbers |= _counts([p for p in pairs if p.lr == lr], f"_{slug(lr)}")
    for word, choose in (("best", max), ("worst", min)):
        each = choose(pairs, key=lambda pair: pair.gain.mean(), default=None)
        numbers[f"limiter_{word}"] = "–" if each is None else _gain(each)
        numbers[f"limiter_{word}_case"] = "–" if each is None else _named(each)
    numbers |= {**_tops(record), **_learned_by_K(record)}
    for word, is_free in (("free", True), ("limited", False)):
        runs = [row for row in record.rows if (row["K"] == 0) is is_free]
        numbers[f"limiter_runs_{word}"] = str(len(runs))
        numbers[f"limiter_diverged_{word}"] = str(sum(r["status"] == "diverged" for r in runs))
    tuned = [free_ranges(record, "tuned", name) for name in record.declaration.axes["optimizer"]]
    middle = np.median(np.concatenate(tuned), axis=0)
    at = record.declaration.constants["quantiles"]
    for word, quantile in (("low", 0.1), ("median", 0.5), ("high", 0.9)):
        numbers[f"limiter_entry_{word}"] = f"{middle[at.index(quantile)]:.2g}"
    return numbers


def name_of(K: float) -> str:
    """Return how a threshold is written, `K = ∞` for one that always bounds.

    Example:
        >>> name_of(0.2), name_of(math.inf)
        ('K = 0.2', 'K = ∞')
    """
    return "K = ∞" if math.isinf(K) else f"K = {K:g}"


def _cases(
    record: Record,
) -> Iterator[tuple[tuple[str, str, str], dict[float, list[Mapping[str, Any]]]]]:
    axes = record.declaration.axes
    for lr in axes["lr"]:
        for instruction in axes["instruction"]:
            for optimizer in axes["optimizer"]:
                case = (lr, instruction, optimizer)
                rows = [r for r in record.rows if tuple(r[name] for name in _CASE) == case]
                yield case, {K: [r for r in rows if r["K"] == K] for K in axes["K"]}


def _column(rows: list[Mapping[str, Any]], column: str) -> np.ndarray:
    return np.array([row[column] for row in rows], dtype=float)


def _counts(pairs: list[Comparison], which: str) -> dict[str, str]:
    ends = [pair.interval for pair in pairs]
    return {
        f"limiter_cases{which}": str(len(pairs)),
        f"limiter_helped{which}": str(sum(low > 0 for low, _ in ends)),
        f"limiter_harmed{which}": str(sum(high < 0 for _, high in ends)),
    }


def _tops(record: Record) -> dict[str, str]:
    means = [
        (K, summarize(_column(rows, "test_accuracy")))
        for _, by_K in _cases(record)
        for K, rows in by_K.items()
    ]
    free, limited = (
        max((summary for K, summary in means if (K == 0) is is_free), key=lambda s: s.mean)
        for is_free in (True, False)
    )
    return {"limiter_top_free": _shown(free), "limiter_top_limited": _shown(limited)}


def _learned_by_K(record: Record) -> dict[str, str]:
    numbers, runs = {}, 0
    for lr in record.declaration.axes["lr"]:
        for K in record.declaration.axes["K"]:
            rows = [row for row in record.rows if (row["lr"], row["K"]) == (lr, K)]
            numbers[f"limiter_learned_{slug(lr)}_{K:g}"] = str(_learned(rows, 0.5))
            runs = len(rows)
    return {**numbers, "limiter_learned_of": str(runs)}


def _learned(rows: list[Mapping[str, Any]], at_least: float) -> int:
    return sum(row["test_accuracy"] >= at_least for row in rows)


def _gain(each: Comparison) -> str:
    mean, low, high = with_sign(float(each.gain.mean()), *each.interval, digits=3)
    return f"{mean} (n = 1)" if math.isnan(each.interval[0]) else f"{mean} ({low} to {high})"


def _named(each: Comparison) -> str:
    return f"{each.instruction}, {each.optimizer}, lr {each.lr}, {name_of(each.K)}"


def _shown(summary: Summary) -> str:
    if not math.isfinite(summary.mean):
        return "not finite"
    spread = "" if math.isnan(summary.spread) else f" ± {summary.spread:.3f}"
    return f"{summary.mean:.3f}{spread}"


def _table(lines: dict[tuple[str, ...], dict[str, str]]) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=list(_CASE))
    return table
