"""Train autoencoders as copies of one another, and report what the published tables report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from nagcore.core.method import Method
from nagcore.evidence.autoencoder_images import load_training_images
from nagcore.evidence.autoencoder_methods import (
    CompressedSchedule,
    LookAhead,
    find_contestant,
    finish_of,
)
from nagcore.training.autoencoder import (
    cross_entropy_of_pixels,
    make_autoencoder,
    squared_error,
)
from nagcore.training.copies import CopiesHistory, Examples, train_copies

Setting = Mapping[str, Any]

COLUMNS = {
    "step": "updates after which the training images were judged",
    "error": "squared error of a reconstruction then, sum over pixels, mean over all training "
    "images, at the iterate",
    "cross_entropy": "cross-entropy then, sum over pixels, mean over all training images, in nats",
    "error_before": "squared error before the finish at momentum 0.9",
    "error_after": "squared error at the end",
    "status": "how the run ended",
    "seconds": "seconds of the run: those of the batch of copies over their number",
    "operations": "floating-point operations of the matrix products of an update",
    "bytes": "bytes that an update cannot avoid to move: nine passes over the parameters",
}
CURVES_SHOWN = 25
"""Most points of a recorded curve."""


def train_autoencoders(
    settings: Sequence[Setting], device: str, keep: Path | None = None
) -> list[dict[str, Any]]:
    """Train one copy for each setting, all at once; return the columns of each.

    Args:
        settings: agree in all but `method`, `lr` and `seed`. `sizes`, `steps`, `images` and
            `batch_size` are given for each set of images by its name.
        device: where to train.
        keep: folder for the state of a run that may be stopped, or None.

    Raises:
        DataError: the images are not here.
        UsageError: an unknown method, or a value that cannot be used.
    """
    first = settings[0]
    data = first["data"]
    images = load_training_images(data, first["images"][data], device, pooled=first["pooled"])
    steps, sizes, batch_size = (first[name][data] for name in ("steps", "sizes", "batch_size"))
    finish = finish_of(steps)
    chosen = [find_contestant(setting["method"]) for setting in settings]
    history = train_copies(
        lambda seed: make_autoencoder(seed, sizes, scale=first["scale"]),
        cross_entropy_of_pixels,
        Examples(images, images),
        look_ahead_rule,
        {
            "step_size": [setting["lr"] for setting in settings],
            "ceiling": [contestant.ceiling for contestant in chosen],
            "look": [contestant.look for contestant in chosen],
            "momentum": [0.0 for _ in settings],
        },
        seeds=[setting["seed"] for setting in settings],
        steps=steps,
        batch_size=batch_size,
        every=_every(steps, finish),
        evaluate=Examples(images, images),
        metrics={"squared_error": squared_error},
        schedule=CompressedSchedule(steps, finish),
        device=device,
        precision=first["precision"],
        compile=first["compiled"],
        keep=keep,
    )
    work = {"operations": operations(sizes, batch_size), "bytes": moved_bytes(sizes)}
    return [_columns(history, i, steps - finish) | work for i in range(len(settings))]


def look_ahead_rule(h: Mapping[str, Any]) -> Method:
    """Return the rule of one copy."""
    return LookAhead(h["momentum"], h["look"])


def operations(sizes: Sequence[int], batch_size: int) -> int:
    """Return the operations of the matrix products of one update of one copy.

    Each weight takes a multiplication and an addition for every image, forward, for the gradient
    of the weights and for that of the layer's inputs; the first layer has no need of the last.

    Example:
        >>> operations((784, 10), 1)  # 3 · 2 · 7840 for the second layer, 2 · 2 · 7840 before
        78400
    """
    weights = 2 * sum(a * b for a, b in pairwise(sizes))
    return 2 * batch_size * (3 * weights - sizes[0] * sizes[1])


def count_numbers(sizes: Sequence[int]) -> int:
    """Return the number of weights and biases.

    Example:
        >>> count_numbers((784, 10))  # 2 · 7840 weights, 10 + 784 biases
        16474
    """
    return sum(2 * a * b + a + b for a, b in pairwise(sizes))


def moved_bytes(sizes: Sequence[int]) -> int:
    """Return the bytes of float32 that an update of one copy moves at least.

    The weights are read forward and backward, the gradient is written; the step reads it, the
    iterate and the displacement, and writes both and the next query point: nine passes.
    Activations are left out: for the published networks they are a small part.

    Example:
        >>> moved_bytes((784, 10))
        593064
    """
    return 9 * 4 * count_numbers(sizes)


def _every(steps: int, finish: int) -> int:
    """Return how often to judge: at the beginning of the finish, and not too often."""
    whole = steps - finish
    at_least = math.ceil(whole / CURVES_SHOWN)
    return next(each for each in range(at_least, whole + 1) if whole % each == 0)


def _columns(history: CopiesHistory, i: int, before: int) -> dict[str, Any]:
    error = np.asarray(history.metrics["squared_error"])[i]
    steps = np.asarray(history.steps)
    return {
        "step": steps.tolist(),
        "error": [six_digits(value) for value in error],
        "cross_entropy": [six_digits(value) for value in history.eval_loss[i]],
        "error_before": six_digits(_at(steps, error, before)),
        "error_after": six_digits(_at(steps, error, int(steps[-1]))),
        "status": history.status[i],
        "seconds": float(history.seconds[-1]) / len(history.status),
    }


def six_digits(value: float) -> float:
    """Return a number with the digits that a mean in float32 has.

    Example:
        >>> six_digits(0.123456789)
        0.123457
    """
    return float(f"{value:.6g}")


def _at(steps: np.ndarray, values: np.ndarray, step: int) -> float:
    """Return the value at a step, nan where the run had ended before."""
    (place,) = np.flatnonzero(steps == step) if step in steps else (None,)
    return math.nan if place is None else float(values[place])
