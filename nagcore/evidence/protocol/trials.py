"""What a search of few trials is expected to find, from one of many."""

from __future__ import annotations

import math
from collections.abc import Iterable

from nagcore.evidence.protocol.rows import worst
from nagcore.training.checks import require_count


def expected_best(values: Iterable[float], m: int, *, higher_is_better: bool) -> float:
    """Return what the best of m trials of a random search is expected to score.

    It is the mean of the best over all choices of m of the trials at hand, each trial at most
    once in a choice; so it has no bias where the trials were drawn independently.

    Args:
        values: the scores of n trials on validation data, not finite where the trial was lost.
        m: how many trials the search may have, at most n.
        higher_is_better: whether it is an accuracy or the like, not a loss or a time.

    Returns:
        The expectation; infinite where all of some m trials may be lost.

    Raises:
        UsageError: m is not from 1 to n.

    Source: [dodge2019], [tang2020].

    Example:
        >>> expected_best([1.0, 2.0, 3.0], 2, higher_is_better=True)
        2.6666666666666665
    """
    lost = worst(higher_is_better=higher_is_better)
    scores = sorted((v if math.isfinite(v) else lost for v in values), reverse=not higher_is_better)
    m = require_count(m, "m", at_most=len(scores), of=", the number of trials")
    total = math.comb(len(scores), m)
    # The best of a choice is the i-th worst where the other m − 1 are among the i − 1 below it.
    chances = [math.comb(place, m - 1) / total for place in range(len(scores))]
    return sum(chance * value for chance, value in zip(chances, scores, strict=True) if chance)
