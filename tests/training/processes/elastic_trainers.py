"""Two workers of torch's elastic agent, of which one dies at a step; see test_elastic.py.

Run as a script: `elastic_trainers.py FOLDER PORT`, where a store for the rendezvous listens.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import torch
from shared_steps import equal, trained
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from nagcore.training.callbacks import Callback
from nagcore.training.checkpoints import Checkpoints
from nagcore.training.processes import joined_processes
from nagcore.training.run import Run
from nagcore.training.stopping import Steps

ALL = Steps(15)
DEATHS = {0: (1, 6), 1: (0, 11)}
"""After which step which worker dies, by the number of restarts so far."""


class Mortal(Callback):
    """Notes where a run starts, and kills its process as `DEATHS` says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.restarts = folder, int(os.environ["TORCHELASTIC_RESTART_COUNT"])

    def on_start(self, run: Run) -> None:
        if run.processes.is_first:
            (self.folder / f"start{self.restarts}").write_text(str(run.step))

    def on_step(self, run: Run) -> None:
        if DEATHS.get(self.restarts) == (run.processes.rank, run.step):
            os.kill(os.getpid(), signal.SIGKILL)


def work(folder: Path) -> None:
    """Train in two processes to the end; then compare with a run that nothing interrupts."""
    torch.set_num_threads(1)
    with joined_processes(timeout=60) as processes:
        policy = Checkpoints(folder / "run", every_steps=4, every_epochs=None, resume=True)
        mortal = Mortal(folder)
        parameters, history = trained(processes, until=ALL, checkpoints=policy, callbacks=[mortal])
        straight, other = trained(processes, until=ALL)
        found = {
            "same bits": equal(parameters, straight),
            "same rows": [row.train_loss for row in history.rows]
            == [row.train_loss for row in other.rows],
            "restarts": mortal.restarts,
        }
        (folder / f"found{processes.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    # Workers are forked off a process that has imported what they need, and nothing else.
    multiprocessing.set_forkserver_preload(["shared_steps", "torch._dynamo"])
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=2,
        run_id="test",
        rdzv_backend="c10d",
        rdzv_endpoint=f"127.0.0.1:{sys.argv[2]}",
        max_restarts=3,
        monitor_interval=0.05,
        start_method="forkserver",
    )
    elastic_launch(config, work)(Path(sys.argv[1]))
