"""What a rate setter can be told, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from nagcore.training.rates.standing import Standing, WarmUp


class RateChange(NamedTuple):
    """An instruction that took effect."""

    step: int
    """number of the first step that it acted on, from 0"""
    before: float
    """rate of the first group that this step would have had without it"""
    after: float
    """the same with it; a limiter may be on its way there for some steps"""
    why: str


@dataclass(frozen=True)
class Lower:
    """Multiply every rate by `factor`, a held one too."""

    factor: float
    why: str

    def apply(self, standing: Standing, first: float, step: int) -> Standing:  # noqa: ARG002
        """Return what stands after this instruction, see `Instruction`."""
        held = None if standing.held is None else standing.held * self.factor
        return replace(standing, value=standing.value * self.factor, held=held)


@dataclass(frozen=True)
class Set:
    """Let the first group's rate be `value` now, and the schedule go on in proportion to it."""

    value: float
    why: str

    def apply(self, standing: Standing, first: float, step: int) -> Standing:  # noqa: ARG002
        """Return what stands after this instruction, see `Instruction`."""
        # A schedule that stands at 0 has no proportion: what was told before stays.
        return standing if first == 0 else Standing(self.value, reference=first)


@dataclass(frozen=True)
class Hold:
    """Let the first group's rate be `value` until release."""

    value: float
    why: str

    def apply(self, standing: Standing, first: float, step: int) -> Standing:  # noqa: ARG002
        """Return what stands after this instruction, see `Instruction`."""
        return replace(standing, held=self.value, warm_up=None)


@dataclass(frozen=True)
class Release:
    """Go back to the schedule, which went on meanwhile."""

    why: str

    def apply(self, standing: Standing, first: float, step: int) -> Standing:  # noqa: ARG002
        """Return what stands after this instruction, see `Instruction`."""
        return replace(standing, held=None)


@dataclass(frozen=True)
class Warm:
    """Begin a warm-up now."""

    steps: int
    start: float
    why: str

    def apply(self, standing: Standing, first: float, step: int) -> Standing:  # noqa: ARG002
        """Return what stands after this instruction, see `Instruction`."""
        return replace(standing, warm_up=WarmUp(step, self.steps, self.start))


Instruction = Lower | Set | Hold | Release | Warm
"""`apply` takes what stands, the first group's rate by the schedule alone, and the step."""

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Lower, Set, Hold, Release, Warm)}


def pack(instruction: Instruction) -> dict[str, Any]:
    """Return an instruction as a dictionary of plain values."""
    return {"kind": type(instruction).__name__, **asdict(instruction)}


def unpack(state: Mapping[str, Any]) -> Instruction:
    """Return the instruction that `pack` wrote."""
    return _KINDS[state["kind"]](**{key: state[key] for key in state if key != "kind"})
