"""What chapter 13 shows of images, text and speech: records, tables and samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.gpu_notes import note_on_gpu
from nagcore.evidence.modalities_comparison import say_order
from nagcore.evidence.modalities_verdicts import (
    label,
    mean_curve,
    ranking,
    say_protocol,
    say_ranking,
    say_reached,
    say_step_sizes,
    text_of,
)
from nagcore.evidence.record import Record
from nagcore.evidence.statistics import summarize
from nagcore.evidence.store import load_if_recorded
from nagcore.root import find_root

BITS = 1 / math.log(2)
"""bits in a nat"""


def with_larger(small: Record, *larger: Experiment) -> list[Record]:
    """Return the records that a page shows, the largest first; the small one is always there.

    Args:
        small: shown in any case.
        larger: experiments on a GPU, the smaller first; those without a record are left out.
    """
    root = find_root()
    found = [load_if_recorded(experiment, "cuda", root) for experiment in larger]
    return [*(record for record in reversed(found) if record is not None), small]


def say_others(records: Sequence[Record], *larger: Experiment) -> str:
    """Say the ranking in each record but the first, and which experiments have no record yet.

    A record in another order than the first says so.

    Args:
        records: those that `with_larger` returned.
        larger: what it was given.
    """
    parts = [
        f"In {record.declaration.name}: {say_ranking(record)} {say_order(records[0], record)}"
        for record in records[1:]
    ]
    names = {record.declaration.name for record in records}
    missing = [each for each in larger if each.declaration.name not in names]
    return " ".join([*parts, *(note_on_gpu(each, say_ranking) for each in missing)])


def tabulate_modality(records: Sequence[Record], *, per_byte: bool = False) -> pd.DataFrame:
    """Return one line for each experiment and optimizer: mean ± standard deviation over the seeds.

    Args:
        records: by the protocol of chapter 13.
        per_byte: whether the loss is that of a byte, and is to be shown in bits too.
    """
    lines = {}
    for record in records:
        rows = {row["optimizer"]: row for row in record.rows}
        for optimizer, loss in ranking(record):
            row, bits = rows[optimizer], {}
            if per_byte:
                bits = {"bits/byte": text_of(loss, BITS)}
            lines[record.declaration.name, label(optimizer)] = {
                "lr": f"{row['lr']:g}",
                "test loss, nats": text_of(loss),
                **bits,
                "test accuracy, %": text_of(summarize(row["test_accuracy"]), 100, 1),
                "ms a step": text_of(summarize(row["step_seconds"]), 1000, 1),
                "n": str(loss.n),
                "diverged": str(row["status"].count("diverged")),
            }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(lines), names=["experiment", "optimizer"])
    return table


def tabulate_places(records: Mapping[str, Record]) -> pd.DataFrame:
    """Return the place of each optimizer by mean test loss, one column for each kind of data.

    Args:
        records: by the kind of data; a column is named after the experiment, and after the kind
            too where that is not the beginning of its name.
    """
    places = {
        _head(kind, record.declaration.name): {
            label(name): str(place) for place, (name, _) in enumerate(ranking(record), 1)
        }
        for kind, record in records.items()
    }
    table = pd.DataFrame(places).fillna("–")
    table.index.name = "optimizer"
    return table


def _head(kind: str, experiment: str) -> str:
    return experiment if experiment.startswith(kind) else f"{kind} ({experiment})"


def summarize_modality(record: Record, kind: str) -> dict[str, str]:
    """Return what prose takes from a record, by name.

    With K for the kind: `K_name` of the experiment, `K_ranking`, `K_reached`, `K_step_sizes` and
    `K_protocol` are sentences; `K_best` and `K_worst` name the optimizers with the lowest and the
    highest test loss.

    Args:
        record: by the protocol of chapter 13.
        kind: such as "text".
    """
    ranked = ranking(record)
    return {
        f"{kind}_name": record.declaration.name,
        f"{kind}_ranking": say_ranking(record),
        f"{kind}_reached": say_reached(record),
        f"{kind}_step_sizes": say_step_sizes(record),
        f"{kind}_protocol": say_protocol(record),
        f"{kind}_best": label(ranked[0][0]),
        f"{kind}_worst": label(ranked[-1][0]),
    }


def summarize_start(record: Record, kind: str) -> dict[str, str]:
    """Return where each optimizer is after a third of its steps, as prose shows it.

    With K for the kind: `K_third` is the last report by then, in steps, `K_steps` the length of
    the training, and `K_third_O` the mean validation loss of optimizer O at that report.

    Args:
        record: by the protocol of chapter 13.
        kind: such as "speech".
    """
    steps = record.rows[0]["step"]
    third = max(at for at, step in enumerate(steps) if step <= steps[-1] / 3)
    return {f"{kind}_third": str(steps[third]), f"{kind}_steps": str(steps[-1])} | {
        f"{kind}_third_{row['optimizer']}": f"{mean_curve(row)[third]:.2f}" for row in record.rows
    }


def samples(record: Record) -> pd.DataFrame:
    """Return what the networks of the first seed write, one line per optimizer."""
    written = {label(row["optimizer"]): row["sample"] for row in record.rows if row["sample"]}
    table = pd.DataFrame({"sample": written})
    table.index.name = "optimizer"
    return table
