"""grain over array_record, asked for the records of a mini-batch all at once."""

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


def _decode(records: Any) -> tuple[Any, Any]:
    rows = np.frombuffer(b"".join(records), np.uint8).reshape(-1, 785)
    return rows[:, :784].reshape(-1, 28, 28), rows[:, 784]


def loader(folder: Path, batch_size: int, workers: int) -> Any:
    """Return what gives the mini-batches of an epoch; `workers` are threads."""
    import grain.python as grain  # pyright: ignore

    source = grain.ArrayRecordDataSource(str(folder / "all.array_record"))
    options = grain.ReadOptions(num_threads=workers, prefetch_buffer_size=8)

    def epoch(number: int) -> Any:
        places = grain.MapDataset.range(len(source)).seed(number).shuffle().batch(batch_size)
        batches = places.map(lambda batch: _decode(source.__getitems__(batch.tolist())))
        return batches.to_iter_dataset(options)

    return epoch
