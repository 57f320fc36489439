"""Constraints as functions: 0 inside a convex set, infinite outside; the prox is the projection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from nagcore.core.checks import require_positive
from nagcore.errors import UsageError


@dataclass(frozen=True, eq=False)
class Box:
    r"""h(x) = 0 where low ≤ x_i ≤ high for all i, else ∞.

    `Box(0, math.inf)` is the set of points without a negative entry.

    Args:
        low: lower bound, a number (−∞ for none) or an array of x's kind and shape.
        high: upper bound (∞ for none), likewise, nowhere below `low`.

    Raises:
        UsageError: a bound is neither a number nor an array, the shapes of two arrays differ, or
            the box is empty. Later: a point has another shape than a bound.

    Source: [parikh2014], §6.2.

    Example:
        >>> import numpy as np
        >>> box = Box(0.0, 1.0)
        >>> box.prox(np.array([-2.0, 0.5, 3.0]), 1.0).tolist()
        [0.0, 0.5, 1.0]
        >>> box.value(np.array([0.5])), box.value(np.array([1.5]))
        (0.0, inf)
    """

    low: Any = -math.inf
    high: Any = math.inf

    def __post_init__(self) -> None:
        for bound, name in ((self.low, "low"), (self.high, "high")):
            if not isinstance(bound, Real) and not hasattr(bound, "clip"):
                raise UsageError(
                    f"{name} is {bound!r}, expected a number or an array; make an array of a "
                    "list, for example np.array([0.0, 1.0])"
                )
        if 0 in (*_shape(self.low), *_shape(self.high)):
            raise UsageError("low or high is an array without entries, expected one a coordinate")
        try:
            ordered = bool(_all((self.low <= self.high) & (self.low < math.inf)))
            ordered = ordered and bool(_all(self.high > -math.inf))
        except (TypeError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"low is {self.low!r} and high is {self.high!r}, expected numbers or arrays of "
                "one shape"
            ) from error
        if _shape(self.low) and _shape(self.high) and _shape(self.low) != _shape(self.high):
            raise UsageError(
                f"low has shape {_shape(self.low)} and high {_shape(self.high)}, expected one shape"
            )
        if not ordered:
            raise UsageError(
                f"low is {self.low!r} and high is {self.high!r}, expected low <= high in every "
                "coordinate, low below ∞ and high above −∞: the box is empty otherwise"
            )

    @property
    def mu(self) -> float:
        """Return 0: a set adds no curvature."""
        return 0.0

    def value(self, x: Any) -> float:
        """Return 0 where x lies in the box within rounding, else ∞."""
        return _indicator(abs(x - self._nearest(x)).max(), abs(x).max(), x)

    def prox(self, v: Any, step_size: float) -> Any:
        """Return the point of the box nearest to v, whatever the step size."""
        require_positive(step_size, "step_size")
        return self._nearest(v)

    def _nearest(self, v: Any) -> Any:
        for bound, name in ((self.low, "low"), (self.high, "high")):
            if _shape(bound) and _shape(bound) != tuple(v.shape):
                raise UsageError(
                    f"the point has shape {tuple(v.shape)} and {name} {_shape(bound)}, expected "
                    "the same"
                )
        # two calls, because torch takes no pair of a tensor and a number
        return v.clip(min=self.low).clip(max=self.high)


@dataclass(frozen=True)
class Simplex:
    r"""h(x) = 0 where all x_i ≥ 0 and Σ_i x_i = total, else ∞.

    The projection is (v − τ)⁺ with the one τ that gives the right sum. Newton's method on that
    convex, piecewise linear equation, started below τ, finds it in finitely many steps.

    Args:
        total: sum of the entries, positive; 1 for probabilities.

    Raises:
        UsageError: `total` is not a positive, finite number.

    Source: [condat2016], which states the equation for τ and lists this iteration as Michelot's.

    Example:
        >>> import numpy as np
        >>> Simplex().prox(np.array([1.0, 0.5, -2.0]), 1.0).tolist()
        [0.75, 0.25, 0.0]
    """

    total: float = 1.0

    def __post_init__(self) -> None:
        require_positive(self.total, "total")

    @property
    def mu(self) -> float:
        """Return 0: a set adds no curvature."""
        return 0.0

    def value(self, x: Any) -> float:
        """Return 0 where x lies in the simplex within rounding, else ∞."""
        excess = max(float(-x.min()), abs(float(x.sum()) - self.total))
        return _indicator(excess, self.total, x)

    def prox(self, v: Any, step_size: float) -> Any:
        """Return the point of the simplex nearest to v, whatever the step size."""
        require_positive(step_size, "step_size")
        v = v - v.max()  # a shift leaves the answer, and none of its digits are lost to the offset
        threshold, count = -self.total, math.inf
        while True:
            active = v > threshold
            fewer = int(active.sum())
            if fewer >= count or fewer == 0:  # none is active where v is not finite
                return (v - threshold).clip(0)
            count = fewer
            threshold = (float((v * active).sum()) - self.total) / count


def _shape(bound: Any) -> tuple[int, ...]:
    return tuple(getattr(bound, "shape", ()))


def _all(condition: Any) -> Any:
    return condition if isinstance(condition, bool) else condition.all()


def _indicator(excess: Any, scale: Any, x: Any) -> float:
    # a point that a projection returned must count as inside: allow what rounding can do in
    # numbers of 8, 4 or 2 bytes
    rounding = {8: 1e-10, 4: 1e-4}.get(x.dtype.itemsize, 1e-2)
    return 0.0 if float(excess) <= rounding * max(float(scale), 1e-300) else math.inf
