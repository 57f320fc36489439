"""The instructions of a run: those that wait, what the others amount to, and when each came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nagcore.training.history import Row
from nagcore.training.rates.instructions import (
    Hold,
    Instruction,
    RateChange,
    Release,
    Set,
    pack,
    unpack,
)
from nagcore.training.rates.plateau import PlateauRule
from nagcore.training.rates.standing import Standing


class InstructionLog:
    """Takes instructions at any time and lets them take effect at the next step."""

    def __init__(self) -> None:
        self.rules: list[PlateauRule] = []
        self.changes: list[RateChange] = []
        self._waiting: list[Instruction] = []
        self._standing = Standing()

    def tell(self, instruction: Instruction) -> None:
        """Let an instruction wait for the next step."""
        self._waiting.append(instruction)

    def judge(self, row: Row) -> None:
        """Ask the plateau rules what to do after an epoch; while a rate is held they pause."""
        if self._is_held():
            return
        judged = [rule.judge(row.value(rule.metric)) for rule in self.rules]
        self._waiting += [instruction for instruction in judged if instruction is not None]

    def _is_held(self) -> bool:
        for told in reversed(self._waiting):
            if isinstance(told, Hold | Set | Release):
                return isinstance(told, Hold)
        return self._standing.held is not None

    def demanded(
        self, scheduled: Sequence[float], shares: Sequence[float], step: int
    ) -> list[float]:
        """Let what waits take effect, and return the rate demanded for each group.

        Args:
            scheduled: what the schedule alone gives, for each group.
            shares: each group's own lr over that of the first group.
            step: number of the step, from 0.
        """
        demanded = self._standing.rates(scheduled, shares, step)
        for told in self._waiting:
            before = demanded[0]
            self._standing = told.apply(self._standing, scheduled[0], step)
            demanded = self._standing.rates(scheduled, shares, step)
            undone = isinstance(told, Set) and scheduled[0] == 0
            why = f"{told.why} (not done: the schedule is 0 here; use hold)" if undone else told.why
            self.changes.append(RateChange(step, before, demanded[0], why))
        self._waiting.clear()
        return demanded

    def state_dict(self) -> dict[str, Any]:
        """Return everything in plain containers."""
        return {
            "standing": self._standing.state_dict(),
            "waiting": [pack(instruction) for instruction in self._waiting],
            "rules": [dict(vars(rule)) for rule in self.rules],
            "changes": [list(change) for change in self.changes],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> InstructionLog:
        """Return what `state_dict` described."""
        log = cls()
        log._standing = Standing.from_state(state["standing"])
        log._waiting = [unpack(instruction) for instruction in state["waiting"]]
        log.rules = [PlateauRule(**rule) for rule in state["rules"]]
        log.changes = [RateChange(*change) for change in state["changes"]]
        return log
