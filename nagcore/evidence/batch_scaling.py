"""Where steps stop falling as fast as the batch grows: the bend, and the curve of two numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nagcore.errors import UsageError

FACTOR = 1.5
_LABELS = {
    "sgd": "SGD",
    "heavy-ball": "heavy ball",
    "nag": "Nesterov",
    "adam": "Adam",
    "nadam": "NAdam",
}


def label_of(method: str) -> str:
    """Return the name of a method or optimizer in tables and prose.

    Example:
        >>> label_of("nadam"), label_of("heavy-ball")
        ('NAdam', 'heavy ball')
    """
    return _LABELS[method]


def bend(batch_sizes: Sequence[int], steps: npt.ArrayLike, *, factor: float = FACTOR) -> int | None:
    """Return the largest batch size up to which steps fall as the batch grows, or nearly.

    Perfect scaling from the smallest batch means that a run sees as many examples with a larger
    batch as with the smallest. A batch size scales well if its run sees at most `factor` times as
    many; the bend is the last one before the first that does not.

    Args:
        batch_sizes: B, rising.
        steps: to the target with each of them; inf where it was not reached.
        factor: what counts as nearly, at least 1.

    Returns:
        A batch size, or None where the target was not reached with the smallest.

    Raises:
        UsageError: the arguments do not fit together.

    Example:
        >>> bend([8, 16, 32, 64], [400, 210, 120, 100])
        32
    """
    sizes, counts = _checked(batch_sizes, steps)
    if not np.isfinite(counts[0]):
        return None
    good = sizes * counts <= factor * sizes[0] * counts[0]
    first_bad = len(sizes) if good.all() else int(good.argmin())
    return int(sizes[first_bad - 1])


class TwoNumbers(NamedTuple):
    """S(B) = S_min (1 + B_c/B): steps with very large batches, and the critical batch size."""

    fewest_steps: float
    critical: float

    def steps(self, batch_sizes: npt.ArrayLike) -> np.ndarray:
        """Return S(B)."""
        return self.fewest_steps * (1 + self.critical / np.asarray(batch_sizes, dtype=float))


def fit_two_numbers(batch_sizes: Sequence[int], steps: npt.ArrayLike) -> TwoNumbers | None:
    """Return the curve S(B) = S_min (1 + B_c/B) that is nearest in the logarithm of the steps.

    With E = B S examples it is (S/S_min − 1)(E/E_min − 1) = 1, where E_min = B_c S_min. At B_c a
    run takes twice the fewest steps and twice the fewest examples.

    Args:
        batch_sizes: B, rising.
        steps: to the target with each of them; those that are not finite are left out.

    Returns:
        The two numbers, or None with less than three finite steps.

    Source: [mccandlish2018], §2.

    Example:
        >>> found = fit_two_numbers([8, 64, 512], [210, 35, 13.125])
        >>> round(found.fewest_steps, 1), round(found.critical)
        (10.0, 160)
    """
    sizes, counts = _checked(batch_sizes, steps)
    finite = np.isfinite(counts)
    if finite.sum() < 3:
        return None
    sizes, logs = sizes[finite], np.log(counts[finite])
    low, high = sizes[0] / 1e3, sizes[-1] * 1e3
    for _ in range(6):  # the distance is smooth in B_c; each round is twenty times finer
        critical = np.geomspace(low, high, 201)
        shape = np.log1p(critical[:, None] / sizes)
        height = (logs - shape).mean(axis=1)
        best = int(((logs - shape - height[:, None]) ** 2).sum(axis=1).argmin())
        low, high = critical[max(best - 5, 0)], critical[min(best + 5, 200)]
    return TwoNumbers(float(np.exp(height[best])), float(critical[best]))


def _checked(batch_sizes: Sequence[int], steps: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    sizes, counts = np.asarray(batch_sizes, dtype=float), np.asarray(steps, dtype=float)
    if sizes.ndim != 1 or not sizes.size or sizes.shape != counts.shape:
        raise UsageError(
            f"batch sizes have the shape {sizes.shape} and steps {counts.shape}, "
            "expected (n,) for both, n ≥ 1"
        )
    if (np.diff(sizes) <= 0).any() or sizes[0] <= 0:
        raise UsageError(f"batch sizes are {list(batch_sizes)}, expected positive, rising numbers")
    return sizes, counts
