"""`torchrun … -m nagcore train`: one launcher that is told to end, and two that meet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.distributed import TCPStore, is_gloo_available  # pyright: ignore

from nagcore.training.checkpoints import Checkpoint, latest, read_checkpoint
from nagcore.training.config import TrainingConfig
from nagcore.training.train import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_gloo_available(), reason="torch has no gloo"),
]
# Large batches, so that a run has few steps in the time that a test looks on.
CONFIG = TrainingConfig(
    model="cnn", width=3, batch_size=450, lr=0.02, every_steps=1, until="steps=4"
)


@pytest.fixture(scope="module")
def store():
    """A store for the rendezvous, so that no agent has to find a free port."""
    return TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)


def torchrun(arguments: list[str], folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", *arguments, "-m", "nagcore", "train"]
    CONFIG.changed(folder=str(folder)).save(folder.with_suffix(".json"))
    return subprocess.Popen(
        [*command, "--config", str(folder.with_suffix(".json")), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """Return what it said, when it has ended."""
    try:
        said, _ = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    return said


def first_checkpoint(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until there is one."""
    until = time.monotonic() + 240
    while latest(folder) is None:
        assert time.monotonic() < until
        assert process.poll() is None, finished(process)
        time.sleep(0.05)


def newest(folder: Path) -> Checkpoint:
    found = latest(folder)
    assert found is not None
    return read_checkpoint(found)


def test_a_launcher_that_is_told_to_end_saves_and_is_taken_up_again(tmp_path):
    folder = tmp_path / "run"
    both = ["--standalone", "--nproc-per-node", "2"]
    begun = torchrun(both, folder, "--until", "epochs=100000")
    first_checkpoint(folder, begun)
    begun.send_signal(signal.SIGTERM)
    said = finished(begun)
    assert begun.returncode != 0
    assert said.count("signal: SIGTERM came after step") == 1, said
    step = newest(folder).state["run"]["step"]

    again = torchrun(both, folder, "--until", f"steps={step + 2}", "--resume")
    said = finished(again)
    assert again.returncode == 0, said
    assert said.count(f"budget: {step + 2} steps done") == 1, said
    assert sorted(p.name for p in folder.glob("*.*")) == ["config.json", "history.csv", "rates.csv"]
    single = CONFIG.changed(until=f"steps={step + 2}")
    assert_same(newest(folder), single)


def test_two_launchers_that_meet_train_one_sharded_model(tmp_path, store):
    folder = tmp_path / "run"
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{store.port}"]
    node = ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-id", "test", *meeting]
    nodes = [torchrun(node, folder, "--sharding", "fsdp") for _ in range(2)]
    said = [finished(node) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    assert "".join(said).count("budget: 4 steps done") == 1, said
    assert_same(newest(folder), CONFIG)


def assert_same(found: Checkpoint, config: TrainingConfig) -> None:
    """Compare with what one process comes to."""
    trained = train(config)
    assert trained.history.final.step == found.state["run"]["step"]
    for name, value in trained.model.state_dict().items():
        torch.testing.assert_close((found.resume or found.weights)[name], value, rtol=0, atol=1e-6)
