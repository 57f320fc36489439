"""Load the images as they are, after checking that they are what they claim to be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nagcore.errors import DataError, UsageError
from nagcore.fashion_mnist.contents import FILES, FULL, SHIPPED, File
from nagcore.fashion_mnist.download import download_full
from nagcore.fashion_mnist.idx import idx_header, read_idx
from nagcore.fashion_mnist.locate import SHIPPED_FOLDER, find_file, find_full, full_folder


class Arrays(NamedTuple):
    """Images and labels as published: unsigned bytes, read-only."""

    train_images: np.ndarray
    """(n, 28, 28), 0 is background"""
    train_labels: np.ndarray
    """(n,), 0 to 9: an index into `CLASSES`"""
    test_images: np.ndarray
    test_labels: np.ndarray


def load_arrays(
    which: str = SHIPPED, root: Path | str | None = None, *, download: bool = False
) -> Arrays:
    """Return Fashion-MNIST, its contents verified by SHA-256.

    Args:
        which: "shipped", the first 1,000 training and first 1,000 test images, which come with
            the package; or "full", all 60,000 and 10,000.
        root: for "full", the one folder to look in; see `find_full` for the places that are
            tried otherwise.
        download: for "full", let torchvision fetch the set where it was not found.

    Raises:
        UsageError: another name in `which`.
        DataError: the full set was not found, or a file is damaged or another one than it claims.
        MissingExtraError: a download was asked for and torchvision is not installed.

    Source: [xiao2017fashion].

    Example:
        >>> arrays = load_arrays()
        >>> arrays.train_images.shape, arrays.train_labels[:3].tolist()
        ((1000, 28, 28), [9, 0, 0])
    """
    if which not in FILES:
        raise UsageError(f"which={which!r} is not a set of images; expected 'shipped' or 'full'")
    if which == SHIPPED:
        folder = SHIPPED_FOLDER
    elif download and find_full(root) is None:
        folder = download_full(root)
    else:
        folder = full_folder(root)
    return Arrays(*(_read_verified(folder, file) for file in FILES[which]))


def _read_verified(folder: Path, file: File) -> np.ndarray:
    path = find_file(folder, file.name)
    if path is None:
        raise DataError(
            f"{folder} holds neither {file.name}.gz nor {file.name}; install the package anew, "
            "or put the file there"
        )
    array = read_idx(path)
    digest = hashlib.sha256(idx_header(array))
    digest.update(array.data)
    if digest.hexdigest() != file.sha256:
        raise DataError(
            f"{path} is not the published file: unpacked, its SHA-256 is {digest.hexdigest()}, "
            f"expected {file.sha256} (shape {array.shape}, expected {file.shape}); "
            "delete it and fetch it again"
        )
    return array


def describe(root: Path | str | None = None) -> str:
    """Return what is here, one line per set, contents verified.

    Args:
        root: as in `find_full`.

    Raises:
        DataError: a file that is here is damaged or another one than it claims.
    """
    lines = [_describe_one(SHIPPED, SHIPPED_FOLDER, load_arrays(SHIPPED))]
    folder = find_full(root)
    if folder is None:
        lines.append("full: not found (needed only for runs on all 60,000 images)")
    else:
        lines.append(_describe_one(FULL, folder, load_arrays(FULL, folder)))
    return "\n".join(lines)


def _describe_one(which: str, folder: Path, arrays: Arrays) -> str:
    return (
        f"{which}: {len(arrays.train_labels):,} training and {len(arrays.test_labels):,} test "
        f"images in {folder}, contents verified by SHA-256"
    )
