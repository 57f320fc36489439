"""Refuse constants that describe no function, and counts that are no number of steps."""

from __future__ import annotations

from nagcore.core.checks import require_count, require_not_negative, require_positive
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


def require_curved(L: float, mu: float) -> None:
    """Raise UsageError where mu = L: such a function is a parabola, and one step solves it.

    Example:
        >>> require_curved(1.0, 1.0)
        Traceback (most recent call last):
        nagcore.errors.UsageError: mu and L are both 1.0, expected mu < L: ...
    """
    if mu == L:
        raise UsageError(
            f"mu and L are both {L!r}, expected mu < L: "
            "with mu = L one gradient step of size 1/L reaches the minimum"
        )


def require_number_of_steps(value: int, name: str = "steps") -> None:
    """Raise UsageError unless value is a whole number, 1 or larger.

    Example:
        >>> require_number_of_steps(0)
        Traceback (most recent call last):
        nagcore.errors.UsageError: steps is 0, expected a whole number, 1 or larger
    """
    try:
        require_count(value, name)
        require_positive(value, name)
    except UsageError:
        raise UsageError(f"{name} is {value!r}, expected a whole number, 1 or larger") from None
