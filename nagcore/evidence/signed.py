"""Differences with their signs: a reader sees on which side of zero an end lies."""

from __future__ import annotations

import math

_MORE = 3  # digits that are added at most; what is still zero then is written so


def with_sign(*values: float, digits: int) -> list[str]:
    """Return numbers with their signs, with digits enough that none but zero reads as zero.

    All get the same number of digits after the point: a mean and the ends of its interval.

    Args:
        values: one number or more.
        digits: after the point, where that is enough.

    Example:
        >>> with_sign(-0.0081, -0.0158, -0.0004, digits=3), with_sign(0.012, digits=2)
        (['−0.0081', '−0.0158', '−0.0004'], ['+0.01'])
    """
    shown = digits
    while shown < digits + _MORE and any(_hidden(value, shown) for value in values):
        shown += 1
    return [_write(value, shown) for value in values]


def _hidden(value: float, digits: int) -> bool:
    """Return whether a number that is not zero would read as zero."""
    return value != 0 and math.isfinite(value) and float(f"{value:.{digits}f}") == 0


def _write(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")
