"""Gradient descent, classical momentum and Nesterov's method as one rule with two numbers.

What separates the last two is where the gradient is taken. With that as a number, runs of all
three can be copies of one another, trained at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nagcore.core.nesterov import NesterovState
from nagcore.errors import UsageError
from nagcore.names import closest_first

PUBLISHED_STEPS = 750_000
PUBLISHED_PERIOD = 250
MOST_COMPRESSION = 40
"""With more, the momentum would remember longer than a third of the steps taken so far: 1/(1 − β)
grows like 2/250 of the published steps, which is then about what the sequence of 1983 does."""
FINISH_MOMENTUM = 0.9
FINISH_STEPS = 1000


@dataclass(frozen=True)
class LookAhead:
    """d_{k+1} = β d_k − α ∇f(x_k + λ β d_k),  x_{k+1} = x_k + d_{k+1}.

    λ = 1 is Nesterov's method and λ = 0 heavy ball, each with its iterates; β = 0 is gradient
    descent whatever λ is.

    Args:
        momentum: β, a number or a tensor without dimensions.
        look: λ, likewise.

    Source: [sutskever2013], equations (1) to (4).

    Example:
        >>> method = LookAhead(momentum=0.5, look=1.0)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> state.x, state.displacement, method.query(state)
        (3.0, -1.0, 2.5)
    """

    momentum: Any
    look: Any

    def init(self, x0: Any) -> NesterovState:
        """Return the state at rest at the starting point `x0`."""
        return NesterovState(x=x0, displacement=x0 - x0, k=0)

    def query(self, state: NesterovState) -> Any:
        """Return x_k + λ β d_k."""
        return state.x + self.look * self.momentum * state.displacement

    def step(self, state: NesterovState, grad: Any, step_size: Any) -> NesterovState:
        """Return the state after one step."""
        displacement = self.momentum * state.displacement - step_size * grad
        return NesterovState(state.x + displacement, displacement, state.k + 1)


class Contestant(NamedTuple):
    """A column of the published table: where the gradient is taken, and the momentum's ceiling."""

    method: str
    """ "sgd", "nag" or "heavy-ball" """
    look: float
    ceiling: float


CEILINGS = (0.9, 0.99, 0.995, 0.999)
CONTESTANTS: Mapping[str, Contestant] = MappingProxyType(
    {"sgd": Contestant("sgd", 0.0, 0.0)}
    | {f"nag-{ceiling}": Contestant("nag", 1.0, ceiling) for ceiling in CEILINGS}
    | {f"heavy-ball-{ceiling}": Contestant("heavy-ball", 0.0, ceiling) for ceiling in CEILINGS}
)
"""The methods of the published table by name, in its order."""


def find_contestant(name: str) -> Contestant:
    """Return the contestant of that name.

    Raises:
        UsageError: there is none.

    Example:
        >>> find_contestant("nag-0.99")
        Contestant(method='nag', look=1.0, ceiling=0.99)
    """
    if name not in CONTESTANTS:
        raise UsageError(f"no method {name!r} here; known: {closest_first(name, CONTESTANTS)}")
    return CONTESTANTS[name]


@dataclass(frozen=True)
class CompressedSchedule:
    """The momentum of 2013 in a run of `steps` steps instead of 750,000, with its finish.

    At step k the momentum is that of the published schedule at step c k, c = 750,000 / steps, so
    that a ceiling of 0.999 is reached after a sixth of the run, as there; but c is at most 40, and
    a run of fewer than 18,750 steps reaches high ceilings later. In the last `finish` steps the
    momentum is 0.9, or what it was where that is less.

    Args:
        steps: length of the run.
        finish: how many of them are the finish; less than `steps`.

    Raises:
        UsageError: a number that is not positive, or a finish that takes the whole run.

    Source: the schedule, [sutskever2013], equation (5); the finish, §5 there.

    Example:
        >>> schedule = CompressedSchedule(steps=75_000, finish=1000)
        >>> ceiling = torch.tensor(0.99)
        >>> [round(float(schedule.momentum(torch.tensor(k), ceiling)), 4)
        ...     for k in (0, 24, 25, 73_999, 74_000)]
        [0.5, 0.5, 0.75, 0.99, 0.9]
    """

    steps: int
    finish: int

    def __post_init__(self) -> None:
        if not 0 <= self.finish < self.steps:
            raise UsageError(
                f"finish is {self.finish!r} and steps is {self.steps!r}, expected a finish shorter "
                "than the run"
            )

    def __call__(self, k: Tensor, h: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the hyperparameters at step k: "momentum" made from "ceiling"."""
        return {**h, "momentum": self.momentum(k, h["ceiling"])}

    def momentum(self, k: Tensor, ceiling: Tensor) -> Tensor:
        """Return β_k, in the type of `ceiling`.

        Args:
            k: the number of steps taken, a tensor of whole numbers.
            ceiling: largest momentum, a tensor; 0 is gradient descent.
        """
        published = torch.minimum(
            k.long() * PUBLISHED_STEPS // self.steps, k.long() * MOST_COMPRESSION
        )
        changes = published // PUBLISHED_PERIOD
        grown = torch.minimum(1 - 0.5 / (changes.to(ceiling.dtype) + 1), ceiling)
        return torch.where(k >= self.steps - self.finish, grown.clamp(max=FINISH_MOMENTUM), grown)


def compression_of(steps: int) -> float:
    """Return for how many published steps one step of a run stands.

    Example:
        >>> compression_of(750_000), compression_of(25_000), compression_of(2000)
        (1.0, 30.0, 40)
    """
    return min(PUBLISHED_STEPS / steps, MOST_COMPRESSION)


def finish_of(steps: int) -> int:
    """Return the length of the finish of a run: 1,000 steps, or a twentieth of a short one.

    Example:
        >>> finish_of(750_000), finish_of(8000)
        (1000, 400)
    """
    return max(1, min(FINISH_STEPS, steps // 20))
