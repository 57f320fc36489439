"""Images that are there more than once, in one set or in two: a leak from test to training.

Only copies that agree in every pixel are found, not those that were scaled, moved or compressed
anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nagcore.errors import UsageError
from nagcore.training.data import ImageData


class Duplicate(NamedTuple):
    """One image and all places where it is."""

    first: tuple[int, ...]
    """indices in the first set, rising"""
    second: tuple[int, ...] = ()
    """indices in the second set, rising; none where there is one set"""


def find_duplicates(first: ImageData, second: ImageData | None = None) -> list[Duplicate]:
    """Return every image that is in one set more than once, or in both of two sets.

    All images are hashed at once, and those that share a hash are compared pixel by pixel: nothing
    is missed and nothing is found by accident. Labels play no part.

    Args:
        first: images (n, channels, height, width).
        second: others of the same shape, normalised in the same way; copies within one of the two
            sets alone are then no matter.

    Returns:
        The images in the order of their first place in `first`.

    Raises:
        UsageError: the images of the two sets differ in shape.

    Source: [barz2020].

    Example:
        >>> import torch
        >>> images = torch.rand(4, 1, 8, 8)[[0, 1, 0, 2, 3]]
        >>> data = ImageData(images, torch.tensor([0, 0, 1, 0, 1]), ("bag", "boot"))
        >>> find_duplicates(data)
        [Duplicate(first=(0, 2), second=())]
        >>> find_duplicates(data.subset([0, 1]), data.subset([2, 3, 4]))
        [Duplicate(first=(0,), second=(0,))]
    """
    if second is not None and first.images.shape[1:] != second.images.shape[1:]:
        raise UsageError(
            f"images of the first set have the shape {tuple(first.images.shape[1:])} and those of "
            f"the second {tuple(second.images.shape[1:])}; expected the same"
        )
    rows = [_rows(data) for data in (first, second) if data is not None]
    groups = _groups_of_equals(np.concatenate(rows))
    found = [_in_sets(group, len(first)) for group in groups]
    return sorted(d for d in found if second is None or (d.first and d.second))


def _in_sets(group: np.ndarray, of_first: int) -> Duplicate:
    places = group.tolist()
    return Duplicate(
        tuple(place for place in places if place < of_first),
        tuple(place - of_first for place in places if place >= of_first),
    )


def without_duplicates(train: ImageData, test: ImageData) -> ImageData:
    """Return the training images without those that are test images, too.

    Raises:
        UsageError: the images of the two sets differ in shape.

    Example:
        >>> from nagcore.training.data import load_fashion_mnist
        >>> train, test = load_fashion_mnist()
        >>> len(without_duplicates(train, test)), len(without_duplicates(train, train))
        (1000, 0)
    """
    leaked = {index for duplicate in find_duplicates(train, test) for index in duplicate.first}
    return train.subset([index for index in range(len(train)) if index not in leaked])


def duplicate_report(train: ImageData, test: ImageData) -> str:
    """Return in three lines how many images are copies, within the sets and between them.

    Raises:
        UsageError: the images of the two sets differ in shape.

    Example:
        >>> from nagcore.training.data import load_fashion_mnist
        >>> print(duplicate_report(*load_fashion_mnist()))
        training images: 1,000, 0 of them copies of an earlier one, 0 with another label
        test images: 1,000, 0 of them copies of an earlier one, 0 with another label
        test images that are training images, too: 0, 0 of them with another label there
    """
    lines = []
    for name, data in (("training", train), ("test", test)):
        pairs = [(d.first[0], copy) for d in find_duplicates(data) for copy in d.first[1:]]
        other = sum(int(data.labels[one] != data.labels[copy]) for one, copy in pairs)
        lines.append(
            f"{name} images: {len(data):,}, {len(pairs):,} of them copies of an earlier one, "
            f"{other:,} with another label"
        )
    shared = [(d, copy) for d in find_duplicates(train, test) for copy in d.second]
    other = sum(
        any(int(train.labels[one] != test.labels[copy]) for one in d.first) for d, copy in shared
    )
    lines.append(
        f"test images that are training images, too: {len(shared):,}, {other:,} of them "
        "with another label there"
    )
    return "\n".join(lines)


def _rows(data: ImageData) -> np.ndarray:
    """Return the bytes of each image as whole numbers, (n, words)."""
    rows = data.images.flatten(1).cpu().numpy() + 0.0  # −0 becomes 0, which it equals
    if rows.shape[1] % 2:
        rows = np.pad(rows, ((0, 0), (0, 1)))
    return np.ascontiguousarray(rows).view(np.uint64)


def _groups_of_equals(rows: np.ndarray) -> list[np.ndarray]:
    """Return for each row that is there more than once the rising indices of its places."""
    hashes = _hash(rows)
    _, of, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(counts[of] > 1)
    whole = rows[candidates].view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    _, of, counts = np.unique(whole, return_inverse=True, return_counts=True)
    order = np.argsort(of, kind="stable")
    groups = np.split(candidates[order], np.cumsum(counts)[:-1])
    return [group for group in groups if len(group) > 1]


def _hash(rows: np.ndarray) -> np.ndarray:
    """Return a 64-bit hash of each row: the sum, modulo 2^64, of its words times odd numbers."""
    odd = np.random.default_rng(0).integers(2**64, size=rows.shape[1], dtype=np.uint64) | 1
    return rows @ odd
