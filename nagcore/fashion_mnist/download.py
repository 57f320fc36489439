"""Let torchvision fetch the full set."""

from __future__ import annotations

import os
from pathlib import Path

from nagcore.errors import DataError, MissingExtraError
from nagcore.fashion_mnist.locate import (
    ENVIRONMENT_VARIABLE,
    THREE_WAYS,
    TORCHVISION_FOLDER,
)


def download_full(root: Path | str | None = None) -> Path:
    """Fetch the full set with torchvision and return the folder that now holds it.

    Args:
        root: the folder under which torchvision makes `FashionMNIST/raw`; if left out, the one
            in the environment variable NAGCORE_DATA, else `./data`.

    Raises:
        MissingExtraError: torchvision is not installed.
        DataError: it could not be fetched or written.
    """
    try:
        from torchvision.datasets import FashionMNIST
    except ImportError as error:
        raise MissingExtraError("torchvision", "book", "downloading Fashion-MNIST") from error
    target = Path(root or os.environ.get(ENVIRONMENT_VARIABLE) or "data").expanduser()
    try:
        FashionMNIST(str(target), download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"Fashion-MNIST could not be fetched into {target}: {error}. {THREE_WAYS}"
        ) from error
    return target / TORCHVISION_FOLDER
