"""How much memory reading takes as the data grow, and how fast it is at each size."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nagcore.errors import UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.device_timing import call_afresh
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.stream_growth import growth_over_an_epoch
from nagcore.evidence.stream_readers import evict
from nagcore.training.stream.sources import make_shards

DECLARATION = Declaration(
    name="stream-memory",
    question="Does the memory that reading takes depend on the size of the data?",
    axes={"gigabytes": (0.5, 2.0, 10.0)},  # of pixels, 10⁹ bytes
    constants={"batch_size": 256, "rounds": 2},
    columns={
        "rows": "images",
        "baseline": "resident memory before the first mini-batch, 10⁶ bytes, median",
        "growth": "per round: most resident memory above it in an epoch, uint8, 10⁶ bytes",
        "growth_normalised": "per round: likewise, images normalised to float32",
        "rate": "per round: images per second, uint8, files not in memory before",
        "rate_normalised": "per round: likewise, images normalised to float32",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Write so much data into a temporary folder and read them in new processes."""
    rows = int(setting["gigabytes"] * 1e9) // 784
    with tempfile.TemporaryDirectory() as name:
        _require_space(Path(name), rows * 800)
        folder = f"{name}/shards"
        make_shards("fashion-mnist-1000", folder, rows=rows, progress=False)
        stored, normalised = [], []
        for _ in range(setting["rounds"]):
            for normalise, found in ((False, stored), (True, normalised)):
                evict(Path(folder))
                read = functools.partial(growth_over_an_epoch, normalise=normalise)
                found.append(call_afresh(read, folder, setting["batch_size"]))
    baselines = sorted(growth.baseline for growth in (*stored, *normalised))
    return {
        "rows": rows,
        "baseline": baselines[len(baselines) // 2],
        "growth": [growth.megabytes for growth in stored],
        "growth_normalised": [growth.megabytes for growth in normalised],
        "rate": [growth.rate for growth in stored],
        "rate_normalised": [growth.rate for growth in normalised],
    }


def _require_space(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < 1.2 * wanted:
        raise UsageError(
            f"{folder.parent} has {free / 1e9:.1f} GB free, expected {1.2 * wanted / 1e9:.1f} GB "
            "for the data: make room, or name another folder in TMPDIR"
        )


EXPERIMENT = Experiment(DECLARATION, measure)
