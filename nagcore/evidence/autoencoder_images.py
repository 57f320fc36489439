"""Images for autoencoders by name: intensities from 0 to 1 in rows of 784."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from nagcore.errors import DataError
from nagcore.fashion_mnist import load_arrays, read_idx
from nagcore.names import closest_first
from nagcore.training.curves import SIDE, make_curves

MNIST_VARIABLE = "NAGCORE_MNIST"
_FILE = "train-images-idx3-ubyte"


def load_training_images(name: str, count: int, device: str = "cpu", *, pooled: int = 1) -> Tensor:
    """Return the first `count` training images of a set.

    Args:
        name: "curves", made from seed 0; "fashion-mnist", the shipped images for 1,000 or fewer,
            else the full set, which must be there; or "mnist", from the IDX file in the folder
            that the environment variable NAGCORE_MNIST names.
        count: number of images.
        device: where they go.
        pooled: side of the squares of pixels of which each becomes one, their mean: 2 makes
            images of 14 × 14 for networks that a CPU trains in seconds.

    Returns:
        float32 (count, 784), or fewer pixels where they are pooled.

    Raises:
        DataError: an unknown name, a file that is not there, or fewer images than asked for.

    Example:
        >>> load_training_images("fashion-mnist", 10).shape
        torch.Size([10, 784])
    """
    if name not in _LOADERS:
        raise DataError(f"no images {name!r} here; known: {closest_first(name, _LOADERS)}")
    images = _LOADERS[name](count, device)
    if len(images) < count:
        raise DataError(f"{name} has {len(images)} training images, expected {count} or more")
    return pool(images.to(device), pooled)


def pool(images: Tensor, pooled: int) -> Tensor:
    """Return images (n, 784) with `pooled` × `pooled` pixels made one.

    Example:
        >>> pool(torch.ones(3, 784), 2).shape
        torch.Size([3, 196])
    """
    squares = images.view(len(images), SIDE // pooled, pooled, SIDE // pooled, pooled)
    return squares.mean(dim=(2, 4)).flatten(1)


def _curves(count: int, device: str) -> Tensor:
    return make_curves(count, 1, device=device)[0]


def _fashion(count: int, device: str) -> Tensor:  # noqa: ARG001
    return _scaled(load_arrays("shipped" if count <= 1000 else "full").train_images[:count])


def _mnist(count: int, device: str) -> Tensor:  # noqa: ARG001
    named = os.environ.get(MNIST_VARIABLE)
    if not named:
        raise DataError(
            f"{MNIST_VARIABLE} is not set; expected the folder of {_FILE}, packed or unpacked"
        )
    unpacked = Path(named).expanduser() / _FILE
    return _scaled(read_idx(unpacked if unpacked.is_file() else f"{unpacked}.gz")[:count])


def _scaled(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32).reshape(len(pixels), -1) / 255)


_LOADERS: Mapping[str, Callable[[int, str], Tensor]] = MappingProxyType(
    {"curves": _curves, "fashion-mnist": _fashion, "mnist": _mnist}
)
