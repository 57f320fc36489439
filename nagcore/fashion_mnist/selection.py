"""Make the shipped files from the full set: `python -m nagcore.fashion_mnist.selection [ROOT]`."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from nagcore.fashion_mnist.arrays import load_arrays
from nagcore.fashion_mnist.contents import FILES, FULL, SHIPPED
from nagcore.fashion_mnist.idx import encode_idx
from nagcore.fashion_mnist.locate import SHIPPED_FOLDER
from nagcore.files import write_whole

COUNT = 1000


def make_selection(folder: Path | str, root: Path | str | None = None) -> list[Path]:
    """Write the first 1,000 training and first 1,000 test images, in the original order.

    The packed files carry no time and no name, so the same zlib makes the same bytes.

    Args:
        folder: where the four files go.
        root: where the full set is; see `find_full`.

    Returns:
        The paths written.

    Raises:
        DataError: the full set was not found or is damaged.
        UsageError: `folder` cannot be written to.
    """
    return [
        write_whole(
            Path(folder) / f"{file.name}.gz",
            gzip.compress(encode_idx(array[:COUNT]), compresslevel=9, mtime=0),
        )
        for file, array in zip(FILES[SHIPPED], load_arrays(FULL, root), strict=True)
    ]


if __name__ == "__main__":
    make_selection(SHIPPED_FOLDER, *sys.argv[1:2])
