"""mosaicml-streaming: shards of samples, a data set that streams them, torch's DataLoader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PACKAGES = ("mosaicml-streaming", "torch")
IMAGES = "uint8"


def prepare(images: Any, labels: Any, folder: Path) -> None:
    """Write MDS shards of the size that is the default."""
    from streaming import MDSWriter  # pyright: ignore

    columns = {"image": "ndarray:uint8:28,28", "label": "int"}
    with MDSWriter(out=str(folder), columns=columns) as out:
        for image, label in zip(images, labels, strict=True):
            out.write({"image": image, "label": int(label)})


def loader(folder: Path, batch_size: int, workers: int) -> Any:
    """Return what gives the mini-batches of an epoch."""
    from streaming import StreamingDataset  # pyright: ignore
    from torch.utils.data import DataLoader

    dataset = StreamingDataset(local=str(folder), shuffle=True, batch_size=batch_size)
    batches = DataLoader(
        dataset, batch_size=batch_size, num_workers=workers, persistent_workers=workers > 0
    )
    return lambda _: ((batch["image"], batch["label"]) for batch in batches)
