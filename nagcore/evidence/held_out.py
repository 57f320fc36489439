"""Choose a step size by held-out training images; no test image is read for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nagcore.training.data import ImageData, split
from nagcore.training.evaluation import Evaluation

Training = Callable[[float, ImageData, ImageData], Evaluation]
"""Step size, images to train on and images to judge on: how well a new network does on these."""


class Choice(NamedTuple):
    """A step size, and what each candidate reached."""

    lr: float
    accuracies: list[float]
    """on the held-out images, in the order of the candidates"""


def choose_lr(
    train_and_judge: Training,
    data: ImageData,
    candidates: Sequence[float],
    *,
    held_out: int,
    seed: int,
    merit: Callable[[Evaluation], float] = lambda judged: judged.accuracy,
) -> Choice:
    """Return the candidate that does best on held-out images.

    Among equals the lower loss decides; a run that ended without a finite loss loses to all that
    have one.

    Args:
        train_and_judge: trains a new network with a step size.
        data: all training images.
        candidates: the step sizes to try.
        held_out: how many images to hold out.
        seed: which ones.
        merit: what to judge by, larger is better; the accuracy if left out.

    Raises:
        UsageError: `held_out` leaves one part empty, or `seed` cannot be used.
    """
    train, rest = split(data, held_out, seed=seed)
    tried = [train_and_judge(lr, train, rest) for lr in candidates]
    ranks = [(math.isfinite(t.loss), merit(t), -t.loss) for t in tried]
    best = max(range(len(tried)), key=lambda k: ranks[k] if ranks[k][0] else (False,))
    return Choice(candidates[best], [t.accuracy for t in tried])
