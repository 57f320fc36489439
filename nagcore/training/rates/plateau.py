"""Lower the rate when a metric stops improving."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nagcore.errors import UsageError
from nagcore.training.checks import require_count
from nagcore.training.history import lower_is_better
from nagcore.training.rates.instructions import Lower
from nagcore.training.rates.schedule import require_factor


@dataclass
class PlateauRule:
    """After each `patience` reports in a row without a new best of `metric`, times `factor`.

    The metrics are judged as by `nagcore.training.stopping.Patience`: one whose name ends with
    "accuracy" is better when higher, every other when lower; a value that is not a number is no
    new best. It is `torch.optim.lr_scheduler.ReduceLROnPlateau` with `threshold=0` and a patience
    of one less.

    Args:
        metric: name of a metric of the history.
        factor: above 0 and below 1.
        patience: reports, 1 or more.
        best: the best value so far, signed so that lower is better.
        bad: reports since then, or since the rate was lowered.
    """

    metric: str
    factor: float
    patience: int
    best: float = math.inf
    bad: int = 0

    def __post_init__(self) -> None:
        require_lowering(self.factor, "lower_on_plateau: factor")
        require_count(self.patience, "lower_on_plateau: patience")

    def judge(self, value: float) -> Lower | None:
        """Take the next value of the metric; return what to do, None for nothing."""
        signed = value if lower_is_better(self.metric) else -value
        if signed < self.best:
            self.best, self.bad = signed, 0
            return None
        self.bad += 1
        if self.bad < self.patience:
            return None
        self.bad = 0
        best = self.best if lower_is_better(self.metric) else -self.best
        why = f"{self.metric} did not improve on {best:.4g} in {self.patience} reports"
        return Lower(self.factor, why)


def require_lowering(value: object, name: str) -> float:
    """Return `value` if it is a factor above 0 and below 1, else raise UsageError."""
    factor = require_factor(value, name, at_most=1.0)
    if factor in (0.0, 1.0):
        raise UsageError(f"{name}={value!r} cannot be used; expected a number between 0 and 1")
    return factor
