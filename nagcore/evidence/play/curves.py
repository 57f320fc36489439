"""The curves of recorded trainings, gathered from the records that keep them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nagcore.evidence.autoencoder_best import best_by_method
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.record import Record
from nagcore.evidence.store import load_if_recorded
from nagcore.root import find_root


@dataclass(frozen=True, eq=False)
class Curves:
    """What the seeds of one method measured on one task at its chosen step size.

    Args:
        method: its name in `nagcore.evidence.figures.style.STYLES`.
        lr: the step size.
        values: shape (seeds, places); what is not finite was lost.
        seconds: of training until each place, likewise; None where they were not recorded.
    """

    method: str
    lr: float
    values: np.ndarray
    seconds: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class RecordedTask:
    """One task of a record, with the curves of its methods.

    Args:
        name: of the task, one word.
        record: that the curves come from.
        places: where they were measured, shape (places,).
        unit: of the places, "step" or "epoch".
        quantity: what was measured, "held-out loss" and the like.
        curves: of each method, at the same places.
        target: the loss that a race was run to; None where there was no race.
    """

    name: str
    record: Record
    places: np.ndarray
    unit: str
    quantity: str
    curves: tuple[Curves, ...]
    target: float | None = None


def read_tasks(
    experiments: Mapping[str, Experiment], root: Path | None = None
) -> list[RecordedTask]:
    """Return the tasks of all records that keep curves, of a GPU's where there is one.

    Args:
        experiments: all there are, by name.
        root: the checkout; found from the current folder if left out.

    Raises:
        RecordError: a record cannot be read, or is one of another declaration.
    """
    base = find_root() if root is None else root
    found = []
    for name, read in _READERS.items():
        record = _best_record(experiments, name, base)
        if record is not None:
            found.extend(read(record))
    return found


def _best_record(experiments: Mapping[str, Experiment], name: str, root: Path) -> Record | None:
    for size, device in ((name, "cuda"), (name, "cpu"), (f"{name}-small", "cpu")):
        if size in experiments:
            record = load_if_recorded(experiments[size], device, root)
            if record is not None:
                return record
    return None


def _read_race(record: Record) -> list[RecordedTask]:
    constants = record.declaration.constants
    tasks = []
    for task in record.declaration.axes["task"]:
        rows = [row for row in record.rows if row["task"] == task]
        curves = (Curves(r["optimizer"], r["chosen_lr"], _floats(r["losses"])) for r in rows)
        quantity = "held-out error" if task == "autoencoder" else "held-out loss"
        target = float(constants["target"][task])
        tasks.append(
            RecordedTask(
                f"race-{task}", record, _floats(rows[0]["step"]), "step", quantity,
                tuple(curves), target,
            )
        )  # fmt: skip
    return tasks


def _read_modality(record: Record) -> list[RecordedTask]:
    curves = (
        Curves(r["optimizer"], r["lr"], _floats(r["validation_loss"]), _floats(r["seconds"]))
        for r in record.rows
    )
    name = record.declaration.name.removesuffix("-small")
    places = _floats(record.rows[0]["step"])
    return [RecordedTask(name, record, places, "step", "validation loss", tuple(curves))]


def _read_epochs(record: Record) -> list[RecordedTask]:
    lrs = record.declaration.constants["lr"]
    curves = (
        Curves(method, lrs[method], _by_seed(record, "test_loss", optimizer=method))
        for method in record.declaration.axes["optimizer"]
    )
    places = _floats(record.rows[0]["epoch"])
    name = record.declaration.name
    return [RecordedTask(name, record, places, "epoch", "test loss", tuple(curves))]


def _read_autoencoders(record: Record) -> list[RecordedTask]:
    tasks = []
    for data in record.declaration.axes["data"]:
        best = best_by_method(record, data)
        curves = (
            Curves(method, at.lr, _by_seed(record, "error", data=data, method=method, lr=at.lr))
            for method, at in best.items()
        )
        places = _floats(next(row["step"] for row in record.rows if row["data"] == data))
        tasks.append(
            RecordedTask(f"deep-{data}", record, places, "step", "training error", tuple(curves))
        )
    return tasks


def _by_seed(record: Record, column: str, **setting: Any) -> np.ndarray:
    rows = [r for r in record.rows if all(r[axis] == value for axis, value in setting.items())]
    return _floats([row[column] for row in sorted(rows, key=lambda row: row["seed"])])


def _floats(values: Any) -> np.ndarray:
    return np.array(values, dtype=float)


_READERS: Mapping[str, Callable[[Record], list[RecordedTask]]] = {
    "fair-race": _read_race,
    "images": _read_modality,
    "text": _read_modality,
    "speech": _read_modality,
    "cnn-1000": _read_epochs,
    "autoencoders": _read_autoencoders,
}
