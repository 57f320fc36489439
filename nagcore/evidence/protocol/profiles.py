"""Performance profiles: how often a method is within a factor of the best."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nagcore.errors import UsageError
from nagcore.training.checks import require_positive


@dataclass(frozen=True, eq=False)
class Profile:
    """The times of methods on tasks, each divided by that of the best method there.

    Attributes:
        ratios: one line per task, one column per method; 1 for the best, ∞ for a miss.
        max_ratio: up to which ratio the score counts.
    """

    ratios: pd.DataFrame
    max_ratio: float

    def fraction(self, method: str, factors: Iterable[float]) -> np.ndarray:
        """Return the fraction of the tasks on which a method is within each factor of the best.

        Args:
            method: one of the columns of `ratios`.
            factors: 1 or more each.

        Returns:
            As many fractions as factors, from 0 to 1.
        """
        ratios = np.sort(self.ratios[method].to_numpy(dtype=float))
        return np.searchsorted(ratios, list(factors), side="right") / len(ratios)

    def scores(self) -> pd.Series:
        """Return the area under each profile up to `max_ratio`, divided by that of the best one.

        A profile is a staircase, so its area is exact: a task on which a method takes r times as
        long as the best adds (max_ratio − r)/(max_ratio − 1), and nothing from max_ratio on.

        Returns:
            From 0 to 1, by method, the greatest first; 1 for a method that is best everywhere.
        """
        gains = (self.max_ratio - self.ratios.clip(upper=self.max_ratio)) / (self.max_ratio - 1)
        return gains.mean().sort_values(ascending=False, kind="stable")


def performance_profile(times: pd.DataFrame, max_ratio: float = 4.0) -> Profile:
    """Compare methods over tasks by the ratio of their times to the best.

    What is best, and so every ratio, depends on who takes part.

    Args:
        times: time to the target, a line for each task and a column for each method, ∞ where it
            was missed. Each line may have a unit of its own.
        max_ratio: up to which ratio a task counts in the score; above 1.

    Returns:
        The profile. A task that no method solves is missed by all of them, and counts.

    Raises:
        UsageError: there is no time, one is nan or not above 0, or `max_ratio` is not above 1.

    Source: [dolan2002], [dahl2023].

    Example:
        >>> times = pd.DataFrame({"nag": [2.0, 3.0], "sgd": [4.0, float("inf")]}, ["cnn", "mlp"])
        >>> profile = performance_profile(times)
        >>> profile.fraction("sgd", [1, 2]).tolist()
        [0.0, 0.5]
        >>> {name: round(score, 3) for name, score in profile.scores().items()}
        {'nag': 1.0, 'sgd': 0.333}
    """
    max_ratio = require_positive(max_ratio, "max_ratio", above=1.0)
    values = times.to_numpy(dtype=float)
    if values.size == 0 or not np.all(values > 0):
        raise UsageError(
            f"times are\n{times}\nexpected one or more, each above 0, or inf for a missed target"
        )
    best = values.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        ratios = np.where(np.isinf(values), np.inf, values / best)
    return Profile(pd.DataFrame(ratios, index=times.index, columns=times.columns), max_ratio)
