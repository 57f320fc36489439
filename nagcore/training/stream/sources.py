"""Make shards of what there is: Fashion-MNIST, arrays in files, a folder of images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nagcore.errors import DataError, UsageError
from nagcore.fashion_mnist import CLASSES, load_arrays
from nagcore.training.checks import require_count
from nagcore.training.stream.image_folder import read_image_folder
from nagcore.training.stream.index import Index, read_index
from nagcore.training.stream.write import ROWS_PER_BLOCK, ROWS_PER_SHARD, write_shards

_CHUNK = 4_096
_FASHION_MNIST = {"fashion-mnist-1000": "shipped", "fashion-mnist": "full"}
_TEST = "-test"  # behind one of these names
LABELS_FILE = "labels.npy"


class Images(NamedTuple):
    """What is to be written.

    Args:
        chunks: images, uint8, with labels.
        rows: how many there are.
        classes: what each label means.
    """

    chunks: Iterator[tuple[np.ndarray, np.ndarray]]
    rows: int
    classes: tuple[str, ...]


def make_shards(
    source: str,
    folder: str,
    *,
    rows: int | None = None,
    rows_per_shard: int = ROWS_PER_SHARD,
    rows_per_block: int = ROWS_PER_BLOCK,
    statistics_of: str | None = None,
    progress: bool = True,
) -> Index:
    """Write a data set of shards from a source by its name.

    Args:
        source: "fashion-mnist-1000" (shipped) or "fashion-mnist" (all of it), the training images;
            with "-test" behind, the test images; a file `.npz` with the arrays `images`,
            `labels` and, if you like, `classes`; a file `.npy` of images, with `labels.npy`
            beside it; or a folder with a subfolder of images for each class. Images in files are
            uint8 (n, height, width) or (n, channels, height, width).
        folder: where to; a path, or a URL that fsspec knows.
        rows: how many images to write: the source is gone through as often as it takes. All of
            it, once, if left out.
        rows_per_shard: images of a file.
        rows_per_block: images that are read at once.
        statistics_of: a folder of shards whose mean and standard deviation to take over; name
            that of the training images where these are for testing.
        progress: whether to show a progress bar.

    Returns:
        The index written.

    Raises:
        UsageError: a source that is not known, or a number or folder that cannot be used.
        DataError: a file of the source is missing or is not what it should be.
        MissingExtraError: pyarrow, fsspec or, for a folder of images, Pillow is not installed.

    Example:
        >>> make_shards("fashion-mnist-1000", "memory://tiled", rows=2500, progress=False).rows
        2500
    """
    if rows is not None:
        require_count(rows, "rows")
    other = None if statistics_of is None else read_index(statistics_of)
    images = open_source(source, rows)
    return write_shards(
        folder,
        images.chunks,
        classes=images.classes,
        rows_per_shard=rows_per_shard,
        rows_per_block=rows_per_block,
        statistics=None if other is None else (other.mean, other.deviation),
        rows=images.rows,
        progress=progress,
    )


def open_source(source: str, rows: int | None = None) -> Images:
    """Return the images of a source; see `make_shards`."""
    path = Path(source).expanduser()
    if source.removesuffix(_TEST) in _FASHION_MNIST:
        return _arrays(*_fashion_mnist(source), CLASSES, rows)
    if path.is_dir():
        return Images(*read_image_folder(path, rows))
    if path.suffix in (".npz", ".npy"):
        return _arrays(*_load_arrays(path), rows)
    raise UsageError(
        f"source={source!r} is not known; expected one of {', '.join(_FASHION_MNIST)}, "
        "each also with -test behind it, a file .npz or .npy, or a folder with a subfolder for "
        "each class"
    )


def _fashion_mnist(source: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = load_arrays(_FASHION_MNIST[source.removesuffix(_TEST)])
    return (
        (arrays.test_images, arrays.test_labels)
        if source.endswith(_TEST)
        else (arrays.train_images, arrays.train_labels)
    )


def _load_arrays(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return images, labels and the names of the classes."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                images, labels = archive["images"], archive["labels"]
                names = archive["classes"].tolist() if "classes" in archive else None
        else:
            # mapped, because it may be larger than memory
            images = np.load(path, mmap_mode="r", allow_pickle=False)
            labels = np.load(path.with_name(LABELS_FILE), allow_pickle=False)
            names = None
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(
            f"cannot read {path}: {error}; expected a file .npz with the arrays 'images' and "
            f"'labels', or a file .npy of images with {LABELS_FILE} beside it"
        ) from error
    if not np.issubdtype(labels.dtype, np.integer) or labels.ndim != 1 or not labels.size:
        raise DataError(
            f"labels of {path} are {labels.dtype} of shape {labels.shape}, expected whole numbers "
            "of shape (n,)"
        )
    if images.ndim < 3 or len(images) != len(labels):
        raise DataError(
            f"{path} has images of shape {images.shape} and {len(labels)} labels, expected images "
            "(n, height, width) or (n, channels, height, width) and n labels"
        )
    if names is None:
        names = range(int(labels.max()) + 1)
    return images, labels, tuple(map(str, names))


def _arrays(
    images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], rows: int | None
) -> Images:
    """Go through arrays as often as it takes."""
    wanted = len(labels) if rows is None else rows

    def chunks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        left = wanted
        for _ in range(math.ceil(wanted / len(labels))):
            for begin in range(0, min(left, len(labels)), _CHUNK):
                end = min(begin + _CHUNK, begin + left, len(labels))
                yield images[begin:end], labels[begin:end]
                left -= end - begin

    return Images(chunks(), wanted, classes)
