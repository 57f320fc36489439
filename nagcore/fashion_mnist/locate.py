"""Where the files are: inside the package, and wherever the full set is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from nagcore.errors import DataError
from nagcore.fashion_mnist.contents import FILES, FULL

ENVIRONMENT_VARIABLE = "NAGCORE_DATA"
TORCHVISION_FOLDER = Path("FashionMNIST") / "raw"
DEBIAN_FOLDER = Path("share") / "datasets" / "fashion-mnist"

SHIPPED_FOLDER = Path(str(resources.files("nagcore.fashion_mnist"))) / "first_1000"

THREE_WAYS = (
    "Three ways to have it: (1) put the four files into a folder and name it as root or in "
    f"{ENVIRONMENT_VARIABLE}, flat or as FashionMNIST/raw, packed or unpacked; (2) on Debian and "
    "its kin, apt-get install dataset-fashion-mnist; (3) with a network, let torchvision fetch it: "
    "nagcore data --download, or download=True"
)


def find_full(root: Path | str | None = None) -> Path | None:
    """Return the folder that holds the four files of the full set, or None.

    The names decide here; `load_arrays` checks the contents.

    Args:
        root: the one folder to look in, flat or with torchvision's `FashionMNIST/raw` inside. If
            left out: the folder in the environment variable NAGCORE_DATA, `./data`, then
            `share/datasets/fashion-mnist` under Python's prefix, `/usr/local` and `/usr`.
    """
    for folder in _candidates(root):
        if all(find_file(folder, file.name) for file in FILES[FULL]):
            return folder
    return None


def full_folder(root: Path | str | None = None) -> Path:
    """Return `find_full(root)`, or say how the full set can be had.

    Raises:
        DataError: it is in none of the places.
    """
    folder = find_full(root)
    if folder is None:
        places = ", ".join(str(place) for place in _candidates(root))
        raise DataError(f"the full Fashion-MNIST is in none of {places}. {THREE_WAYS}")
    return folder


def find_file(folder: Path, name: str) -> Path | None:
    """Return the unpacked file, else the packed one, else None."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def _candidates(root: Path | str | None) -> Iterator[Path]:
    if root is not None:
        yield from _with_torchvision_layout(Path(root))
        return
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        yield from _with_torchvision_layout(Path(named))
    yield from _with_torchvision_layout(Path("data"))
    prefixes = dict.fromkeys((Path(sys.prefix), Path("/usr/local"), Path("/usr")))
    for prefix in prefixes:
        yield prefix / DEBIAN_FOLDER


def _with_torchvision_layout(folder: Path) -> tuple[Path, Path]:
    folder = folder.expanduser()
    return folder, folder / TORCHVISION_FOLDER
