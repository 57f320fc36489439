"""Refuse pairs of L and mu that describe no function."""

from __future__ import annotations

from nagcore.core.checks import require_not_negative, require_positive
from nagcore.errors import UsageError


def require_constants(L: float, mu: float) -> None:
    """Raise UsageError unless 0 ≤ mu ≤ L and 0 < L < ∞.

    For a method that needs mu > 0 there is `nagcore.core.checks.require_curvature`.

    Example:
        >>> require_constants(1.0, 2.0)
        Traceback (most recent call last):
        nagcore.errors.UsageError: mu is 2.0 and L is 1.0, expected mu <= L: ...
    """
    require_positive(L, "L")
    require_not_negative(mu, "mu")
    if mu > L:
        raise UsageError(
            f"mu is {mu!r} and L is {L!r}, expected mu <= L: mu is the smallest curvature, "
            "L the largest"
        )
