"""What a schedule is: a multiplier of the optimizer's own step size, by the number of the step."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar

from nagcore.errors import UsageError


class Schedule(ABC):
    """A rule for the step size, as data: it can be compared, printed, and written as text.

    Every group of parameters keeps the lr that its optimizer was made with; a schedule multiplies
    it, so that 1 is that lr.
    """

    name: ClassVar[str]
    """in texts, such as "cosine" in "cosine(steps=1000, final=0.01)" """

    @abstractmethod
    def at(self, step: int) -> float:
        """Return the multiplier of step number `step`, from 0; it is 0 or larger."""

    def __str__(self) -> str:
        return as_text(self)


def as_text(value: Any) -> str:
    """Return a dataclass with a name as text: the name, and the fields that are not the default.

    Args:
        value: a frozen dataclass whose class has a `name`.
    """
    shown = [
        f"{field.name}={getattr(value, field.name)!r}"
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != field.default
    ]
    return f"{value.name}({', '.join(shown)})" if shown else value.name


def require_factor(
    value: object, name: str, *, at_least: float = 0.0, at_most: float = math.inf
) -> float:
    """Return `value` if it is a finite number from `at_least` to `at_most`, else raise UsageError.

    Args:
        value: what was given.
        name: what it is, for the message.
        at_least: the smallest value allowed.
        at_most: the largest value allowed.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not at_least <= value <= at_most:  # pyright: ignore
        limit = (
            f", {at_least:g} or larger"
            if math.isinf(at_most)
            else f" from {at_least:g} to {at_most:g}"
        )
        raise UsageError(f"{name}={value!r} cannot be used; expected a finite number{limit}")
    return float(value)  # pyright: ignore
