"""Time to a target, and its median over studies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nagcore.errors import UsageError
from nagcore.evidence.protocol.rows import LOST, Row, Rows, as_rows, require_columns


def time_to_target(
    curve_x: ArrayLike, curve_y: ArrayLike, target: float, *, higher_is_better: bool
) -> float:
    """Return the first place of a curve where the target is reached.

    Between two evaluations nothing is known, so nothing is interpolated.

    Args:
        curve_x: steps or seconds of the evaluations, shape (n,), increasing.
        curve_y: the score at each, shape (n,); what is not a number has not reached the target.
        target: the score to reach; equality is enough.
        higher_is_better: whether the score is an accuracy or the like, not a loss.

    Returns:
        The step or second of the first evaluation that reaches the target, ∞ if none does.

    Raises:
        UsageError: the shapes differ, or `curve_x` does not increase.

    Example:
        >>> time_to_target([10, 20, 30], [0.8, 0.91, 0.9], 0.9, higher_is_better=True)
        20.0
        >>> time_to_target([10, 20, 30], [0.8, 0.91, 0.9], 0.95, higher_is_better=True)
        inf
    """
    x, y = np.asarray(curve_x, dtype=float), np.asarray(curve_y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise UsageError(f"the curve has shapes {x.shape} and {y.shape}, expected (n,) twice")
    if not np.all(np.diff(x) > 0):
        raise UsageError("curve_x does not increase; expected the evaluations in order of time")
    reached = y >= target if higher_is_better else y <= target
    return float(x[reached.argmax()]) if reached.any() else math.inf


def median_of_studies(studies: Iterable[Iterable[float]]) -> float:
    """Return the median over studies of the fastest trial of each.

    A study is a whole tuning of its own: what a user does who has that many trials. The median
    over several studies says what to expect, and infinity where half of them or more miss.

    Args:
        studies: for each study the times of its trials, ∞ where a trial missed the target.

    Raises:
        UsageError: there is no study, a study has no trial, or a time is nan or below 0.

    Source: [dahl2023].

    Example:
        >>> median_of_studies([[5.0, 3.0], [4.0, float("inf")], [9.0, 8.0]])
        4.0
        >>> median_of_studies([[5.0], [float("inf")], [float("inf")]])
        inf
    """
    fastest = [min(map(_checked, trials), default=math.nan) for trials in studies]
    if not fastest or any(map(math.isnan, fastest)):
        raise UsageError("there is no study or one without trials, expected one time or more each")
    return float(np.median(fastest))


def times_by_method(
    rows: Rows,
    *,
    time: str,
    task: str = "task",
    method: str = "method",
    over: Sequence[str] = ("seed",),
) -> pd.DataFrame:
    """Return the time of every method on every task, as `performance_profile` takes it.

    Args:
        rows: one line per run.
        time: the column of times to the target, ∞ or missing where the target was missed.
        task: the column of the tasks.
        method: the column of the methods.
        over: the columns that tell studies apart; several rows of one study are its trials.

    Returns:
        The median of studies, one line per task, one column per method; nan where a method has
        no run.

    Raises:
        UsageError: a column is missing, or a time is below 0.

    Example:
        >>> rows = [{"task": "cnn", "method": "nag", "seed": seed, "steps": 10.0 + seed}
        ...         for seed in range(3)]
        >>> float(times_by_method(rows, time="steps").loc["cnn", "nag"])
        11.0
    """
    lines = as_rows(rows)
    require_columns(lines, (time, task, method, *over))
    cells: dict[tuple, dict[tuple, list[float]]] = {}
    for row in lines:
        study = tuple(row[name] for name in over)
        studies = cells.setdefault((row[task], row[method]), {})
        studies.setdefault(study, []).append(_time_of(row, time))
    frame = pd.DataFrame(
        index=pd.Index(dict.fromkeys(key[0] for key in cells), name=task),
        columns=pd.Index(dict.fromkeys(key[1] for key in cells), name=method),
        dtype=float,
    )
    for (row_of, column), studies in cells.items():
        frame.loc[row_of, column] = median_of_studies(studies.values())
    return frame


def _time_of(row: Row, time: str) -> float:
    """Return the time of a run, infinite where it is missing or the run was lost."""
    value = row.get(time)
    if value is None or row.get("status") in LOST or math.isnan(value):
        return math.inf
    return float(value)


def _checked(time: float) -> float:
    if not time >= 0:
        raise UsageError(f"a time is {time!r}, expected 0 or more, or inf for a missed target")
    return float(time)
