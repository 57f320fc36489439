"""Tables and numbers of the optimizers' paths, of schedules on the CNN and of batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nagcore.evidence.figures.optimizers import in_powers
from nagcore.evidence.figures.style import STYLES
from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug
from nagcore.evidence.signed import with_sign
from nagcore.evidence.statistics import Summary, confidence_interval, summarize

_AT_PASSES = (2, 10, 40, 120)
_DIGITS = 3  # of losses and their differences, after the point


def tabulate_paths(record: Record) -> pd.DataFrame:
    """Return one line for each optimizer: step size, last gap and gradients in each valley.

    Args:
        record: of "optimizer-paths".
    """
    lines: dict[str, dict[tuple[str, str], str]] = {}
    for row in record.rows:
        line = lines.setdefault(STYLES[row["optimizer"]].label, {})
        line[row["valley"], "step size"] = f"{row['chosen']:g}"
        line[row["valley"], "gap"] = in_powers(row["gap"])
        line[row["valley"], "gradients"] = str(row["gradients"])
    return _table(lines, "optimizer")


def summarize_paths(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `path_V_O` is the gap of optimizer O in valley V, `path_V_O_gradients` its gradients, where
    spaces in V are hyphens. `path_V_least` and `path_V_most` are the least and the greatest gap
    in V of those that are not L-BFGS, `path_edge` counts the choices at an end of the grid.

    Args:
        record: of "optimizer-paths".
    """
    numbers = {"path_steps": str(record.declaration.constants["steps"])}
    grid = record.declaration.constants["lr"]
    for valley in record.declaration.axes["valley"]:
        rows = [row for row in record.rows if row["valley"] == valley]
        for row in rows:
            key = f"path_{slug(valley)}_{row['optimizer']}"
            numbers[key] = in_powers(row["gap"])
            numbers[f"{key}_gradients"] = str(row["gradients"])
        others = [row["gap"] for row in rows if row["optimizer"] != "lbfgs"]
        numbers[f"path_{slug(valley)}_least"] = in_powers(min(others, default=np.nan))
        numbers[f"path_{slug(valley)}_most"] = in_powers(max(others, default=np.nan))
    numbers["path_edge"] = str(sum(row["chosen"] in (grid[0], grid[-1]) for row in record.rows))
    return numbers


def tabulate_schedules(record: Record) -> pd.DataFrame:
    """Return one line for each schedule: both losses at the end and NAG's less torch's.

    The differences are those of runs of one seed, with the 95 % interval of their mean; the last
    columns have the epoch at which the mean difference is the largest, and how large it is there.

    Args:
        record: of "schedules-on-cnn".
    """
    lines = {}
    for schedule in record.declaration.axes["schedule"]:
        torchs, ours = (_losses(record, schedule, name) for name in _pair(record))
        apart = ours - torchs
        worst = int(np.abs(apart.mean(axis=0)).argmax())
        lines[schedule] = {
            "loss, torch": f"{torchs[:, -1].mean():.3f}",
            "loss, NAG": f"{ours[:, -1].mean():.3f}",
            "NAG less torch": _interval(apart[:, -1]),
            "epoch of the largest difference": str(worst + 1),
            "difference there": _interval(apart[:, worst]),
        }
    return _table(lines, "schedule")


