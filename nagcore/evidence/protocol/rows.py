"""Rows of a record, whether they come as dictionaries or as a frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from nagcore.errors import UsageError
from nagcore.names import closest_first

Row = Mapping[str, Any]
Rows = pd.DataFrame | Iterable[Row]

# What a row may say of its run in a column `status` that makes its score count as the worst.
LOST = ("failed", "diverged")


def as_rows(rows: Rows) -> list[dict[str, Any]]:
    """Return rows as dictionaries.

    Args:
        rows: a frame, or dictionaries as `Record.rows` holds them.

    Raises:
        UsageError: there are none.

    Example:
        >>> as_rows(pd.DataFrame({"lr": [0.1], "loss": [2.0]}))
        [{'lr': 0.1, 'loss': 2.0}]
    """
    if isinstance(rows, pd.DataFrame):
        found = [
            {str(name): value for name, value in row.items()} for row in rows.to_dict("records")
        ]
    else:
        found = [dict(row) for row in rows]
    if not found:
        raise UsageError("rows are empty, expected one measurement or more")
    return found


def require_columns(rows: Sequence[Row], names: Iterable[str]) -> None:
    """Raise UsageError unless each name is a column of one row or more."""
    known = dict.fromkeys(name for row in rows for name in row)
    for name in names:
        if name not in known:
            raise UsageError(
                f"the rows have no column {name!r}; their columns: {closest_first(name, known)}"
            )


def score_of(row: Row, score: str, *, higher_is_better: bool) -> float:
    """Return the score of a row, the worst there is where the run was lost.

    A run is lost if its score is missing or not finite, or if its `status` is "failed" or
    "diverged": a run that diverged is a result, and not left out of an average.

    Args:
        row: one measurement.
        score: the column that judges it.
        higher_is_better: whether it is an accuracy or the like, not a loss or a time.

    Returns:
        The score; −∞ for a lost run where higher is better, else ∞.

    Example:
        >>> score_of({"loss": 0.5}, "loss", higher_is_better=False)
        0.5
        >>> score_of({"loss": 0.5, "status": "diverged"}, "loss", higher_is_better=False)
        inf
    """
    value = row.get(score)
    if value is None or row.get("status") in LOST or not math.isfinite(value):
        return worst(higher_is_better=higher_is_better)
    return float(value)


def worst(*, higher_is_better: bool) -> float:
    """Return the score of a lost run: −∞ where higher is better, else ∞."""
    return -math.inf if higher_is_better else math.inf
