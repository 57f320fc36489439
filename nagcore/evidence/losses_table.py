"""The table of the losses: accuracy, and whether the probabilities can be believed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record
from nagcore.evidence.report import percent
from nagcore.evidence.statistics import Summary, summarize


def by_loss(record: Record, column: str) -> dict[str, np.ndarray]:
    """Return a column of numbers by loss, (seeds,) each.

    Args:
        record: of "losses-on-cnn".
        column: which one.
    """
    return {
        loss: np.array([row[column] for row in record.rows if row["loss"] == loss], dtype=float)
        for loss in record.declaration.axes["loss"]
    }


def tabulate_losses(record: Record) -> pd.DataFrame:
    """Return one line for each loss: what its networks know, and how well they know it.

    Args:
        record: of "losses-on-cnn".
    """
    lines = {
        loss: {
            "accuracy": percent(_summary(record, loss, "accuracy")),
            "mean confidence": _percent(_summary(record, loss, "confidence")),
            "calibration error": _percent(_summary(record, loss, "calibration_error")),
            "Brier score": _plain(_summary(record, loss, "brier_score")),
            "best lr": _steps(record, loss),
        }
        for loss in record.declaration.axes["loss"]
    }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "loss"
    return table


def summarize_losses(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    For each loss L, `loss_accuracy_L`, `loss_confidence_L`, `loss_calibration_L`, `loss_brier_L`,
    `loss_range_L` (largest less smallest score of an image) and `loss_lr_L`. `loss_number` is the
    accuracy of the mean score, read as the number of a class, for integer labels.

    Args:
        record: of "losses-on-cnn".
    """
    constants = record.declaration.constants
    numbers = {
        f"loss_{name}": f"{constants[name]:g}"
        for name in ("epochs", "batch_size", "width", "held_out")
    }
    for loss in record.declaration.axes["loss"]:
        numbers[f"loss_accuracy_{loss}"] = percent(_summary(record, loss, "accuracy"))
        numbers[f"loss_confidence_{loss}"] = _percent(_summary(record, loss, "confidence"))
        numbers[f"loss_calibration_{loss}"] = _percent(_summary(record, loss, "calibration_error"))
        numbers[f"loss_brier_{loss}"] = _plain(_summary(record, loss, "brier_score"))
        numbers[f"loss_range_{loss}"] = f"{_summary(record, loss, 'score_range').mean:.2g}"
        numbers[f"loss_lr_{loss}"] = _steps(record, loss)
        if loss == "mse-integer-labels":
            numbers["loss_number"] = percent(_summary(record, loss, "accuracy_of_number"))
    return numbers


def _summary(record: Record, loss: str, column: str) -> Summary:
    return summarize(by_loss(record, column)[loss])


def _percent(summary: Summary) -> str:
    return "–" if np.isnan(summary.mean) else percent(summary)


def _plain(summary: Summary) -> str:
    return "–" if np.isnan(summary.mean) else summary.text(digits=3)


def _steps(record: Record, loss: str) -> str:
    return ", ".join(f"{lr:g}" for lr in sorted(set(by_loss(record, "best_lr")[loss].tolist())))
