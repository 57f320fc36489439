"""Two methods on the same seeds: an exact test, and the correction for several of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from nagcore.errors import UsageError
from nagcore.evidence.protocol.bootstrap import Interval, bootstrap_interval
from nagcore.training.checks import require_one_of, require_seed

_EXACT_UP_TO = 16  # pairs; 65,536 choices of signs
_ROUNDING = 1e-12  # sums that differ by less are equal
STATISTICS = ("mean", "ranks")


class PairedTest(NamedTuple):
    """What a paired test found.

    Attributes:
        difference: the mean of a − b with its bootstrap interval, the median for ranks.
        p: how often, were the sign of each difference a coin's, the statistic would be as far
            from 0 or farther.
        least_p: the least p that so many pairs can give; with 5 it is 0.0625, so that nothing
            measured on 5 seeds is below 0.05.
        n: pairs.
    """

    difference: Interval
    p: float
    least_p: float
    n: int


def paired_test(
    a: Sequence[float],
    b: Sequence[float],
    *,
    statistic: str = "mean",
    level: float = 0.95,
    seed: int = 0,
) -> PairedTest:
    """Test whether a and b differ, by flipping the signs of their differences.

    It assumes only that, were there no difference, each a − b would be as likely to be positive as
    negative; no distribution. Up to 16 pairs all choices of signs are counted, beyond that 65,536
    random ones.

    Args:
        a: the score of the first method on each seed.
        b: that of the second on the same seeds, in the same order.
        statistic: "mean" of the differences; or their signed "ranks" (Wilcoxon's statistic), which
            can tell what to make of an infinite one: a method that diverged on a seed where the
            other did not. Where both did, the difference is 0.
        level: of the interval.
        seed: of the resampling.

    Raises:
        UsageError: a and b are not of one length or hold nan, `statistic` is not known, or it is
            "mean" and a difference is not finite.

    Example:
        >>> test = paired_test([0.5, 0.6, 0.4, 0.5, 0.7, 0.6], [0.8, 0.7, 0.9, 0.6, 0.8, 0.9])
        >>> test.p, round(test.difference.estimate, 3)
        (0.03125, -0.233)
    """
    require_one_of(statistic, "statistic", STATISTICS)
    differences = _differences(a, b)
    finite = bool(np.isfinite(differences).all())
    if statistic == "mean" and not finite:
        raise UsageError(
            f"the differences are {differences.tolist()}, expected finite ones for their mean; "
            'statistic="ranks" can use infinite ones'
        )
    moved = differences if statistic == "mean" else _signed_ranks(differences)
    middle = "mean" if statistic == "mean" else "median"
    return PairedTest(
        bootstrap_interval(differences, middle, level=level, seed=seed),
        _p_of_flips(moved, require_seed(seed)),
        2.0 ** (1 - min(len(moved), _EXACT_UP_TO)),
        len(moved),
    )


def holm(p_values: Iterable[float]) -> list[float]:
    """Return the p-values of several tests, raised so that all of them together err rarely.

    If every one below 0.05 is believed, then the chance that one or more is a false alarm is 0.05
    at most, however the tests depend on each other.

    Args:
        p_values: of all the tests that were made, also of those that showed nothing.

    Returns:
        The adjusted values in the same order.

    Raises:
        UsageError: a value is not from 0 to 1.

    Source: [holm1979].

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    found = np.asarray(list(p_values), dtype=float)
    if not np.all((found >= 0) & (found <= 1)):
        raise UsageError(f"p-values are {found.tolist()}, expected numbers from 0 to 1")
    order = np.argsort(found, kind="stable")
    factors = np.arange(len(found), 0, -1)
    adjusted = np.empty_like(found)
    adjusted[order] = np.minimum(np.maximum.accumulate(found[order] * factors), 1.0)
    return adjusted.tolist()


def _differences(a: Sequence[float], b: Sequence[float]) -> np.ndarray:
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.ndim != 1 or first.shape != second.shape or first.size == 0:
        raise UsageError(
            f"a and b have shapes {first.shape} and {second.shape}, expected a value of each for "
            "every seed"
        )
    if np.isnan(first).any() or np.isnan(second).any():
        raise UsageError("a or b holds nan, expected numbers; inf for a run that was lost")
    same = first == second  # so that two infinite values differ by 0
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, first - second)


def _signed_ranks(differences: np.ndarray) -> np.ndarray:
    """Return the ranks of the sizes with the signs of the differences; zeros stay zeros."""
    ranks = pd.Series(np.abs(differences)).rank().to_numpy()
    return ranks * np.sign(differences)


def _p_of_flips(values: np.ndarray, seed: int) -> float:
    n = len(values)
    exact = n <= _EXACT_UP_TO
    if exact:
        chosen = np.arange(2**n)[:, None] >> np.arange(n) & 1
    else:
        chosen = np.random.default_rng(seed).integers(2, size=(2**_EXACT_UP_TO, n))
    sums = np.abs((1 - 2 * chosen) @ values)
    margin = _ROUNDING * float(np.abs(values).sum())
    as_far = int((sums >= abs(float(values.sum())) - margin).sum())
    # The choice that was seen belongs to the random ones, or p could be 0.
    return as_far / len(sums) if exact else (as_far + 1) / (len(sums) + 1)
