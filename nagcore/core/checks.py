"""Refuse constants that no method can work with."""

from __future__ import annotations

import math
from numbers import Integral, Real

from nagcore.errors import UsageError


def require_momentum(value: float, name: str = "momentum") -> None:
    """Raise UsageError unless 0 ≤ value < 1.

    Example:
        >>> require_momentum(1.0)
        Traceback (most recent call last):
        nagcore.errors.UsageError: momentum is 1.0, expected a number in [0, 1): ...
    """
    if not (_is_number(value) and 0 <= value < 1):
        raise UsageError(
            f"{name} is {value!r}, expected a number in [0, 1): with momentum 1 or more "
            "old displacements never fade, so choose a smaller one, for example 0.9"
        )


def require_positive(value: float, name: str) -> None:
    """Raise UsageError unless value is a positive, finite number."""
    if not (_is_number(value) and 0 < value < math.inf):
        raise UsageError(f"{name} is {value!r}, expected a positive, finite number")


def require_not_negative(value: float, name: str) -> None:
    """Raise UsageError unless value is a finite number and not negative."""
    if not (_is_number(value) and 0 <= value < math.inf):
        raise UsageError(f"{name} is {value!r}, expected a finite number, 0 or larger")


def require_count(value: int, name: str) -> None:
    """Raise UsageError unless value is a whole number and not negative."""
    if not (isinstance(value, Integral) and not isinstance(value, bool) and value >= 0):
        raise UsageError(f"{name} is {value!r}, expected a whole number, 0 or larger")


def require_curvature(L: float, mu: float) -> None:
    """Raise UsageError unless 0 < mu ≤ L < ∞."""
    if not (_is_number(L) and _is_number(mu) and 0 < mu <= L < math.inf):
        raise UsageError(
            f"mu is {mu!r} and L is {L!r}, expected 0 < mu <= L: mu is the smallest curvature, "
            "L the largest; for a function that is convex only, use a sequence without mu"
        )


def _is_number(value: object) -> bool:
    # NumPy's numbers are Real as well; a tensor is not
    return isinstance(value, Real) and not isinstance(value, bool)
