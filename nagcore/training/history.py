"""What a training run leaves behind: a row for each report, and why it ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from nagcore.errors import UsageError
from nagcore.names import closest_first


class Row(NamedTuple):
    """Where training stood at a report, the end of an epoch or earlier; row 0 is the start."""

    epoch: int
    """epochs begun; a report within an epoch counts it, `step` is exact"""
    step: int
    """steps of the optimizer so far"""
    train_loss: float
    """mean over the samples since the last report, each taken at the point where its gradient
    was; in row 0, mean before the first step"""
    eval_loss: float
    """at the iterate, on the evaluation data; not a number where there are none"""
    eval_accuracy: float
    """share of the evaluation data classified rightly, 0 to 1; likewise"""
    seconds: float
    """spent on training so far, evaluation and checkpoints left out"""
    restarts: int = 0
    """how often the optimizer has forgotten its momentum so far; 0 for one that never does"""
    examples: int = 0
    """examples seen so far, in all processes together"""
    rate: float = math.nan
    """step size of the first parameter group at the last step"""
    gradient_norm: float = math.nan
    """root mean square, over the steps since the last report, of the Euclidean norm of the
    gradient that the optimizer was to get, before clipping; not a number where nobody asked"""
    metrics: Mapping[str, float] = {}
    """what else was measured on the evaluation data, by name"""

    def value(self, name: str) -> float:
        """Return the metric of this name.

        Raises:
            UsageError: there is none; the message lists those that there are.
        """
        if name in METRICS:
            return getattr(self, name)
        if name in self.metrics:
            return self.metrics[name]
        known = closest_first(name, (*METRICS, *self.metrics))
        raise UsageError(f"metric {name!r} is not measured; expected one of {known}")


METRICS = ("train_loss", "eval_loss", "eval_accuracy", "gradient_norm")
"""What every run can measure; `fit` is given functions for further ones."""


@dataclass(frozen=True)
class History:
    """The course of one run.

    Example:
        >>> history = History((Row(0, 0, 2.3, 2.3, 0.1, 0.0),), "budget", "1 epoch done")
        >>> history.final.eval_accuracy, list(history.frame().columns)[:2]
        (0.1, ['epoch', 'step'])
    """

    rows: tuple[Row, ...]
    status: str
    """why it ended, in one word: budget, target, patience, diverged, signal, callback, or several
    joined by `and`"""
    message: str
    """the same with its numbers"""

    @property
    def final(self) -> Row:
        """The last row."""
        return self.rows[-1]

    def frame(self) -> pd.DataFrame:
        """Return the rows as a table, one column for each field of `Row` and each metric."""
        return pd.DataFrame([as_dict(row) for row in self.rows])


def as_dict(row: Row) -> dict[str, Any]:
    """Return the fields of a row, with each further metric as a field of its own."""
    fields = row._asdict()
    metrics = fields.pop("metrics")
    return {**fields, **metrics}


def lower_is_better(metric: str) -> bool:
    """Return whether a metric is better when lower: all are but those of accuracy.

    Example:
        >>> lower_is_better("eval_loss"), lower_is_better("top3_accuracy")
        (True, False)
    """
    return not metric.endswith("accuracy")


def best_row(rows: Iterable[Row], metric: str) -> int:
    """Return the place of the row whose metric is best; the first of equal ones."""
    sign = 1 if lower_is_better(metric) else -1
    values = [sign * row.value(metric) for row in rows]
    return min(range(len(values)), key=lambda i: math.inf if math.isnan(values[i]) else values[i])
