"""Cut images that come in chunks of any size into blocks of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np

from nagcore.errors import UsageError

Images: TypeAlias = np.ndarray
"""uint8 (n, channels, height, width)"""
Labels: TypeAlias = np.ndarray
"""int64 (n,)"""


def as_blocks(
    chunks: Iterable[tuple[np.ndarray, np.ndarray]], rows_per_block: int, classes: int
) -> Iterator[tuple[Images, Labels]]:
    """Yield the images in blocks; the last one may be smaller.

    Args:
        chunks: images, uint8 (n, height, width) or (n, channels, height, width), with labels (n,).
        rows_per_block: images of a block.
        classes: how many there are.

    Raises:
        UsageError: arrays of another type or shape, of different sizes, or a label without class.

    Example:
        >>> chunk = np.zeros((5, 2, 2), dtype=np.uint8), np.zeros(5, dtype=np.int64)
        >>> [images.shape for images, _ in as_blocks([chunk], 3, 1)]
        [(3, 1, 2, 2), (2, 1, 2, 2)]
    """
    pending: list[tuple[Images, Labels]] = []
    rows, shape = 0, None
    for number, chunk in enumerate(chunks):
        images, labels = _checked(*chunk, classes, f"chunk {number}")
        if shape not in (None, images.shape[1:]):
            raise UsageError(
                f"images of chunk {number} have the shape {images.shape[1:]}, expected {shape} as "
                "before: all images of a data set are of one size"
            )
        shape = images.shape[1:]
        begin = 0
        while begin < len(labels):
            end = min(len(labels), begin + rows_per_block - rows)
            pending.append((images[begin:end], labels[begin:end]))
            rows, begin = rows + end - begin, end
            if rows == rows_per_block:
                yield _joined(pending)
                pending, rows = [], 0
    if pending:
        yield _joined(pending)


def _joined(parts: list[tuple[Images, Labels]]) -> tuple[Images, Labels]:
    images = np.concatenate([images for images, _ in parts])
    return images, np.concatenate([labels for _, labels in parts])


def _checked(
    images: np.ndarray, labels: np.ndarray, classes: int, where: str
) -> tuple[Images, Labels]:
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise UsageError(
            f"images of {where} are {images.dtype} of shape {images.shape}, expected uint8 of "
            "shape (n, height, width) or (n, channels, height, width)"
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape != images.shape[:1]:
        raise UsageError(
            f"labels of {where} are {labels.dtype} of shape {labels.shape}, expected whole "
            f"numbers of shape ({len(images)},): one label for each image"
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise UsageError(
            f"labels of {where} run from {labels.min()} to {labels.max()}, expected 0 to "
            f"{classes - 1}: there are {classes} classes"
        )
    images = images[:, np.newaxis] if images.ndim == 3 else images
    return images, labels.astype(np.int64)
