"""When to stop: conditions, joined with | (whichever comes first) and & (all of them)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_one_of, require_positive
from nagcore.training.history import METRICS, Row


class Progress(NamedTuple):
    """What a condition may look at, after any step."""

    rows: Sequence[Row]
    """one for each epoch ended, the start included"""
    step: int
    seconds: float
    """spent on training, evaluation left out"""


class Verdict(NamedTuple):
    """Why training stops."""

    status: str
    message: str


class Condition(ABC):
    """A reason to stop. Write `Epochs(50) | Patience("eval_loss", 5)`."""

    @abstractmethod
    def verdict(self, progress: Progress) -> Verdict | None:
        """Return why to stop now, or None to go on."""

    def __or__(self, other: Condition) -> Condition:
        return Either(self, require_condition(other))

    def __and__(self, other: Condition) -> Condition:
        return Both(self, require_condition(other))


@dataclass(frozen=True)
class Epochs(Condition):
    """Stop after `count` passes over the training data (status "budget")."""

    count: int

    def __post_init__(self) -> None:
        require_count(self.count, "Epochs: count")

    def verdict(self, progress: Progress) -> Verdict | None:
        if progress.rows[-1].epoch < self.count:
            return None
        return Verdict("budget", f"{self.count} epochs done")


@dataclass(frozen=True)
class Steps(Condition):
    """Stop after `count` steps of the optimizer, within an epoch too (status "budget")."""

    count: int

    def __post_init__(self) -> None:
        require_count(self.count, "Steps: count")

    def verdict(self, progress: Progress) -> Verdict | None:
        if progress.step < self.count:
            return None
        return Verdict("budget", f"{self.count} steps done")


@dataclass(frozen=True)
class WallTime(Condition):
    """Stop at the first step that ends after `seconds` of training (status "budget")."""

    seconds: float

    def __post_init__(self) -> None:
        require_positive(self.seconds, "WallTime: seconds")
        if math.isinf(self.seconds):
            raise UsageError("WallTime: seconds=inf never ends; expected a finite number")

    def verdict(self, progress: Progress) -> Verdict | None:
        if progress.seconds < self.seconds:
            return None
        return Verdict("budget", f"{self.seconds:g} s of training are over")


@dataclass(frozen=True)
class Target(Condition):
    """Stop once `metric` is at least, or at most, the value given (status "target").

    Args:
        metric: train_loss, eval_loss or eval_accuracy.
        at_least: for a metric that should rise.
        at_most: for a metric that should fall.

    Example:
        >>> Target("eval_accuracy", at_least=0.8) | Epochs(20)
        Either(first=Target(metric='eval_accuracy', at_least=0.8, at_most=None), \
second=Epochs(count=20))
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        require_one_of(self.metric, "Target: metric", METRICS)
        given = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        if len(given) != 1:
            raise UsageError(
                f"Target: at_least={self.at_least!r} and at_most={self.at_most!r}; expected "
                "exactly one of the two"
            )
        require_positive(given[0], "Target: bound", above=-math.inf)

    def verdict(self, progress: Progress) -> Verdict | None:
        value = getattr(progress.rows[-1], self.metric)
        if self.at_least is not None and value >= self.at_least:
            return Verdict("target", f"{self.metric} {value:.4g} is at least {self.at_least:g}")
        if self.at_most is not None and value <= self.at_most:
            return Verdict("target", f"{self.metric} {value:.4g} is at most {self.at_most:g}")
        return None


@dataclass(frozen=True)
class Patience(Condition):
    """Stop when `metric` has set no new best for `epochs` epochs (status "patience").

    A loss is better when lower, an accuracy when higher.
    """

    metric: str
    epochs: int

    def __post_init__(self) -> None:
        require_one_of(self.metric, "Patience: metric", METRICS)
        require_count(self.epochs, "Patience: epochs")

    def verdict(self, progress: Progress) -> Verdict | None:
        sign = 1 if self.metric.endswith("accuracy") else -1
        values = [sign * getattr(row, self.metric) for row in progress.rows]
        best = max(range(len(values)), key=values.__getitem__)
        if len(values) - 1 - best < self.epochs:
            return None
        value = getattr(progress.rows[best], self.metric)
        return Verdict(
            "patience", f"{self.metric} did not improve on {value:.4g} for {self.epochs} epochs"
        )


@dataclass(frozen=True)
class Diverged(Condition):
    """Stop when the training loss is not finite, or above `factor` times its first value.

    Looked at once an epoch (status "diverged"). `fit` always stops at a loss that is not finite.
    """

    factor: float = 10.0

    def __post_init__(self) -> None:
        require_positive(self.factor, "Diverged: factor", above=1.0)

    def verdict(self, progress: Progress) -> Verdict | None:
        first, last = progress.rows[0].train_loss, progress.rows[-1].train_loss
        if math.isfinite(last) and not last > self.factor * first:
            return None
        return Verdict("diverged", f"training loss {last:.4g}, first {first:.4g}; lower the lr")


@dataclass(frozen=True)
class Either(Condition):
    """Stop as soon as one of two conditions does; written `first | second`."""

    first: Condition
    second: Condition

    def verdict(self, progress: Progress) -> Verdict | None:
        return self.first.verdict(progress) or self.second.verdict(progress)


@dataclass(frozen=True)
class Both(Condition):
    """Stop once two conditions agree; written `first & second`."""

    first: Condition
    second: Condition

    def verdict(self, progress: Progress) -> Verdict | None:
        first, second = self.first.verdict(progress), self.second.verdict(progress)
        if first is None or second is None:
            return None
        words = dict.fromkeys((first.status, second.status))
        return Verdict(" and ".join(words), f"{first.message}; {second.message}")


def require_condition(value: object) -> Condition:
    """Return `value` if it is a stopping condition, else raise UsageError."""
    if not isinstance(value, Condition):
        raise UsageError(
            f"{value!r} is not a stopping condition; expected one such as Epochs(20), or several "
            "joined with | and &"
        )
    return value
