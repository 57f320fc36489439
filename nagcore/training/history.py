"""What a training run leaves behind: one row for each epoch, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd


class Row(NamedTuple):
    """Where training stood at the end of an epoch; the row of epoch 0 is the start."""

    epoch: int
    """epochs begun; a stopping condition may cut the last one short, `step` is exact"""
    step: int
    """steps of the optimizer so far"""
    train_loss: float
    """mean over the samples of the epoch, each taken at the point where its gradient was; in
    row 0, mean over all training samples before the first step"""
    eval_loss: float
    """at the iterate, on the evaluation data; not a number where there are none"""
    eval_accuracy: float
    """share of the evaluation data classified rightly, 0 to 1; likewise"""
    seconds: float
    """spent on training so far, evaluation left out"""
    restarts: int = 0
    """how often the optimizer has forgotten its momentum so far; 0 for one that never does"""


METRICS = ("train_loss", "eval_loss", "eval_accuracy")


@dataclass(frozen=True)
class History:
    """The course of one run.

    Example:
        >>> history = History((Row(0, 0, 2.3, 2.3, 0.1, 0.0),), "budget", "1 epoch done")
        >>> history.final.eval_accuracy, list(history.frame().columns)[:2]
        (0.1, ['epoch', 'step'])
    """

    rows: tuple[Row, ...]
    status: str
    """why it ended, in one word: budget, target, patience, diverged, or several joined by `and`"""
    message: str
    """the same with its numbers"""

    @property
    def final(self) -> Row:
        """The last row."""
        return self.rows[-1]

    def frame(self) -> pd.DataFrame:
        """Return the rows as a table, one column for each field of `Row`."""
        return pd.DataFrame(list(self.rows), columns=list(Row._fields))
