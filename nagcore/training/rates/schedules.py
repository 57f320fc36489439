"""The schedules of the step size."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from nagcore.errors import UsageError
from nagcore.training.checks import require_count
from nagcore.training.rates.schedule import Schedule, require_factor


@dataclass(frozen=True)
class Constant(Schedule):
    """The optimizer's own step size throughout.

    Example:
        >>> Constant().at(7), str(Constant())
        (1.0, 'constant')
    """

    name: ClassVar[str] = "constant"

    def at(self, step: int) -> float:  # noqa: ARG002
        return 1.0


@dataclass(frozen=True)
class Linear(Schedule):
    """A straight line from `start` at step 0 to `final` at step `steps`, and `final` from there on.

    It is `torch.optim.lr_scheduler.LinearLR`.

    Example:
        >>> [Linear(steps=4).at(step) for step in range(6)]
        [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    steps: int
    start: float = 1.0
    final: float = 0.0
    name: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        require_count(self.steps, "linear: steps")
        require_factor(self.start, "linear: start")
        require_factor(self.final, "linear: final")

    def at(self, step: int) -> float:
        done = min(step / self.steps, 1.0)
        return self.start + (self.final - self.start) * done


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a wave of the cosine from 1 at step 0 to `final` at step `steps`; `final` from there on.

    Up to step `steps` it is `torch.optim.lr_scheduler.CosineAnnealingLR`, which rises again then.

    Source: [loshchilov2017].

    Example:
        >>> [round(Cosine(steps=4, final=0.1).at(step), 3) for step in (0, 2, 4, 9)]
        [1.0, 0.55, 0.1, 0.1]
    """

    steps: int
    final: float = 0.0
    name: ClassVar[str] = "cosine"

    def __post_init__(self) -> None:
        require_count(self.steps, "cosine: steps")
        require_factor(self.final, "cosine: final")

    def at(self, step: int) -> float:
        return _wave(1.0, self.final, min(step / self.steps, 1.0))


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Times `factor` after every `every` steps: `torch.optim.lr_scheduler.StepLR`.

    Example:
        >>> str(StepDecay(every=2, factor=0.5)), [StepDecay(2, 0.5).at(step) for step in range(5)]
        ('step_decay(every=2, factor=0.5)', [1.0, 1.0, 0.5, 0.5, 0.25])
    """

    every: int
    factor: float = 0.1
    name: ClassVar[str] = "step_decay"

    def __post_init__(self) -> None:
        require_count(self.every, "step_decay: every")
        require_factor(self.factor, "step_decay: factor", at_most=1.0)

    def at(self, step: int) -> float:
        return self.factor ** (step // self.every)


@dataclass(frozen=True)
class Exponential(Schedule):
    """Times `factor` at every step: `torch.optim.lr_scheduler.ExponentialLR`.

    Example:
        >>> [Exponential(factor=0.5).at(step) for step in range(4)]
        [1.0, 0.5, 0.25, 0.125]
    """

    factor: float
    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        require_factor(self.factor, "exponential: factor", at_most=1.0)

    def at(self, step: int) -> float:
        return self.factor**step


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """1/√(1 + step/steps): after `steps` steps 1/√2, later as the inverse root of the step.

    Example:
        >>> [InverseSquareRoot(steps=10).at(step) for step in (0, 30, 80)]
        [1.0, 0.5, 0.3333333333333333]
    """

    steps: int
    name: ClassVar[str] = "inverse_square_root"

    def __post_init__(self) -> None:
        require_count(self.steps, "inverse_square_root: steps")

    def at(self, step: int) -> float:
        return 1 / math.sqrt(1 + step / self.steps)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up by half a cosine from `start` to 1 in the share `rising` of `steps`, then down to `final`.

    The optimizer's own lr is the largest one. It is the rate of
    `torch.optim.lr_scheduler.OneCycleLR`, which cycles the momentum too; for that, plug torch's
    own in. As there, the highest and the last point lie one step before `rising` · `steps` and
    `steps`; from there on it stays at `final`, where torch raises an error.

    Source: [smith2019].

    Example:
        >>> cycle = OneCycle(steps=101, rising=0.5)
        >>> [round(cycle.at(step), 4) for step in (0, 100)], max(map(cycle.at, range(101))) <= 1
        ([0.04, 0.0], True)
    """

    steps: int
    rising: float = 0.3
    start: float = 0.04
    final: float = 4e-6
    name: ClassVar[str] = "one_cycle"

    def __post_init__(self) -> None:
        require_count(self.steps, "one_cycle: steps")
        require_factor(self.rising, "one_cycle: rising", at_most=1.0)
        require_factor(self.start, "one_cycle: start", at_most=1.0)
        require_factor(self.final, "one_cycle: final", at_most=1.0)
        if not 0 < self._top < self.steps - 1:
            raise UsageError(
                f"one_cycle: rising={self.rising!r} of steps={self.steps} leaves no steps to rise "
                "or none to fall; expected 1 < rising · steps < steps"
            )

    @property
    def _top(self) -> float:
        return self.rising * self.steps - 1

    def at(self, step: int) -> float:
        if step <= self._top:
            return _wave(self.start, 1.0, step / self._top)
        return _wave(1.0, self.final, min((step - self._top) / (self.steps - 1 - self._top), 1.0))


@dataclass(frozen=True)
class Piecewise(Schedule):
    """Constant between `boundaries`: `factors[i]` before step `boundaries[i]`, the last one after.

    With falling powers of a factor it is `torch.optim.lr_scheduler.MultiStepLR`.

    Example:
        >>> plan = Piecewise(boundaries=(10, 20), factors=(0.1, 1.0, 0.01))
        >>> [plan.at(step) for step in (0, 9, 10, 19, 20)]
        [0.1, 0.1, 1.0, 1.0, 0.01]
    """

    boundaries: tuple[int, ...]
    factors: tuple[float, ...]
    name: ClassVar[str] = "piecewise"

    def __post_init__(self) -> None:
        for field in ("boundaries", "factors"):
            value = getattr(self, field)
            if not isinstance(value, tuple | list):
                raise UsageError(f"piecewise: {field}={value!r} cannot be used; expected a tuple")
            object.__setattr__(self, field, tuple(value))
        for boundary in self.boundaries:
            require_count(boundary, "piecewise: boundary")
        for factor in self.factors:
            require_factor(factor, "piecewise: factor")
        if any(early >= late for early, late in pairwise(self.boundaries)):
            raise UsageError(
                f"piecewise: boundaries={self.boundaries!r} cannot be used; expected rising numbers"
            )
        if len(self.factors) != len(self.boundaries) + 1:
            raise UsageError(
                f"piecewise: {len(self.factors)} factors and {len(self.boundaries)} boundaries; "
                "expected one factor more than boundaries"
            )

    def at(self, step: int) -> float:
        return self.factors[bisect_right(self.boundaries, step)]


def _wave(start: float, end: float, done: float) -> float:
    """Return where half a cosine from `start` to `end` stands after the share `done`."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


SCHEDULES: dict[str, type[Schedule]] = {
    kind.name: kind
    for kind in (
        Constant,
        Linear,
        Cosine,
        StepDecay,
        Exponential,
        InverseSquareRoot,
        OneCycle,
        Piecewise,
    )
}
"""The schedules by the name that texts use."""
