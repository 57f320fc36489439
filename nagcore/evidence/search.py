"""Search spaces as data: a grid, or quasi-random points, as values for an axis of a declaration.

A point is a tuple of values in the order in which the parameters were named, so that it can be a
value on an axis, a group of a table and a line of JSON.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.quasirandom import SobolEngine

from nagcore.errors import UsageError


@dataclass(frozen=True)
class Range:
    """An interval that a parameter is drawn from.

    Args:
        low: the smallest value.
        high: the largest value.
        scale: "log" draws evenly in the logarithm.

    Raises:
        UsageError: the interval is empty or not finite, or reaches 0 on a logarithmic scale.
    """

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise UsageError(
                f"the range is from {self.low!r} to {self.high!r}, expected finite numbers, "
                "the smaller first"
            )
        if self.scale == "log" and self.low <= 0:
            raise UsageError(
                f"the range begins at {self.low!r}, expected more than 0 on a logarithmic scale"
            )

    def at(self, share: float) -> float:
        """Return the value below which a share of the range lies.

        Example:
            >>> uniform(1, 3).at(0.5), round(log_uniform(0.01, 1).at(0.5), 3)
            (2.0, 0.1)
        """
        if self.scale == "log":
            low, high = math.log(self.low), math.log(self.high)
            return math.exp(low + share * (high - low))
        return self.low + share * (self.high - self.low)


def uniform(low: float, high: float) -> Range:
    """Return a range in which every value is as likely."""
    return Range(float(low), float(high))


def log_uniform(low: float, high: float) -> Range:
    """Return a range in which every order of magnitude is as likely."""
    return Range(float(low), float(high), "log")


def grid(**values: Iterable[Any]) -> tuple[tuple[Any, ...], ...]:
    """Return every combination of the values, the first parameter slowest.

    Axes of a declaration are a grid by themselves; this one is for parameters that belong
    together, as where each method searches its own grid.

    Args:
        **values: of each parameter.

    Example:
        >>> grid(step_size=(0.1, 0.2), momentum=(0.0, 0.9))
        ((0.1, 0.0), (0.1, 0.9), (0.2, 0.0), (0.2, 0.9))
    """
    listed = {name: tuple(each) for name, each in values.items()}
    for name, each in listed.items():
        if not each:
            raise UsageError(f"{name} has no values, expected one or more")
    return tuple(itertools.product(*listed.values()))


def sobol(n: int, seed: int, *, digits: int = 4, **ranges: Range) -> tuple[tuple[float, ...], ...]:
    """Return quasi-random points that fill the ranges more evenly than random ones.

    The points are Sobol's, moved by one random shift modulo the ranges. The shift comes from
    Python's own generator, and the values are rounded, so a declaration that holds them is the
    same with every version of torch.

    Args:
        n: how many points; the first of a longer sequence are those of a shorter one. Powers
            of two fill the ranges most evenly.
        seed: of the shift.
        digits: significant decimal digits of a value.
        **ranges: of each parameter, by `uniform` and `log_uniform`.

    Returns:
        For each point a value of each parameter, in the order named.

    Raises:
        UsageError: n is not positive, or there is no range.

    Source: [cranley1976].

    Example:
        >>> for point in sobol(2, 0, step_size=log_uniform(0.001, 1), momentum=uniform(0, 1)):
        ...     print(point)
        (0.3414, 0.758)
        (0.0108, 0.258)
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise UsageError(f"n is {n!r}, expected a whole number, 1 or larger")
    if not ranges:
        raise UsageError("there is no range, expected one for each parameter")
    generator = random.Random(seed)
    shift = torch.tensor([generator.random() for _ in ranges], dtype=torch.float64)
    shares = (SobolEngine(len(ranges)).draw(n, dtype=torch.float64) + shift) % 1.0
    return tuple(
        tuple(
            _rounded(each.at(share), digits)
            for each, share in zip(ranges.values(), point, strict=True)
        )
        for point in shares.tolist()
    )


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")
