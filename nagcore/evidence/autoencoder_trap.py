"""Which runs of chapter 11 end no better than a network that shows the mean image."""

from __future__ import annotations

from functools import cache

from nagcore.evidence.autoencoder_images import load_training_images
from nagcore.evidence.autoencoder_methods import CEILINGS
from nagcore.evidence.autoencoder_table import mean_image_error
from nagcore.evidence.record import Record

NEAR = 0.9
"""A run is caught if it ends with more than this part of the error of the mean image."""
_ENOUGH = 1000


@cache
def plateau(data: str, pooled: int) -> float:
    """Return the squared error of the mean image, from the first thousand images.

    Args:
        data: the set.
        pooled: side of the squares of pixels that are averaged into one.
    """
    return float(mean_image_error(load_training_images(data, _ENOUGH, pooled=pooled)))


def caught(record: Record, data: str) -> dict[str, set[tuple]]:
    """Return the runs that end near the error of the mean image, above it, or diverge.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.

    Returns:
        For "nag" and "heavy-ball", (ceiling, step size, seed) of those that are caught.
    """
    limit = NEAR * plateau(data, record.declaration.constants["pooled"])
    return {
        method: {
            (ceiling, row["lr"], row["seed"])
            for ceiling in CEILINGS
            for row in record.rows
            if (row["data"], row["method"]) == (data, f"{method}-{ceiling}")
            and not row["error_after"] <= limit
        }
        for method in ("nag", "heavy-ball")
    }


def judge_trap(record: Record, data: str) -> str:
    """Say how many runs of each of the two methods are caught at the error of the mean image.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    axes, runs = record.declaration.axes, caught(record, data)
    nag, ball = runs["nag"], runs["heavy-ball"]
    pairs = len(CEILINGS) * len(axes["lr"]) * len(axes["seed"])
    return (
        f"Of {pairs} pairs of runs that agree in ceiling, step size and seed, heavy ball alone "
        f"ends near the error of the mean image or above it in {len(ball - nag)}, Nesterov's "
        f"method alone in {len(nag - ball)}, and both do in {len(ball & nag)}."
    )
