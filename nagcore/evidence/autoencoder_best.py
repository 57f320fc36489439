"""The best step size of each method, or of each scale, in the records of chapter 11."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from nagcore.evidence.autoencoder_methods import find_contestant
from nagcore.evidence.record import Record

LABELS = {"sgd": "SGD", "nag": "Nesterov", "heavy-ball": "heavy ball"}
SET_LABELS = {
    "curves": "Curves",
    "fashion-mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "faces": "Faces",
}


class Best(NamedTuple):
    """One method, or one scale, with the step size that served it best."""

    lr: float
    before: np.ndarray
    """(seeds,) squared error before the finish"""
    after: np.ndarray
    """(seeds,) squared error at the end; nan where no step size was free of divergence"""
    at_edge: bool
    """whether the step size is the least or the greatest of those tried"""

    @property
    def mean(self) -> float:
        """Mean over seeds of the error at the end."""
        return float(self.after.mean())


def best_of(rows: Iterable[Mapping[str, Any]], lrs: Iterable[float]) -> Best:
    """Return the step size with the least mean error at the end, none of its seeds diverged.

    Args:
        rows: of one method, all step sizes and seeds.
        lrs: the step sizes tried.

    Example:
        >>> rows = [{"lr": lr, "seed": 0, "error_before": 2.0, "error_after": after}
        ...     for lr, after in ((0.1, float("nan")), (0.05, 0.8), (0.01, 1.0))]
        >>> best_of(rows, (0.1, 0.05, 0.01))
        Best(lr=0.05, before=array([2.]), after=array([0.8]), at_edge=False)
    """
    rows, lrs = list(rows), sorted(lrs)

    def values(lr: float, column: str) -> np.ndarray:
        mine = sorted((row for row in rows if row["lr"] == lr), key=lambda row: row["seed"])
        return np.array([row[column] for row in mine], dtype=float)

    errors = {lr: values(lr, "error_after") for lr in lrs}
    whole = max(map(len, errors.values()))  # a setting that failed has no row
    means = {lr: e.mean() if len(e) == whole > 0 else math.nan for lr, e in errors.items()}
    lr = min(lrs, key=lambda lr: means[lr] if math.isfinite(means[lr]) else math.inf)
    edge = lr in (lrs[0], lrs[-1])
    if not math.isfinite(means[lr]):
        return Best(lr, np.array([math.nan]), np.array([math.nan]), edge)
    return Best(lr, values(lr, "error_before"), errors[lr], edge)


def best_by_method(record: Record, data: str) -> dict[str, Best]:
    """Return the best of each method on one set of images, in the order of the published table.

    Args:
        record: of "autoencoders" in any size.
        data: a value of its axis `data`.
    """
    axes = record.declaration.axes
    return {
        method: best_of(
            (r for r in record.rows if r["data"] == data and r["method"] == method), axes["lr"]
        )
        for method in axes["method"]
    }


def best_by_scale(record: Record) -> dict[float, Best]:
    """Return the best at each scale of the initial weights.

    Args:
        record: of "autoencoder-scales" in any size.
    """
    axes = record.declaration.axes
    return {
        scale: best_of((r for r in record.rows if r["scale"] == scale), axes["lr"])
        for scale in axes["scale"]
    }


def errors_at(record: Record, data: str, method: str, lr: float) -> np.ndarray:
    """Return the errors at the end of one method with one step size, (seeds,).

    Args:
        record: of "autoencoders" in any size.
        data: the set.
        method: a value of the axis `method`.
        lr: a step size that was tried.
    """
    chosen = [r for r in record.rows if (r["data"], r["method"], r["lr"]) == (data, method, lr)]
    ordered = sorted(chosen, key=lambda row: row["seed"])
    return np.array([row["error_after"] for row in ordered], dtype=float)


def label(method: str) -> str:
    """Return a method's name for readers.

    Example:
        >>> label("nag-0.99"), label("sgd")
        ('Nesterov, 0.99', 'SGD')
    """
    contestant = find_contestant(method)
    name = LABELS[contestant.method]
    return f"{name}, {contestant.ceiling:g}" if contestant.ceiling else name
