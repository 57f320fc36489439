"""When to stop: conditions, joined with | (whichever comes first) and & (all of them)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_positive
from nagcore.training.condition import Condition, Progress, Verdict
from nagcore.training.history import best_row


@dataclass(frozen=True)
class Epochs(Condition):
    """Stop after `count` passes over the training data (status "budget")."""

    count: int

    def __post_init__(self) -> None:
        require_count(self.count, "Epochs: count")

    def verdict(self, progress: Progress) -> Verdict | None:
        if progress.epochs < self.count:
            return None
        return Verdict("budget", f"{self.count} epochs done")

    def stops_every_run(self) -> bool:
        return True

    def max_steps(self, steps_per_epoch: int, batch_size: int) -> float:  # noqa: ARG002
        return self.count * steps_per_epoch

    def __str__(self) -> str:
        return f"epochs={self.count}"


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

    def stops_every_run(self) -> bool:
        return True

    def max_steps(self, steps_per_epoch: int, batch_size: int) -> float:  # noqa: ARG002
        return self.count

    def __str__(self) -> str:
        return f"steps={self.count}"


@dataclass(frozen=True)
class Examples(Condition):
    """Stop at the first step after which `count` examples were seen (status "budget").

    What was seen twice counts twice.
    """

    count: int

    def __post_init__(self) -> None:
        require_count(self.count, "Examples: count")

    def verdict(self, progress: Progress) -> Verdict | None:
        if progress.examples < self.count:
            return None
        return Verdict("budget", f"{progress.examples} examples seen")

    def stops_every_run(self) -> bool:
        return True

    def max_steps(self, steps_per_epoch: int, batch_size: int) -> float:
        # The last batch of an epoch may be smaller, so this is a bound, not the exact number.
        return math.ceil(self.count / batch_size) + math.ceil(
            self.count / (batch_size * steps_per_epoch)
        )

    def __str__(self) -> str:
        return f"examples={self.count}"


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

    def stops_every_run(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"seconds={self.seconds!r}"


@dataclass(frozen=True)
class Target(Condition):
    """Stop once `metric` is at least, or at most, the value given (status "target").

    Looked at when there is a report.

    Args:
        metric: train_loss, eval_loss, eval_accuracy, gradient_norm, or one given to `fit`.
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
        _require_name(self.metric, "Target: metric")
        given = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        if len(given) != 1:
            raise UsageError(
                f"Target: at_least={self.at_least!r} and at_most={self.at_most!r}; expected "
                "exactly one of the two"
            )
        require_positive(given[0], "Target: bound", above=-math.inf)

    def verdict(self, progress: Progress) -> Verdict | None:
        value = progress.rows[-1].value(self.metric)
        if self.at_least is not None and value >= self.at_least:
            return Verdict("target", f"{self.metric} {value:.4g} is at least {self.at_least:g}")
        if self.at_most is not None and value <= self.at_most:
            return Verdict("target", f"{self.metric} {value:.4g} is at most {self.at_most:g}")
        return None

    def metrics(self) -> frozenset[str]:
        return frozenset({self.metric})

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"{self.metric}>={self.at_least!r}"
        return f"{self.metric}<={self.at_most!r}"


@dataclass(frozen=True)
class Patience(Condition):
    """Stop when `metric` has set no new best for `epochs` epochs (status "patience").

    A loss is better when lower, an accuracy when higher, and so is any other metric whose name
    ends in "accuracy".
    """

    metric: str
    epochs: int

    def __post_init__(self) -> None:
        _require_name(self.metric, "Patience: metric")
        require_count(self.epochs, "Patience: epochs")

    def verdict(self, progress: Progress) -> Verdict | None:
        best = progress.rows[best_row(progress.rows, self.metric)]
        if progress.rows[-1].epoch - best.epoch < self.epochs:
            return None
        value = best.value(self.metric)
        return Verdict(
            "patience", f"{self.metric} did not improve on {value:.4g} for {self.epochs} epochs"
        )

    def metrics(self) -> frozenset[str]:
        return frozenset({self.metric})

    def __str__(self) -> str:
        return f"patience({self.metric},{self.epochs})"


@dataclass(frozen=True)
class Diverged(Condition):
    """Stop when the training loss is not finite, or above `factor` times its first value.

    Looked at when there is a report (status "diverged"). `fit` always stops at a loss that is not
    finite.
    """

    factor: float = 10.0

    def __post_init__(self) -> None:
        require_positive(self.factor, "Diverged: factor", above=1.0)

    def verdict(self, progress: Progress) -> Verdict | None:
        first, last = progress.rows[0].train_loss, progress.rows[-1].train_loss
        if math.isfinite(last) and not last > self.factor * first:
            return None
        return Verdict("diverged", f"training loss {last:.4g}, first {first:.4g}; lower the lr")

    def __str__(self) -> str:
        return f"diverged({self.factor!r})"


@dataclass(frozen=True)
class Signal(Condition):
    """Stop at the step after SIGTERM or SIGINT (Ctrl-C) came (status "signal").

    Clusters send SIGTERM some seconds before they take a machine away. A run that keeps
    checkpoints has this condition always, and saves before it ends.
    """

    def verdict(self, progress: Progress) -> Verdict | None:
        if not progress.signal:
            return None
        return Verdict("signal", f"{progress.signal} came after step {progress.step}")

    def __str__(self) -> str:
        return "signal"


def _require_name(value: object, name: str) -> None:
    if not isinstance(value, str) or not value.isidentifier():
        raise UsageError(f"{name}={value!r} cannot be used; expected the name of a metric")
