"""The article's threshold K: bound how fast the step size changes while gradients are small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from nagcore.errors import UsageError
from nagcore.training.checks import require_positive
from nagcore.training.rates.schedule import as_text


@dataclass(frozen=True)
class GradientRangeLimiter:
    """Bound the relative change of the rate per step while every gradient entry is in [−K, K].

    Definition. Let r_t be the rate demanded at step t, s_{t−1} the rate used at the step before,
    and g the gradient that the optimizer is about to use. If max_i |g_i| ≤ K, then s_t is r_t
    clipped to [s_{t−1} (1 − most), s_{t−1} (1 + most)]; else s_t = r_t. Each group of parameters
    has a rate of its own and is bounded by itself; the maximum runs over all groups.

    At the edges:

    - The first step has no step before, and s_0 = r_0.
    - K = 0 bounds only where the gradient is exactly zero.
    - K = ∞ bounds always, and the gradient is not looked at.
    - An entry that is infinite or not a number lies in no range of a finite K: the rate is free.
    - A relative change of s_{t−1} = 0 has no meaning, and a rate bounded by it could never rise:
      after a rate of 0, s_t = r_t.
    - A rate demanded as 0 is approached by the factor 1 − most a step and never reached.

    This is not Nesterov's method, which says nothing of the sort about its step size. On an
    accelerator the comparison waits for the device; it is made only where r_t is outside the
    bounds, so that a rate that changes slowly costs no waiting.

    Args:
        K: threshold, in the unit of the gradient; 0 or larger, may be infinite.
        most: largest relative change per step, above 0.

    Raises:
        UsageError: a value out of its range.

    Example:
        >>> limiter = GradientRangeLimiter(K=0.5, most=0.25)
        >>> limiter.limit([3.0], before=[1.0], largest=0.4)
        [1.25]
        >>> limiter.limit([3.0], before=[1.0], largest=0.6)
        [3.0]
    """

    K: float
    most: float = 0.01
    name: ClassVar[str] = "gradient_range"

    def __post_init__(self) -> None:
        if self.K != 0:
            require_positive(self.K, "gradient_range: K")
        elif isinstance(self.K, bool):
            raise UsageError("gradient_range: K=False cannot be used; expected a number")
        require_positive(self.most, "gradient_range: most")

    def __str__(self) -> str:
        return as_text(self)

    @property
    def needs_gradient_range(self) -> bool:
        """Whether the largest gradient entry must be known."""
        return math.isfinite(self.K)

    def limit(
        self,
        demanded: Sequence[float],
        *,
        before: Sequence[float],
        largest: Tensor | float | None,
    ) -> list[float]:
        """Return the rates to use.

        Args:
            demanded: r_t, of each group.
            before: s_{t−1}, of each group that there was; empty at the first step.
            largest: max_i |g_i|, a number or a tensor of one; not needed where K is infinite.

        Raises:
            UsageError: `largest` is missing.
        """
        if self.needs_gradient_range and largest is None:
            raise UsageError(
                f"{self}: the largest gradient entry is missing; give it at every step, as "
                "needs_gradient_range says"
            )
        known = len(before)
        bounded = [
            self._clipped(r, s) for r, s in zip(demanded[:known], before, strict=True)
        ] + list(demanded[known:])
        if bounded == list(demanded) or not self._in_range(largest):
            return list(demanded)
        return bounded

    def _clipped(self, rate: float, before: float) -> float:
        if before == 0:
            return rate
        return min(max(rate, before * (1 - self.most)), before * (1 + self.most))

    def _in_range(self, largest: Tensor | float | None) -> bool:
        return largest is None or not self.needs_gradient_range or float(largest) <= self.K
