"""How near a two-level shuffle comes to a full one, on data that lie sorted by class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.stream_shuffle import (
    class_count_variance,
    epoch_order,
    expected_correlation,
    full_shuffle_variance,
    place_correlation,
    two_level_variance,
)

DECLARATION = Declaration(
    name="shuffle-quality",
    question="How many blocks must be shuffled together, if the data lie sorted by class?",
    axes={
        "rows_per_block": (256, 1024, 4096),
        "window_blocks": (1, 2, 4, 8, 16, 32, 64, 128, 256),  # the last is all in every case
    },
    constants={"rows": 61_440, "classes": 10, "batch_size": 256, "epochs": 40, "seed": 0},
    columns={
        "window_share": "rows of a window over rows of the data, at most 1",
        "variance": "mean squared deviation of the class counts in a mini-batch from the expected "
        "ones, over that of a full shuffle; per epoch",
        "variance_predicted": "the same by theory, on average",
        "correlation": "rank correlation of stored place and place in the epoch; per epoch",
        "correlation_predicted": "root of its mean square by theory",
        "correlation_full": "the same for a full shuffle, 1/√(n − 1)",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Draw the orders of some epochs and look at them; no image is read."""
    rows, size, window = (setting[name] for name in ("rows", "rows_per_block", "window_blocks"))
    classes, batch_size = setting["classes"], setting["batch_size"]
    blocks = rows // size
    labels = np.arange(rows) * classes // rows
    shares = np.stack([(labels == label).reshape(blocks, size).mean(axis=1)
                       for label in range(classes)], axis=1)  # fmt: skip
    full = full_shuffle_variance(shares.mean(axis=0), rows, batch_size)
    orders = [
        epoch_order([size] * blocks, window, seed=setting["seed"], epoch=epoch)
        for epoch in range(setting["epochs"])
    ]
    return {
        "window_share": min(1.0, window * size / rows),
        "variance": [
            class_count_variance(labels[order], batch_size, classes) / full for order in orders
        ],
        "variance_predicted": two_level_variance(shares, size, window, batch_size) / full,
        "correlation": [place_correlation(order) for order in orders],
        "correlation_predicted": expected_correlation(blocks, size, window),
        "correlation_full": (rows - 1) ** -0.5,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
