"""Numbers that the book's prose takes from records."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record
from nagcore.evidence.signed import with_sign
from nagcore.evidence.statistics import Summary, confidence_interval, summarize

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
    epoch = min(5, record.declaration.constants["epochs"])
    glue("early_epoch", epoch, display=False)
    for name, rows in frame.groupby("optimizer", sort=False):
        glue(f"acc_{name}", percent(summarize(rows["accuracy"])), display=False)
        early = [losses[min(epoch, len(losses) - 1)] for losses in rows["train_loss"]]
        glue(f"early_loss_{name}", f"{summarize(early).mean:.2f}", display=False)
    for row in baselines.rows:
        glue(f"acc_{row['classifier']}", f"{100 * row['accuracy']:.1f} %", display=False)
    for other in ("heavy-ball", "sgd", "adam"):
        ahead = summarize(differences(frame, "nag", other))
        glue(f"nag_minus_{other}", points(ahead), display=False)
    nag = frame.loc[frame["optimizer"] == "nag"]
    for part in ("train", "test"):
        last = summarize(losses[-1] for losses in nag[f"{part}_loss"])
        glue(f"nag_{part}_loss", f"{last.mean:.2g}", display=False)


def summarize_full(full: Record, small: Record) -> dict[str, str]:
    """Return what prose says of the full set, beside the 1,000 images.

    Args:
        full: of "cnn-60000".
        small: of "cnn-1000".
    """
    frame, few = full.frame(), small.frame()
    numbers = {
        f"full_{name}": percent(summarize(rows["accuracy"]))
        for name, rows in frame.groupby("optimizer", sort=False)
    }
    for other in ("sgd", "adam"):
        ahead = summarize(differences(frame, "nag", other))
        numbers[f"full_nag_minus_{other}"] = points(ahead)
    means = [each.query("optimizer == 'nag'")["accuracy"].mean() for each in (frame, few)]
    numbers["full_gain_nag"] = f"{100 * (means[0] - means[1]):.1f} percentage points"
    return numbers


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
    """Return a mean difference of accuracies in percentage points with its 95 % interval.

    Example:
        >>> points(Summary(mean=-0.004, spread=0.01, n=5))
        '−0.4 percentage points (95 % interval −1.6 to +0.8, n = 5)'
        >>> points(Summary(mean=0.004, spread=float("nan"), n=1))
        '+0.4 percentage points (n = 1, spread unknown)'
    """
    ends = confidence_interval(summary)
    mean, low, high = with_sign(*(100 * value for value in (summary.mean, *ends)), digits=1)
    if summary.n == 1:
        return f"{mean} percentage points (n = 1, spread unknown)"
    return f"{mean} percentage points (95 % interval {low} to {high}, n = {summary.n})"


def differences(frame: pd.DataFrame, first: str, second: str) -> np.ndarray:
    """Return the differences in accuracy between two optimizers' runs of the same seed."""
    table = frame.pivot_table(index="seed", columns="optimizer", values="accuracy")
    return np.asarray(table[first] - table[second], dtype=float)
