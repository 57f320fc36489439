"""Write a data set for one reader, or measure how fast it delivers; print one line of JSON.

    python measure.py MODULE prepare RAW FOLDER
    python measure.py MODULE read FOLDER BATCH_SIZE WORKERS SECONDS

MODULE has `PACKAGES`, `prepare(images, labels, folder)` and `loader(folder, batch_size, workers)`,
which returns a function that gives the mini-batches of an epoch: images of type `IMAGES`, with
labels.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

Epoch = Callable[[int], Iterable[Any]]
_CHUNK = 2**24


def delivered(epoch: Epoch, seconds: float, *, first: int, epochs: int) -> tuple[int, float]:
    """Return how many images came, and in which time.

    The clock starts when the first mini-batch is asked for, and stops when `seconds` are over or
    `epochs` gone through.
    """
    images, start = 0, time.perf_counter()
    for number in range(first, first + epochs):
        for batch in epoch(number):
            images += len(batch[1])
            if time.perf_counter() - start > seconds:
                return images, time.perf_counter() - start
    return images, time.perf_counter() - start


def check(batch: Any, batch_size: int, kind: str) -> None:
    """Refuse what is not a full mini-batch of images: then other work would be measured."""
    images, labels = np.asarray(batch[0]), np.asarray(batch[1])
    if images.dtype != kind or images.size != 784 * batch_size or len(labels) != batch_size:
        raise ValueError(f"a mini-batch is {images.dtype} {images.shape}, labels {labels.shape}")


def read_through(folder: Path) -> None:
    """Read every file once, so that the system has it in memory."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(_CHUNK):
                    pass


def measure(module: Any, folder: Path, batch_size: int, workers: int, seconds: float) -> dict:
    """Read first as the files lie on the disk, then again with all of them in memory."""
    epoch = module.loader(folder, batch_size, workers)
    cold = delivered(epoch, seconds, first=0, epochs=1)
    read_through(folder)
    warm = delivered(epoch, seconds, first=1, epochs=1000)
    check(next(iter(epoch(0))), batch_size, module.IMAGES)
    return {"cold": cold[0] / cold[1], "warm": warm[0] / warm[1], "images": [cold[0], warm[0]]}


def main(name: str, command: str, *arguments: str) -> None:
    """Do as the command line says."""
    module = importlib.import_module(name)
    if command == "prepare":
        raw, folder = map(Path, arguments)
        start = time.perf_counter()
        module.prepare(np.load(raw / "images.npy"), np.load(raw / "labels.npy"), folder)
        result: dict[str, Any] = {"seconds": time.perf_counter() - start}
    else:
        folder, batch_size, workers, seconds = arguments
        result = measure(module, Path(folder), int(batch_size), int(workers), float(seconds))
    packages = {name: importlib.metadata.version(name) for name in module.PACKAGES}
    # on a line of its own, whatever the library wrote before
    sys.stdout.write("\n" + json.dumps(result | {"versions": packages}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
