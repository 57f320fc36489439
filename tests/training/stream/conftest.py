"""Small data sets whose images tell which row they are."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from nagcore.training.stream import write_shards


def numbered(count: int, classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Images of 2 × 3 whose first pixels are the digits, to the base 256, of their place."""
    images = np.zeros((count, 2, 3), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(count), 256)
    images[:, 1] = 17
    return images, np.arange(count) % classes


def places_of(images: np.ndarray | Tensor) -> list[int]:
    """Undo `numbered`, for images (n, 1, 2, 3) that are not normalised."""
    flat = np.asarray(images).reshape(len(images), -1).astype(int)
    return (256 * flat[:, 0] + flat[:, 1]).tolist()


Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes numbered images as shards and returns the folder."""

    def written(count: int, folder: Path | str | None = None) -> str:
        folder = str(folder or tmp_path / uuid.uuid4().hex)
        names = [f"class {label}" for label in range(7)]
        write_shards(folder, [numbered(count)], classes=names, rows_per_shard=20, rows_per_block=5)
        return folder

    return written
