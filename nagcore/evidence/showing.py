"""What chapters need to show a defect: the error it raises, and torchvision's own data set."""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nagcore.errors import MissingExtraError
from nagcore.fashion_mnist.locate import SHIPPED_FOLDER

# A folder of `tempfile.mkdtemp` is another one in every run, and a page is not to differ by it.
_TEMPORARY = re.compile(re.escape(tempfile.gettempdir()) + r"/tmp\w+/")


@contextmanager
def shows_error(kind: type[Exception]) -> Iterator[None]:
    """Print the error that the block raises; fail if it raises none, or one of another kind.

    Paths inside a temporary folder are printed from there on.

    Args:
        kind: the class of the error.

    Raises:
        AssertionError: the block raised nothing.

    Example:
        >>> with shows_error(ZeroDivisionError):
        ...     1 / 0
        ZeroDivisionError: division by zero
    """
    try:
        yield
    except kind as error:
        print(f"{type(error).__name__}: {_TEMPORARY.sub('', str(error))}")  # noqa: T201
    else:
        raise AssertionError(f"expected {kind.__name__}, but the block ran without an error")


def open_with_torchvision(*, train: bool) -> Any:
    """Return the shipped images as a `torchvision.datasets.FashionMNIST`.

    Args:
        train: the training images, or the test images.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    try:
        from torchvision.datasets import FashionMNIST
    except ImportError as error:
        raise MissingExtraError("torchvision", "book", "this demonstration") from error
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for packed in SHIPPED_FOLDER.glob("*.gz"):
            (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        return FashionMNIST(folder, train=train, download=False)
