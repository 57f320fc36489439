"""What the page says of a GPU: its record in a sentence, or that there is none yet."""

from __future__ import annotations

from collections.abc import Callable

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.optimizer_speed_table import summarize_optimizer_speed
from nagcore.evidence.overflow_table import summarize_overflow
from nagcore.evidence.record import Record
from nagcore.evidence.store import load_if_recorded
from nagcore.root import find_root


def overflow_on_gpu(experiment: Experiment) -> str:
    """Say what torch's fused SGD does on a GPU after an overflow on the first step.

    Args:
        experiment: "overflow-on-first-step".
    """
    return note_on_gpu(experiment, _overflow)


def speed_on_gpu(experiment: Experiment) -> str:
    """Say how a step on a GPU compares where it compares worst.

    Args:
        experiment: "optimizer-speed-cuda".
    """
    return note_on_gpu(experiment, _speed)


def _overflow(record: Record) -> str:
    found = summarize_overflow(record)
    return (
        f"On a GPU the loss of the fused SGD is no longer finite at the end of "
        f"{found['overflow_ruined']} of {found['overflow_runs']} runs, and its state holds the "
        f"number in {found['overflow_held']}."
    )


def _speed(record: Record) -> str:
    found = summarize_optimizer_speed(record)
    names = {"nesterov": "NAG", "nadam": "NAdam", "adan": "Adan"}
    parts = [
        f"{found[f'{method}_least']} for {names[method]} ({found[f'{method}_least_where']})"
        for method in record.declaration.axes["method"]
    ]
    return (
        "On a GPU the fastest other implementation takes at least so many times as long: "
        f"{', '.join(parts)}."
    )


def note_on_gpu(experiment: Experiment, say: Callable[[Record], str]) -> str:
    """Say what the record on a GPU holds, by `say`, or that there is none and how to make it."""
    record = load_if_recorded(experiment, "cuda", find_root())
    if record is None:
        name = experiment.declaration.name
        return f"The experiment {name} has not been measured on a GPU yet; “make gpu” does it."
    return f"{say(record)} {record.note()}"
