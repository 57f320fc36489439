"""How many times as much: the quotient of two errors, seed by seed, with its interval."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nagcore.evidence.statistics import confidence_interval, summarize


class Quotient(NamedTuple):
    """One error over another: the geometric mean over seeds, with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def outcome(self) -> str:
        """Return "more", "less" or "open": on which side of 1 the whole interval lies.

        With one seed there is no interval, and the side of the quotient itself is returned.
        """
        low, high = (self.mean, self.mean) if self.n == 1 else (self.low, self.high)
        return "more" if low > 1 else "less" if high < 1 else "open"

    def text(self) -> str:
        """Return the quotient as prose shows it.

        Example:
            >>> Quotient(1.25, 1.1, 1.4, 3).text(), Quotient(0.5, math.nan, math.nan, 1).text()
            ('1.25 (1.10 to 1.40)', '0.50 (one seed)')
        """
        if not math.isfinite(self.mean):
            return "not known, since a run diverged or failed"
        interval = "one seed" if self.n == 1 else f"{_show(self.low)} to {_show(self.high)}"
        return f"{self.mean:.2f} ({interval})"


def _show(end: float) -> str:
    """Return the end of an interval, so that one beside 1 is not shown as 1."""
    digits = 3 if f"{end:.2f}" == "1.00" and f"{end:.3f}" != "1.000" else 2
    return f"{end:.{digits}f}"


def paired_quotient(of: np.ndarray, to: np.ndarray) -> Quotient:
    """Return the quotient of two errors that were measured with the same seeds.

    Logarithms are taken to be normally distributed. A run that diverged or failed leaves the
    quotient unknown: its mean is nan.

    Args:
        of: (seeds,) positive, or nan.
        to: (seeds,) likewise, in the same order.

    Example:
        >>> paired_quotient(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
        Quotient(mean=2.0, low=2.0, high=2.0, n=2)
    """
    unknown = Quotient(math.nan, math.nan, math.nan, len(of))
    if len(of) != len(to):
        return unknown
    with np.errstate(all="ignore"):
        logs = summarize(np.log2(of / to))
    if not math.isfinite(logs.mean):
        return unknown
    low, high = confidence_interval(logs)
    return Quotient(2**logs.mean, 2**low, 2**high, logs.n)
