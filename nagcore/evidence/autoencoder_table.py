"""The tables of chapter 11: each method with its best step size, beside what was published."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch import Tensor

from nagcore.evidence.autoencoder_best import SET_LABELS, best_by_method, best_by_scale, label
from nagcore.evidence.autoencoder_methods import (
    CEILINGS,
    compression_of,
    finish_of,
)
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.published_2013 import SCALES, STAND_IN, TABLE_1, TABLE_2
from nagcore.evidence.record import Record
from nagcore.evidence.statistics import summarize
from nagcore.evidence.store import load_if_recorded
from nagcore.root import find_root

NOTHING = "–"


def recorded(experiments: Mapping[str, Experiment]) -> dict[str, Record]:
    """Return the records that there are, under the names given.

    Args:
        experiments: by a name for readers, such as "small, CPU"; each is looked for on the first
            of the devices that it declares.
    """
    root = find_root()
    found = {
        name: load_if_recorded(experiment, experiment.declaration.devices[0], root)
        for name, experiment in experiments.items()
    }
    return {name: record for name, record in found.items() if record is not None}


def tabulate_table_1(records: Mapping[str, Record], data: str) -> pd.DataFrame:
    """Return the errors of all methods on one set of images: published, then by record.

    An error is followed by its best step size, with a star where that is the least or the
    greatest tried.

    Args:
        records: of "autoencoders" in several sizes, by name; those without this set are left out.
        data: the set.
    """
    theirs = STAND_IN[data]
    columns = {
        f"published, {SET_LABELS[theirs]}": {m: f"{e:g}" for m, e in TABLE_1[theirs].items()}
    }
    for name, record in records.items():
        if data in record.declaration.axes["data"]:
            best = best_by_method(record, data)
            columns[f"{name}: error"] = {m: show(b.after) for m, b in best.items()}
            columns[f"{name}: step size"] = {
                m: f"{b.lr:g}{'*' if b.at_edge else ''}" for m, b in best.items()
            }
    table = pd.DataFrame(columns).reindex(list(TABLE_1[theirs])).fillna(NOTHING)
    table.index = pd.Index([label(m) for m in table.index], name=f"{SET_LABELS[data]}, ceiling")
    return table


def tabulate_table_2(records: Mapping[str, Record], data: str) -> pd.DataFrame:
    """Return the errors before and after the finish, of Nesterov's method at each ceiling.

    Args:
        records: of "autoencoders" in several sizes, by name.
        data: the set.
    """
    theirs = STAND_IN[data]
    published = TABLE_2[theirs]
    lines = {
        f"published, {SET_LABELS[theirs]}, best": (
            f"{published.before:g}",
            f"{published.after:g}",
            f"{published.before / published.after:.2f}",
        )
    }
    for name, record in records.items():
        if data not in record.declaration.axes["data"]:
            continue
        best = best_by_method(record, data)
        for ceiling in CEILINGS:
            one = best[f"nag-{ceiling}"]
            quotient = f"{one.before.mean() / one.mean:.2f}"
            lines[f"{name}, {ceiling:g}"] = (show(one.before), show(one.after), quotient)
    table = pd.DataFrame.from_dict(lines, orient="index", columns=["before", "after", "quotient"])
    table.index.name = f"{SET_LABELS[data]}, ceiling"
    return table


def tabulate_scales(records: Mapping[str, Record]) -> pd.DataFrame:
    """Return the errors by the factor of the initial weights: published, then by record.

    Args:
        records: of "autoencoder-scales" in several sizes, by name.
    """
    columns = {"published": {scale: f"{error:g}" for scale, error in SCALES.items()}}
    for name, record in records.items():
        best = best_by_scale(record)
        columns[f"{name}: error"] = {scale: show(b.after) for scale, b in best.items()}
        columns[f"{name}: step size"] = {
            scale: f"{b.lr:g}{'*' if b.at_edge else ''}" for scale, b in best.items()
        }
    table = pd.DataFrame(columns)
    table.index.name = "factor"
    return table


def show(errors: np.ndarray) -> str:
    """Return mean and spread of errors in three digits.

    Example:
        >>> show(np.array([0.0731, 0.0750])), show(np.array([12.34])), show(np.array([math.nan]))
        ('0.0741 ± 0.0013', '12.3', 'diverged')
    """
    summary = summarize(errors)
    if not math.isfinite(summary.mean):
        return "diverged"
    spread = f" ± {summary.spread:.2g}" if summary.n > 1 else ""
    return f"{summary.mean:.3g}{spread}"


def describe(record: Record, data: str = "curves") -> dict[str, str]:
    """Return the numbers that captions take from a record, by name.

    `updates`, `finish`, `images`, `layers` and `batch` are those of the set; `compression`
    is how many published updates one of ours stands for in the schedule; `lrs` lists the step
    sizes, `runs` counts all runs and `diverged` those that diverged; `batch_seconds` adds up the
    seconds of all runs.

    Args:
        record: of "autoencoders" or "autoencoder-scales" in any size.
        data: the set.
    """
    declared = record.declaration
    of = {
        name: declared.constants[name][data] for name in ("steps", "images", "sizes", "batch_size")
    }
    return {
        "updates": f"{of['steps']:,}",
        "finish": f"{finish_of(of['steps']):,}",
        "images": f"{of['images']:,}",
        "layers": "-".join(map(str, of["sizes"])),
        "batch": str(of["batch_size"]),
        "compression": f"{compression_of(of['steps']):.0f}",
        "lrs": ", ".join(f"{lr:g}" for lr in declared.axes["lr"]),
        "runs": str(len(record.rows)),
        "diverged": str(sum(row["status"] == "diverged" for row in record.rows)),
        "batch_seconds": f"{sum(row['seconds'] for row in record.rows):.0f}",
        "note": record.note(),
    }


def summarize_published() -> dict[str, str]:
    """Return the published numbers that prose takes, by name."""
    numbers = {
        "published_best": f"{min(TABLE_1['curves'].values()):g}",
        "published_quarter": f"{SCALES[0.25]:g}",
    }
    for name, finish in TABLE_2.items():
        numbers[f"published_finish_{name}"] = f"{finish.before / finish.after:.1f}"
    return numbers


def mean_image_error(images: Tensor) -> str:
    """Return the squared error of a network that shows the mean image, whatever it is given.

    Args:
        images: (n, pixels).

    Example:
        >>> mean_image_error(Tensor([[0.0, 1.0], [1.0, 1.0]]))
        '0.25'
    """
    apart = images - images.mean(dim=0)
    return f"{float(apart.square().sum(dim=1).mean()):.3g}"
