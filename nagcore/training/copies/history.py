"""What copies trained at once leave behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from torch import Tensor


@dataclass(frozen=True, eq=False)
class CopiesHistory:
    """The course of every copy: row i of an array belongs to copy i, column t to `steps[t]`.

    Example:
        >>> history = CopiesHistory(np.array([10]), np.array([[0.5], [np.nan]]),
        ...     np.full((2, 1), np.nan), {}, ["budget", "diverged"], np.array([0.1]), [None, None])
        >>> history.status[1]
        'diverged'
    """

    steps: np.ndarray
    """(T,) steps taken at each row"""
    train_loss: np.ndarray
    """(N, T) mean over the steps since the last row, each batch at the point of its gradient; NaN
    from the row in which a copy diverged"""
    eval_loss: np.ndarray
    """(N, T) mean over the evaluation data at the iterate; NaN where there are none"""
    metrics: Mapping[str, np.ndarray] = field(default_factory=dict)
    """(N, T) each, what else was measured on the evaluation data, by name"""
    status: list[str] = field(default_factory=list)
    """of each copy: budget, target, or diverged where a loss was not finite"""
    seconds: np.ndarray = field(default_factory=lambda: np.empty(0))
    """(T,) since the first step, evaluation included; what is compiled comes before"""
    reached: list[int | None] = field(default_factory=list)
    """the step of the first row at which each copy was at its target, None where it never was"""

    parameters: Mapping[str, Tensor] = field(default_factory=dict)
    """(N, …) each, the last iterates, on the device, by the names of the model's parameters"""

    def frame(self) -> pd.DataFrame:
        """Return a row for each copy and step: copy, step, seconds and all that was measured."""
        copies, rows = self.train_loss.shape
        columns = {"train_loss": self.train_loss, "eval_loss": self.eval_loss, **self.metrics}
        return pd.DataFrame(
            {
                "copy": np.repeat(np.arange(copies), rows),
                "step": np.tile(self.steps, copies),
                "seconds": np.tile(self.seconds, copies),
                **{name: values.ravel() for name, values in columns.items()},
            }
        )

    def values(self, name: str) -> np.ndarray:
        """Return the (N, T) values of "train_loss", "eval_loss" or a metric."""
        if name in ("train_loss", "eval_loss"):
            return getattr(self, name)
        return self.metrics[name]