def summarize_schedules(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `schedule_S_end` is the mean difference of the losses at the end under schedule S, NAG's less
    torch's, with its interval, `schedule_S_most` the largest mean difference of an epoch, and
    `schedule_S_epoch` that epoch. `schedule_apart` counts the schedules whose interval at the end
    does not hold 0, of `schedule_count`.

    Args:
        record: of "schedules-on-cnn".
    """
    numbers, apart_at_end = {}, 0
    schedules = record.declaration.axes["schedule"]
    for schedule in schedules:
        torchs, ours = (_losses(record, schedule, name) for name in _pair(record))
        apart = ours - torchs
        worst = int(np.abs(apart.mean(axis=0)).argmax())
        low, high = confidence_interval(summarize(apart[:, -1]))
        apart_at_end += bool(low > 0 or high < 0)
        key = f"schedule_{slug(schedule)}"
        numbers[f"{key}_end"] = _interval(apart[:, -1])
        (numbers[f"{key}_most"],) = with_sign(float(apart[:, worst].mean()), digits=_DIGITS)
        numbers[f"{key}_epoch"] = str(worst + 1)
    return numbers | {
        "schedule_apart": str(apart_at_end),
        "schedule_count": str(len(schedules)),
    }


def tabulate_batches(record: Record, passes: Sequence[float] = _AT_PASSES) -> pd.DataFrame:
    """Return one line for each method: step size, restarts, and the gap after some passes.

    Means over the seeds; a run that stopped before keeps its last gap.

    Args:
        record: of "lbfgs-batches".
        passes: over the data.
    """
    most = record.declaration.constants["passes"]
    lines = {}
    for method in record.declaration.axes["method"]:
        rows = [row for row in record.rows if row["method"] == method]
        sizes = sorted({row["step_size"] for row in rows})
        is_nag = method.startswith("NAG")
        lines[method] = {
            "α L": " to ".join(f"{s:g}" for s in dict.fromkeys((sizes[0], sizes[-1])))
            if is_nag
            else "–",
            "restarts": f"{np.mean([row['restarts'] for row in rows]):.0f}"
            if "restart" in method
            else "–",
        } | {
            f"gap after {p:g}": in_powers(float(np.mean([gap_after(row, p) for row in rows])))
            for p in passes
            if p <= most
        }
    return _table(lines, "method")


def gap_after(row: Mapping[str, Any], passes: float) -> float:
    """Return the last gap of a row of "lbfgs-batches" that was reached within so many passes.

    Example:
        >>> gap_after({"passes_made": [0.0, 1.5, 3.0], "gap": [4.0, 2.0, 1.0]}, 2)
        2.0
    """
    # a run is charged for the pass that it began, and may end a little beyond the budget
    within = np.asarray(row["passes_made"]) <= passes + 0.5
    return float(np.asarray(row["gap"])[within][-1])


def summarize_batches(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `batches_M_P` is the mean gap of method M after P passes, where M is written as by `slug`;
    `batches_M_end` that in the end, `batches_M_stopped` the passes after which the first run of M
    ended and `batches_M_restarts` its mean number of restarts.

    Args:
        record: of "lbfgs-batches".
    """
    numbers = {}
    for method in record.declaration.axes["method"]:
        rows = [row for row in record.rows if row["method"] == method]
        key = f"batches_{slug(method)}"
        for passes in _AT_PASSES:
            gap = float(np.mean([gap_after(row, passes) for row in rows]))
            numbers[f"{key}_{passes}"] = in_powers(gap)
        numbers[f"{key}_end"] = in_powers(float(np.mean([row["gap"][-1] for row in rows])))
        numbers[f"{key}_stopped"] = f"{rows[0]['passes_made'][-1]:.0f}"
        numbers[f"{key}_restarts"] = f"{np.mean([row['restarts'] for row in rows]):.0f}"
    return numbers


def _pair(record: Record) -> Sequence[str]:
    return record.declaration.axes["optimizer"]


def _losses(record: Record, schedule: str, optimizer: str) -> np.ndarray:
    return np.array(
        [
            row["loss"]
            for row in record.rows
            if (row["schedule"], row["optimizer"]) == (schedule, optimizer)
        ]
    )


def _interval(differences: np.ndarray) -> str:
    summary: Summary = summarize(differences)
    if summary.n == 1:
        return f"{with_sign(summary.mean, digits=_DIGITS)[0]} (n = 1, spread unknown)"
    mean, low, high = with_sign(summary.mean, *confidence_interval(summary), digits=_DIGITS)
    return f"{mean} ({low} to {high})"


def _table(lines: dict, name: str) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = name
    if isinstance(next(iter(table.columns)), tuple):
        table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table
