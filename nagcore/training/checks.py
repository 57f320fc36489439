"""Refuse values that cannot be used, naming the value, what was expected and the remedy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

from nagcore.errors import UsageError


def require_count(value: object, name: str, *, at_most: int | None = None, of: str = "") -> int:
    """Return `value` if it is a whole number from 1 to `at_most`, else raise UsageError."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < 1 or (at_most is not None and value > at_most):  # pyright: ignore
        limit = "1 or larger" if at_most is None else f"from 1 to {at_most}{of}"
        raise UsageError(f"{name}={value!r} cannot be used; expected a whole number {limit}")
    return int(value)  # pyright: ignore


def require_seed(value: object) -> int:
    """Return `value` if it is a whole number from 0 to 2^63 − 1, else raise UsageError."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not 0 <= value < 2**63:  # pyright: ignore
        raise UsageError(f"seed={value!r} cannot be used; expected a whole number, 0 or larger")
    return int(value)  # pyright: ignore


def require_positive(value: object, name: str, *, above: float = 0.0) -> float:
    """Return `value` if it is a number larger than `above`, else raise UsageError."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not value > above or math.isnan(value):  # pyright: ignore
        raise UsageError(f"{name}={value!r} cannot be used; expected a number above {above:g}")
    return float(value)  # pyright: ignore


def require_one_of(value: object, name: str, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of `allowed`, else raise UsageError."""
    if value not in allowed:
        raise UsageError(f"{name}={value!r} is not known; expected one of {', '.join(allowed)}")
    return str(value)
