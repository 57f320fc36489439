"""This package's reader, normalised to float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PACKAGES = ("torch", "pyarrow")
IMAGES = "float32"


def prepare(images: Any, labels: Any, folder: Path) -> None:
    """Write shards with the sizes that are the default."""
    from nagcore.training.stream import write_shards

    write_shards(folder, [(images, labels)], classes=tuple("0123456789"))


def loader(folder: Path, batch_size: int, workers: int) -> Any:
    """Return what gives the mini-batches of an epoch; `workers` are threads here."""
    from nagcore.training.stream import ShardStream

    stream = ShardStream(folder, threads=max(workers, 1))
    return lambda epoch: (
        (batch.inputs, batch.targets) for batch in stream.batches(batch_size, seed=0, epoch=epoch)
    )
