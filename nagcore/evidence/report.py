"""Numbers that the book's prose takes from records."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.record import Record
from nagcore.evidence.statistics import Summary, summarize
from nagcore.evidence.store import load_if_recorded
from nagcore.root import find_root

Glue = Callable[..., None]
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def glue_accuracies(glue: Glue, record: Record, baselines: Record) -> None:
    """Hand the numbers of "cnn-1000" and "baselines-1000" to the text.

    Args:
        glue: `myst_nb.glue`, or anything called with a name, a value and `display`.
        record: of "cnn-1000".
        baselines: of "baselines-1000".
    """
    frame = record.frame()
    for name, rows in frame.groupby("optimizer", sort=False):
        glue(f"acc_{name}", percent(summarize(rows["accuracy"])), display=False)
        fifth = [losses[min(5, len(losses) - 1)] for losses in rows["train_loss"]]
        glue(f"loss5_{name}", f"{summarize(fifth).mean:.2f}", display=False)
    for _, row in baselines.frame().iterrows():
        glue(f"acc_{row['classifier']}", f"{row['accuracy']:.1%}", display=False)
    for other in ("heavy-ball", "sgd"):
        ahead = differences(frame, "nag", other)
        glue(f"nag_minus_{other}", points(summarize(ahead)), display=False)
        wins = f"{int((ahead > 0).sum())} of {len(ahead)}"
        glue(f"nag_wins_{other}", wins, display=False)
    nag = frame.loc[frame["optimizer"] == "nag"]
    error = np.sqrt(nag["accuracy"].mean() * (1 - nag["accuracy"].mean()) / 1000)
    glue("test_error_of_accuracy", f"{error:.1%}", display=False)
    for part in ("train", "test"):
        last = summarize(losses[-1] for losses in nag[f"{part}_loss"])
        glue(f"nag_{part}_loss", f"{last.mean:.2g}", display=False)
    batches = -(-1000 // record.declaration.constants["batch_size"])
    glue("steps_ratio", batches, display=False)


def scientific(value: float) -> str:
    """Return a number as prose shows it: a digit, one decimal and a power of ten.

    Example:
        >>> scientific(0.00823)
        '8.2 × 10⁻³'
    """
    digits, power = f"{value:.1e}".split("e")
    return f"{digits} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"


def percent(summary: Summary) -> str:
    """Return an accuracy as prose shows it."""
    return summary.text("%", scale=100)


def points(summary: Summary) -> str:
    """Return a difference of accuracies, signed, in percentage points.

    Example:
        >>> points(Summary(mean=-0.004, spread=0.01, n=5))
        '−0.4 ± 1.0 percentage points (n = 5)'
    """
    text = summary.text("percentage points", scale=100)
    return text.replace("-", "−", 1) if summary.mean < 0 else f"+{text}"


def differences(frame: pd.DataFrame, first: str, second: str) -> np.ndarray:
    """Return the differences in accuracy between two optimizers' runs of the same seed."""
    table = frame.pivot_table(index="seed", columns="optimizer", values="accuracy")
    # to the last image of a thousand: 0.846 − 0.846 must not count as ahead by rounding
    return np.asarray(table[first] - table[second], dtype=float).round(12)


def gpu_note(experiment: Experiment) -> str:
    """Say what the record on a GPU holds, or that there is none and how to make it."""
    name = experiment.declaration.name
    record = load_if_recorded(experiment, "cuda", find_root())
    if record is None:
        return f"The experiment {name} has not been measured on a GPU yet; “make gpu” does it."
    accuracies = record.frame().query("optimizer == 'nag'")["accuracy"]
    return f"On a GPU, Nesterov's method reaches {percent(summarize(accuracies))}. {record.note()}"
