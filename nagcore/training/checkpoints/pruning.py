"""Remove the checkpoints that nobody needs any more."""

from __future__ import annotations

import math
from pathlib import Path

from nagcore.files import remove_folder
from nagcore.training.checkpoints.error import FlawError
from nagcore.training.checkpoints.folder import is_ours, list_checkpoints, place
from nagcore.training.checkpoints.manifest import read_manifest
from nagcore.training.history import lower_is_better


def prune(written: Path, *, keep_last: int, keep_best: str | None = None) -> list[Path]:
    """Remove checkpoints beside the one just written, which must be whole.

    The last ones are kept, and the one whose metric is best. A folder holds one course of a run:
    where a run was taken up again from an earlier checkpoint, those of later steps belong to a
    course that was left, and go; so does an older one of the same step.

    Args:
        written: the checkpoint just written.
        keep_last: how many of the latest to keep, this one included.
        keep_best: name of the metric, None to keep none for its sake.

    Returns:
        What was removed.
    """
    step, again = place(written)
    found = [path for path in list_checkpoints(written.parent) if is_ours(path)]
    course = [p for p in found if place(p)[0] < step or place(p) == (step, again)]
    kept = set(course[-keep_last:])
    if keep_best is not None:
        kept.add(_best(course, keep_best) or written)
    removed = [path for path in found if path not in kept]
    for path in removed:
        remove_folder(path)
    return removed


def best(folder: Path | str, metric: str) -> Path | None:
    """Return the checkpoint whose metric is best, the first of equal ones.

    Args:
        folder: of the run.
        metric: such as eval_loss; one that ends in "accuracy" is better when higher.

    Returns:
        Where it lies; None where no checkpoint was made at a report that has this metric.
    """
    return _best(list_checkpoints(folder), metric)


def _best(checkpoints: list[Path], metric: str) -> Path | None:
    sign = 1 if lower_is_better(metric) else -1
    values = {path: sign * _metric(path, metric) for path in checkpoints}
    measured = [path for path in checkpoints if not math.isnan(values[path])]
    return min(measured, key=values.__getitem__, default=None)


def _metric(path: Path, metric: str) -> float:
    try:
        value = read_manifest(path).about.get("metrics", {}).get(metric)
    except (FlawError, AttributeError):
        return math.nan
    return float(value) if isinstance(value, int | float) else math.nan
