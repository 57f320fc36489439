"""Restart at an interval that an estimate of the unknown mu sets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from nagcore.core.checks import require_positive
from nagcore.core.restart import Move

# a gap between two values that is not this many times the size of the first one may be rounding
_ROUNDING = 1e-13


class GrowthMemory(NamedTuple):
    """What has been seen: the values at the restarts, what each period promised, the number of
    steps of the present period, its least step size, and the estimate of mu (None at first)."""

    values: tuple[float, ...]
    promises: tuple[float, ...]
    interval: int
    least_step: float
    mu: float | None


@dataclass(frozen=True)
class GrowthRestart:
    r"""Restart after n steps, n doubled while n ≤ C/√(αμ̂), with μ̂ estimated from the decrease.

    Let μ/2 d(x)² ≤ F(x) − F⋆ for the distance d(x) to the minimizers, which strong convexity
    implies. A period of n steps from r to r' with the rate 2 d(r)²/(α (n + 1)²) of Nesterov's
    method (that of 1983, FISTA, `AdaptiveNesterov` with mu = 0) then gives
    μ ≤ 4/(α (n + 1)²) · (F(r) − F⋆)/(F(r') − F⋆). The last value seen stands in for F⋆, which
    makes the bound larger, and the smallest bound of all periods is μ̂. So μ̂ is never below μ
    and falls towards what the run has met. One function value a restart is all it costs.

    Args:
        pace: C, positive; 6.38 has the best bound on the number of steps.

    Raises:
        UsageError: `pace` is not a positive number.

    Source: [aujol2021].

    Example:
        >>> GrowthRestart().begin(lambda: 1.0).interval
        12
    """

    pace: float = 6.38
    needs_value = True

    def __post_init__(self) -> None:
        require_positive(self.pace, "pace")

    def begin(self, value: Callable[[], float]) -> GrowthMemory:
        """Return the memory at the start."""
        interval = max(1, math.floor(2 * self.pace))
        return GrowthMemory((value(),), (), interval, math.inf, None)

    def judge(self, memory: GrowthMemory, move: Move) -> tuple[GrowthMemory, bool]:
        """Return the next memory, and whether the interval is over."""
        step = min(memory.least_step, float(move.step_size))
        if move.since < memory.interval:
            return memory._replace(least_step=step), False
        values = (*memory.values, move.value())
        mu = _least_bound(values, memory.promises, memory.mu)
        promises = (*memory.promises, 4 / (step * (move.since + 1) ** 2))
        interval = memory.interval
        if mu is not None and interval <= self.pace / math.sqrt(step * mu):
            interval *= 2
        return GrowthMemory(values, promises, interval, math.inf, mu), True


def _least_bound(
    values: tuple[float, ...], promises: tuple[float, ...], known: float | None
) -> float | None:
    # the last period has no value after it that could stand in for F⋆, so it does not count yet
    last, rounding = values[-1], _ROUNDING * max(abs(values[0]), abs(values[-1]))
    bounds = [] if known is None else [known]
    for before, after, promise in zip(values, values[1:], promises, strict=False):
        if before > after and after - last > rounding:
            bounds.append(promise * (before - last) / (after - last))
    return min(bounds, default=None)
