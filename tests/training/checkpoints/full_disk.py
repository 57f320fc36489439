"""Train until the disk is full, and print as JSON what is left. Two ways to make it full.

`full_disk.py limit FOLDER`: no file may grow beyond a limit, tried for many limits.
`full_disk.py mount FOLDER`: a small file system in memory, mounted over FOLDER.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.training.checkpoints import (
    Checkpoints,
    list_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from nagcore.training.data import load_fashion_mnist
from nagcore.training.fit import fit
from nagcore.training.stopping import Steps


def train(folder: Path, **policy: Any) -> str:
    """Train with a checkpoint after each step; return what ended it."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    data = load_fashion_mnist()[0].subset(list(range(60)))
    checkpoints = Checkpoints(folder, every_steps=1, resume=True, **policy)
    optimizer = NAG(model.parameters(), lr=0.01)
    try:
        fit(
            model,
            nn.CrossEntropyLoss(),
            data,
            optimizer,
            batch_size=20,
            until=Steps(30),
            checkpoints=checkpoints,
        )
    except UsageError as error:
        return str(error)
    return ""


def report(folder: Path, message: str) -> dict[str, Any]:
    """Return the message and what lies in the folder; all checkpoints in it are read."""
    steps = [read_checkpoint(path).step for path in list_checkpoints(folder)]
    others = [path.name for path in folder.iterdir() if not path.name.startswith("step-")]
    return {"message": message, "steps": steps, "others": others}


def with_limits(folder: Path) -> list[dict[str, Any]]:
    """Write a checkpoint under many limits of the size of a file, with files of three sizes."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    content = {
        "weights": {"w": torch.rand(3000)},
        "resume": {"w": torch.rand(6000)},
        "state": {"t": torch.rand(12_000)},
        "about": {},
    }
    write_checkpoint(folder, 0, **content)
    found = []
    for limit in (0, 1, 500, 4096, 12_050, 20_000, 24_100, 40_000, 48_100, 49_000, 10**6):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            write_checkpoint(folder, limit + 1, **content)
            message = ""
        except UsageError as error:
            message = str(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        found.append({"limit": limit, **report(folder, message)})
    return found


def on_a_small_disk(folder: Path) -> list[dict[str, Any]]:
    """Train on a disk of 1 MB until it is full, make room, and train on."""
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(options, check=False, capture_output=True).returncode:
        return []
    found = [report(folder, train(folder, keep_last=1000))]
    found.append(report(folder, train(folder, keep_last=2)))
    for path in list_checkpoints(folder)[:-2]:
        subprocess.run(["rm", "-r", path], check=True)
    found.append(report(folder, train(folder, keep_last=2)))
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    what = {"limit": with_limits, "mount": on_a_small_disk}[sys.argv[1]]
    sys.stdout.write(json.dumps(what(Path(sys.argv[2]))))
