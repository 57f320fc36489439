"""What chapter 11 concludes of the scale of the first weights, whatever the records say."""

from __future__ import annotations

import math

from nagcore.evidence.autoencoder_best import best_by_scale
from nagcore.evidence.autoencoder_verdicts import least_of
from nagcore.evidence.published_2013 import SCALES
from nagcore.evidence.quotients import paired_quotient
from nagcore.evidence.record import Record


def judge_scales(record: Record) -> str:
    """Say which factor of the initial weights is best, which are near, and which is worst.

    Args:
        record: of "autoencoder-scales" in any size.
    """
    best = best_by_scale(record)
    errors = {scale: each.mean for scale, each in best.items()}
    least, theirs = least_of(errors), least_of(SCALES)
    others = ", ".join(
        f"{scale:g}: {paired_quotient(each.after, best[least].after).text()}"
        for scale, each in best.items()
        if scale != least
    )
    worst = max(errors, key=lambda s: errors[s] if math.isfinite(errors[s]) else math.inf)
    worst_theirs = [f"{s:g}" for s, error in SCALES.items() if error == max(SCALES.values())]
    edges = [f"{scale:g}" for scale, each in best.items() if each.at_edge]
    note = f" The best step size is at the end of those tried for {', '.join(edges)}."
    return (
        f"The mean error is least with the factor {least:g}; published, with {theirs:g}. With the "
        f"others the error is this many times as much: {others}. The worst factor is {worst:g}; "
        f"published, {' and '.join(worst_theirs)}.{note if edges else ''}"
    )


def cost_of_twice(record: Record) -> str:
    """Return how many times as much the error is with first weights twice as large.

    Args:
        record: of "autoencoder-scales" in any size.
    """
    best = best_by_scale(record)
    return paired_quotient(best[2.0].after, best[1.0].after).text()
