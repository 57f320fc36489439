"""litdata: chunks of samples, a data set that streams them, its own loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PACKAGES = ("litdata", "torch")
IMAGES = "uint8"


class _Samples:
    """Gives one sample by its place; an object, so that it can be sent to a process."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.images, self.labels = images, labels

    def __call__(self, place: int) -> dict[str, Any]:
        return {"image": self.images[place], "label": int(self.labels[place])}


def prepare(images: Any, labels: Any, folder: Path) -> None:
    """Write chunks of 64 MB, as its documentation has it."""
    import litdata  # pyright: ignore

    litdata.optimize(
        fn=_Samples(images, labels),
        inputs=list(range(len(labels))),
        output_dir=str(folder),
        chunk_bytes="64MB",
        num_workers=1,
        start_method="fork",
    )


def loader(folder: Path, batch_size: int, workers: int) -> Any:
    """Return what gives the mini-batches of an epoch."""
    import litdata  # pyright: ignore

    dataset = litdata.StreamingDataset(str(folder), shuffle=True, drop_last=False)
    batches = litdata.StreamingDataLoader(
        dataset,
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    return lambda _: ((batch["image"], batch["label"]) for batch in batches)
