"""What a stopping condition is, and how several are joined."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nagcore.errors import UsageError
from nagcore.training.history import Row


class Progress(NamedTuple):
    """What a condition may look at, after any step."""

    rows: Sequence[Row]
    """one for each report, the start included"""
    step: int
    seconds: float
    """spent on training, evaluation left out"""
    examples: int = 0
    """seen so far, in all processes together"""
    epochs: int = 0
    """passes over the training data that are complete"""
    signal: str = ""
    """name of the signal that asks the process to end, empty where there is none"""


class Verdict(NamedTuple):
    """Why training stops."""

    status: str
    message: str


class Condition(ABC):
    """A reason to stop. Write `Epochs(50) | Patience("eval_loss", 5)`."""

    @abstractmethod
    def verdict(self, progress: Progress) -> Verdict | None:
        """Return why to stop now, or None to go on."""

    def stops_every_run(self) -> bool:
        """Return whether this condition ends every run in time."""
        return False

    def max_steps(self, steps_per_epoch: int, batch_size: int) -> float:  # noqa: ARG002
        """Return after how many steps it ends a run for certain, infinite where none is known."""
        return math.inf

    def metrics(self) -> frozenset[str]:
        """Return the names of the metrics that it looks at."""
        return frozenset()

    def parts(self) -> tuple[Condition, ...]:
        """Return the single conditions that it is joined from."""
        return (self,)

    def __or__(self, other: Condition) -> Condition:
        return Either(self, require_condition(other))

    def __and__(self, other: Condition) -> Condition:
        return Both(self, require_condition(other))


@dataclass(frozen=True)
class Either(Condition):
    """Stop as soon as one of two conditions does; written `first | second`."""

    first: Condition
    second: Condition

    def verdict(self, progress: Progress) -> Verdict | None:
        return self.first.verdict(progress) or self.second.verdict(progress)

    def stops_every_run(self) -> bool:
        return self.first.stops_every_run() or self.second.stops_every_run()

    def max_steps(self, steps_per_epoch: int, batch_size: int) -> float:
        sides = (self.first, self.second)
        return min(side.max_steps(steps_per_epoch, batch_size) for side in sides)

    def metrics(self) -> frozenset[str]:
        return self.first.metrics() | self.second.metrics()

    def parts(self) -> tuple[Condition, ...]:
        return (*self.first.parts(), *self.second.parts())

    def __str__(self) -> str:
        return f"{self.first} | {self.second}"


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

    def stops_every_run(self) -> bool:
        return self.first.stops_every_run() and self.second.stops_every_run()

    def max_steps(self, steps_per_epoch: int, batch_size: int) -> float:
        sides = (self.first, self.second)
        return max(side.max_steps(steps_per_epoch, batch_size) for side in sides)

    def metrics(self) -> frozenset[str]:
        return self.first.metrics() | self.second.metrics()

    def parts(self) -> tuple[Condition, ...]:
        return (*self.first.parts(), *self.second.parts())

    def __str__(self) -> str:
        return " & ".join(
            f"({side})" if isinstance(side, Either) else str(side)
            for side in (self.first, self.second)
        )


def require_condition(value: object) -> Condition:
    """Return `value` if it is a stopping condition, else raise UsageError."""
    if not isinstance(value, Condition):
        raise UsageError(
            f"{value!r} is not a stopping condition; expected one such as Epochs(20), or several "
            "joined with | and &"
        )
    return value
