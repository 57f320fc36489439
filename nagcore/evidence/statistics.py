"""Mean, spread and n of repeated measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nagcore.errors import UsageError


@dataclass(frozen=True)
class Summary:
    """Repeated measurements in three numbers.

    Args:
        mean: their arithmetic mean.
        spread: their sample standard deviation (divisor n − 1); nan for one value alone.
        n: how many there are.
    """

    mean: float
    spread: float
    n: int

    def text(self, unit: str = "", *, scale: float = 1.0, digits: int = 1) -> str:
        """Return the summary as prose shows it.

        Args:
            unit: written behind the numbers.
            scale: what to multiply with, for example 100 for per cent.
            digits: after the decimal point.

        Example:
            >>> summarize([0.83, 0.84, 0.82]).text("%", scale=100)
            '83.0 ± 1.0 % (n = 3)'
            >>> summarize([0.83]).text("%", scale=100)
            '83.0 % (n = 1, spread unknown)'
        """
        mean, spread = f"{self.mean * scale:.{digits}f}", f"{self.spread * scale:.{digits}f}"
        behind = f" {unit}" if unit else ""
        if self.n == 1:
            return f"{mean}{behind} (n = 1, spread unknown)"
        return f"{mean} ± {spread}{behind} (n = {self.n})"


def summarize(values: Iterable[float]) -> Summary:
    """Return mean, sample standard deviation and number of the values.

    A value that is not finite makes the mean so, too, and the spread nan: runs that diverged are
    not dropped in silence.

    Args:
        values: one or more numbers.

    Raises:
        UsageError: there are no values.

    Example:
        >>> summarize([1.0, 2.0, 3.0])
        Summary(mean=2.0, spread=1.0, n=3)
    """
    data = np.asarray(list(values), dtype=np.float64)
    if data.ndim != 1 or data.size == 0:
        raise UsageError(
            f"values have the shape {data.shape}, expected one number or more in a row"
        )
    with np.errstate(all="ignore"):
        mean = float(data.mean())
        spread = float(data.std(ddof=1)) if data.size > 1 else math.nan
    return Summary(mean, spread, int(data.size))


def agrees(value: float, summary: Summary, *, k: float = 3.0, at_least: float = 0.0) -> bool:
    """Say whether a new measurement lies within k spreads of the recorded mean.

    With n = 5 normally distributed values, k = 3 covers a sixth one with probability 0.95 or so
    (Student's t with 4 degrees of freedom, times √(1 + 1/n)).

    Args:
        value: the new measurement.
        summary: of the recorded ones.
        k: how many spreads to allow.
        at_least: a distance that is always allowed, in the unit of the values; what rounding on
            another machine may do to a result that does not vary.

    Raises:
        UsageError: the spread is not known, because n is 1 or a value was not finite, and
            `at_least` is 0.

    Example:
        >>> agrees(2.5, summarize([1.0, 2.0, 3.0])), agrees(5.5, summarize([1.0, 2.0, 3.0]))
        (True, False)
    """
    if math.isnan(summary.spread) and at_least == 0:
        raise UsageError(
            f"the spread of {summary} is not known, so nothing can be said to lie within it; "
            "expected two finite values or more, or a distance at_least"
        )
    spread = 0.0 if math.isnan(summary.spread) else summary.spread
    return abs(value - summary.mean) <= max(k * spread, at_least)
