"""Train in children that are killed at random moments, resume each time, and compare the end.

Run as a script with one thread, so that the parent may fork: `kill_many.py FOLDER SEED KILLS`.
Prints as JSON what it found.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nagcore.optim import NAG
from nagcore.training.checkpoints import Checkpoints, list_checkpoints, read_checkpoint
from nagcore.training.data import ImageData, load_fashion_mnist
from nagcore.training.fit import fit
from nagcore.training.seeds import private_random_state
from nagcore.training.stopping import Steps

STEPS = 40


def main(folder: Path, seed: int, kills: int) -> dict[str, Any]:
    """Kill so many children, let the last one come to the end, and report.

    Where a run comes to its end before, it is compared too, and another one is begun.
    """
    data = load_fashion_mnist()[0].subset(list(range(70)))
    expected = outcome(data, None)
    life = lifetime(data, folder / "measured")
    moments, runs = random.Random(seed), 1
    found: dict[str, Any] = {"killed": 0, "writing": 0, "restored": 0, "unreadable": []}
    differing: list[str] = []
    while found["killed"] < kills:
        run = folder / str(runs)
        found["restored"] += bool(list_checkpoints(run))
        child = born(data, policy(run))
        time.sleep(moments.uniform(0.0, life))
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found["killed"] += status == -signal.SIGKILL
        found["writing"] += bool(list(run.glob(".step-*")))
        found["unreadable"] += [str(path) for path in list_checkpoints(run) if not readable(path)]
        if status >= 0:
            differing += compared(expected, run, status)
            runs += 1
    status = os.waitstatus_to_exitcode(os.waitpid(born(data, policy(folder / str(runs))), 0)[1])
    differing += compared(expected, folder / str(runs), status)
    left = [path.name for path in (folder / str(runs)).glob(".*")]
    return {**found, "runs": runs, "differing": differing, "left over": left}


def policy(folder: Path) -> Checkpoints:
    """Return one that makes writing most of the work."""
    return Checkpoints(folder, every_steps=1, every_epochs=None, resume=True)


def lifetime(data: ImageData, folder: Path) -> float:
    """Return how many seconds a child needs for some steps, so that kills meet all it does."""
    before = time.perf_counter()
    os.waitpid(born(data, policy(folder), steps=5), 0)
    return time.perf_counter() - before


def compared(expected: dict[str, Any], folder: Path, status: int) -> list[str]:
    """Return the names of what a child that came to the end found otherwise."""
    if status != 0:
        return [f"everything: exit status {status}"]
    found = torch.load(folder / "outcome.pt", weights_only=True)
    return [name for name in expected if not same(expected[name], found.get(name))]


def born(data: ImageData, checkpoints: Checkpoints, steps: int = STEPS) -> int:
    """Return the process number of a child that trains, writes its outcome and ends."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        found = outcome(data, checkpoints, steps)
        torch.save(found, Path(checkpoints.folder) / "outcome.pt")
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def outcome(data: ImageData, checkpoints: Checkpoints | None, steps: int = STEPS) -> dict[str, Any]:
    """Train a small network with dropout and running statistics; return all that it came to."""
    with private_random_state(0):
        model = nn.Sequential(
            nn.Conv2d(1, 2, 5, stride=3),
            nn.BatchNorm2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(128, 10),
        )
    optimizer = NAG(model.parameters(), lr=0.02, momentum=0.9)
    history = fit(
        model,
        nn.CrossEntropyLoss(),
        data,
        optimizer,
        batch_size=20,
        until=Steps(steps),
        evaluate_on=data.subset(list(range(20))),
        checkpoints=checkpoints,
    )
    rows = [{**row._asdict(), "metrics": {}, "seconds": 0.0} for row in history.rows]
    state = optimizer.state_dict()["state"]
    displacements = {f"displacement {key}": value["displacement"] for key, value in state.items()}
    return {**model.state_dict(), **displacements, "rows": repr(rows)}


def readable(path: Path) -> bool:
    """Return whether a checkpoint can be read."""
    try:
        read_checkpoint(path)
    except Exception:
        traceback.print_exc()
        return False
    return True


def same(first: Any, second: Any) -> bool:
    """Return whether two values are equal to the bit."""
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return first.numpy().tobytes() == second.numpy().tobytes()
    return first == second


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
