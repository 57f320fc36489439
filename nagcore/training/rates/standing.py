"""What all instructions so far make of the schedule's rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class WarmUp:
    """A rise in a straight line from `start` to 1, over steps `begin` to `begin + steps − 1`."""

    begin: int
    steps: int
    start: float

    def at(self, step: int) -> float:
        """Return the multiplier of step number `step`."""
        done = min((step - self.begin + 1) / self.steps, 1.0)
        return self.start + (1.0 - self.start) * done


@dataclass(frozen=True)
class Standing:
    """All instructions so far taken together.

    Rates are those of the schedule, times `value` over `reference`; or, while one is held, `held`
    for the first group and the others in the proportion of `shares`. Two numbers rather than one
    quotient, so that a rate that is set is that rate to the last bit.
    """

    value: float = 1.0
    reference: float = 1.0
    held: float | None = None
    warm_up: WarmUp | None = None

    def rates(self, scheduled: Sequence[float], shares: Sequence[float], step: int) -> list[float]:
        """Return the rates demanded at a step.

        Args:
            scheduled: what the schedule alone gives, for each group.
            shares: each group's own lr over that of the first group.
            step: number of the step, from 0.
        """
        ramp = 1.0 if self.warm_up is None else self.warm_up.at(step)
        if self.held is not None:
            return [self.held * share * ramp for share in shares]
        return [rate / self.reference * self.value * ramp for rate in scheduled]

    def state_dict(self) -> dict[str, Any]:
        """Return a dictionary of plain values."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Standing:
        """Return what `state_dict` described."""
        warm_up = state["warm_up"]
        return cls(**{**state, "warm_up": None if warm_up is None else WarmUp(**warm_up)})
