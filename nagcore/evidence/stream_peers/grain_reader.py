"""grain over array_record: a global shuffle of records, read by threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("grain", "array-record")
IMAGES = "uint8"


def prepare(images: Any, labels: Any, folder: Path) -> None:
    """Write one file; a record is the bytes of an image with its class behind them."""
    from array_record.python.array_record_module import ArrayRecordWriter  # pyright: ignore

    folder.mkdir(parents=True)
    writer = ArrayRecordWriter(str(folder / "all.array_record"), "group_size:1,uncompressed")
    for image, label in zip(images, labels, strict=True):
        writer.write(image.tobytes() + bytes([int(label)]))
    writer.close()


def _decode(record: bytes) -> tuple[Any, int]:
    return np.frombuffer(record, np.uint8, 784).reshape(28, 28), record[784]


def loader(folder: Path, batch_size: int, workers: int) -> Any:  # noqa: ARG001
    """Return what gives the mini-batches of an epoch, read by as many threads as is its default."""
    import grain.python as grain  # pyright: ignore

    source = grain.ArrayRecordDataSource(str(folder / "all.array_record"))

    def epoch(number: int) -> Any:
        shuffled = grain.MapDataset.source(source).seed(number).shuffle()
        return shuffled.map(_decode).to_iter_dataset().batch(batch_size)

    return epoch
