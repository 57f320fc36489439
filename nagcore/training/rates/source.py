"""Where the rates come from before any instruction: a schedule of ours, or torch's scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch.optim import Optimizer

from nagcore.errors import UsageError
from nagcore.training.history import Row
from nagcore.training.rates.groups import read_rates, require_groups
from nagcore.training.rates.schedule import Schedule


class RateSource(Protocol):
    """Gives the rate of every group at every step."""

    def attach(self, optimizer: Optimizer) -> None:
        """Begin with this optimizer, whose groups have their own lr."""
        ...

    def attach_again(self, optimizer: Optimizer) -> None:
        """Go on with this optimizer, after a state was loaded."""
        ...

    def rates(self, optimizer: Optimizer, step: int) -> list[float]:
        """Return the rates of step number `step`, of which each comes once and in turn."""
        ...

    def shares(self) -> list[float]:
        """Return the groups' own lr over that of the first."""
        ...

    def first_at(self, step: int) -> float | None:
        """Return the first group's rate of a step to come, None where it is not known before."""
        ...

    def metrics(self) -> frozenset[str]:
        """Return the names of the metrics that it looks at after each epoch."""
        ...

    def after_epoch(self, optimizer: Optimizer, row: Row) -> None:
        """Take the report of an epoch."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what changes from step to step, in plain containers and tensors."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        ...


class Scheduled:
    """Each group's own lr times a schedule.

    Args:
        schedule: the multiplier by step.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._own: list[float] = []

    def attach(self, optimizer: Optimizer) -> None:
        self._own = read_rates(optimizer.param_groups)
        if self._own[0] == 0:
            raise UsageError(
                "the first group of the optimizer has lr=0, and every schedule multiplies it; "
                "expected a group that learns in the first place"
            )

    def attach_again(self, optimizer: Optimizer) -> None:
        require_groups(len(self._own), optimizer)

    def rates(self, optimizer: Optimizer, step: int) -> list[float]:
        # A group that is added during the run has its own lr too.
        self._own += read_rates(optimizer.param_groups[len(self._own) :])
        factor = self.schedule.at(step)
        return [lr * factor for lr in self._own]

    def shares(self) -> list[float]:
        return [lr / self._own[0] for lr in self._own]

    def first_at(self, step: int) -> float | None:
        # Before an optimizer is attached only the sign is known, and asked for.
        return (self._own[0] if self._own else 1.0) * self.schedule.at(step)

    def metrics(self) -> frozenset[str]:
        return frozenset()

    def after_epoch(self, optimizer: Optimizer, row: Row) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {"schedule": str(self.schedule), "own": list(self._own)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._own = list(state["own"])
