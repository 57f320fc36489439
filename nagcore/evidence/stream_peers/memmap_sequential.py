"""A mapped array, read from beginning to end without a shuffle: what the disk allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("numpy",)
IMAGES = "uint8"


def prepare(images: Any, labels: Any, folder: Path) -> None:
    """Write the arrays as they are."""
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)


def loader(folder: Path, batch_size: int, workers: int) -> Any:  # noqa: ARG001
    """Return what gives the mini-batches of an epoch."""

    def epoch(_: int) -> Any:
        images = np.load(folder / "images.npy", mmap_mode="r")
        labels = np.load(folder / "labels.npy", mmap_mode="r")
        for begin in range(0, len(labels), batch_size):
            end = begin + batch_size
            yield np.array(images[begin:end]), np.array(labels[begin:end])

    return epoch
