"""webdataset: tar files of samples, a buffer that shuffles."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("webdataset", "torch")
IMAGES = "uint8"
_PER_FILE = 20_000
_BUFFER = 10_000


def prepare(images: Any, labels: Any, folder: Path) -> None:
    """Write tar files; a sample is the bytes of an image and its class."""
    folder.mkdir(parents=True)
    for number, begin in enumerate(range(0, len(labels), _PER_FILE)):
        with tarfile.open(folder / f"{number:05}.tar", "w") as tar:
            for place in range(begin, min(begin + _PER_FILE, len(labels))):
                _add(tar, f"{place:09}.bin", images[place].tobytes())
                _add(tar, f"{place:09}.cls", str(labels[place]).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _decode(sample: dict[str, Any]) -> tuple[Any, int]:
    return np.frombuffer(sample["bin"], np.uint8).reshape(28, 28), int(sample["cls"])


def loader(folder: Path, batch_size: int, workers: int) -> Any:
    """Return what gives the mini-batches of an epoch."""
    import webdataset  # pyright: ignore

    files = sorted(str(path) for path in folder.glob("*.tar"))
    dataset = (
        webdataset.WebDataset(files, shardshuffle=len(files))
        .shuffle(_BUFFER)
        .map(_decode)
        .batched(batch_size)
    )
    batches = webdataset.WebLoader(
        dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0
    )
    return lambda _: batches
