"""torch's DataLoader over a mapped array, shuffled image by image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("torch",)
IMAGES = "uint8"


def prepare(images: Any, labels: Any, folder: Path) -> None:
    """Write the arrays as they are."""
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)


def loader(folder: Path, batch_size: int, workers: int) -> Any:
    """Return what gives the mini-batches of an epoch."""
    from torch.utils.data import DataLoader, Dataset

    class Mapped(Dataset):
        def __init__(self) -> None:
            self.images = np.load(folder / "images.npy", mmap_mode="r")
            self.labels = np.load(folder / "labels.npy", mmap_mode="r")

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, place: int) -> tuple[Any, int]:
            return np.array(self.images[place]), int(self.labels[place])

    batches = DataLoader(
        Mapped(), batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    return lambda _: batches
