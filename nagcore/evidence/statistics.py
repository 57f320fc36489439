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


# 0.975 quantiles of Student's t with 1 to 30 degrees of freedom.
_T_975 = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)


def confidence_interval(summary: Summary) -> tuple[float, float]:
    """Return the 95 % confidence interval of the mean of normally distributed values.

    Args:
        summary: of the values; of their differences for a paired comparison.

    Returns:
        Its ends, both nan where n is 1.

    Raises:
        UsageError: there are more than 31 values.

    Example:
        >>> [round(end, 2) for end in confidence_interval(Summary(mean=1.0, spread=1.0, n=5))]
        [-0.24, 2.24]
    """
    if summary.n > len(_T_975) + 1:
        raise UsageError(f"n is {summary.n}, expected {len(_T_975) + 1} values at most")
    if summary.n == 1:
        return math.nan, math.nan
    half = _T_975[summary.n - 2] * summary.spread / math.sqrt(summary.n)
    return summary.mean - half, summary.mean + half


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
