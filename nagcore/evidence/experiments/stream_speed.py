"""How fast images come from the disk, read by this package and by others."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.stream_readers import Reader, prepare, read, require_readers
from nagcore.fashion_mnist import load_arrays

DECLARATION = Declaration(
    name="stream-speed",
    question="How many images a second does each reader deliver from the disk, shuffled?",
    axes={"images": (200_000,)},  # Fashion-MNIST's 1,000 over and over
    constants={
        "readers": (
            "nagcore",
            "nagcore, normalised",
            "memmap, not shuffled",
            "DataLoader on memmap",
            "litdata",
            "litdata, 2 workers",
            "webdataset",
            "webdataset, 2 workers",
            "mosaicml-streaming",
            "mosaicml-streaming, 2 workers",
            "grain",
            "grain, batched reads",
        ),
        "batch_size": 256,
        "rounds": 3,
        "seconds": 1.5,  # of a turn, unless an epoch is over before
    },
    columns={
        "reader": "names, in the order of the lists that follow",
        "version": "packages and versions",
        "cold": "per reader and round: images per second of the first epoch, files not in memory",
        "warm": "per reader and round: images per second with the files in memory",
        "bytes_per_image": "on the disk",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Write the same images for every reader, then let them read in turns."""
    readers = require_readers(tuple(setting["readers"]))
    with tempfile.TemporaryDirectory() as name:
        folders = _prepare(readers, setting["images"], Path(name))
        rounds: list[dict[str, dict[str, Any]]] = []
        for turn in range(setting["rounds"]):
            order = list(readers) if turn % 2 == 0 else list(readers)[::-1]
            rounds.append(
                {
                    name: read(
                        readers[name], folders[name], setting["batch_size"], setting["seconds"]
                    )
                    for name in order
                }
            )
        sizes = [_bytes(folders[name]) / setting["images"] for name in readers]
    return {
        "reader": list(readers),
        "version": [_versions(rounds[0][name]["versions"]) for name in readers],
        "cold": [[done[name]["cold"] for done in rounds] for name in readers],
        "warm": [[done[name]["warm"] for done in rounds] for name in readers],
        "bytes_per_image": sizes,
    }


def _prepare(readers: Mapping[str, Reader], count: int, folder: Path) -> dict[str, Path]:
    """Write what each reader reads; return where, by name."""
    arrays, places = load_arrays(), np.arange(count) % 1000
    raw = folder / "raw"
    raw.mkdir()
    np.save(raw / "images.npy", arrays.train_images[places])
    np.save(raw / "labels.npy", arrays.train_labels[places].astype(np.int64))
    folders: dict[str, Path] = {}
    for name, reader in readers.items():
        folders[name] = folder / reader.data.__name__.rpartition(".")[2]
        if not folders[name].exists():
            prepare(reader, raw, folders[name])
    return folders


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _versions(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())


EXPERIMENT = Experiment(DECLARATION, measure)
