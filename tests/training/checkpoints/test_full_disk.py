"""A full disk ends the run with a message; the last good checkpoint is whole, nothing is left."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from nagcore.errors import UsageError
from nagcore.training.checkpoints import list_checkpoints, read_checkpoint, write_checkpoint
from nagcore.training.checkpoints import state as state_module

ROOT = Path(__file__).parents[3]
CONTENT: dict[str, Any] = {
    "weights": {"w": torch.ones(3)},
    "resume": {"w": torch.zeros(3)},
    "state": {"t": torch.ones(3)},
    "about": {},
}
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, at: int) -> Callable[[], int]:
    """Let the call of this number fail, from 0; return a function that counts the calls."""
    real, calls = getattr(owner, name), []

    def call(*arguments: Any, **options: Any) -> Any:
        calls.append(name)
        if len(calls) == at + 1:
            raise FULL
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, call)
    return lambda: len(calls)


@pytest.mark.parametrize(
    ("owner", "name", "times"),
    [
        (os, "fsync", 6),  # four files, their folder, the folder above
        (os, "rename", 1),
        (os, "chmod", 5),
        (tempfile, "mkdtemp", 1),
        (safetensors.torch, "save_file", 2),
        (Path, "write_bytes", 1),
        (torch, "save", 1),
    ],
)
@pytest.mark.parametrize("earlier", [True, False])
def test_a_failure_at_each_stage(tmp_path: Path, monkeypatch, owner, name, times, earlier: bool):
    says = "There is no earlier checkpoint"
    if earlier:
        last = write_checkpoint(tmp_path, 10, **CONTENT)
        says = f"The last checkpoint, {last}, is whole"
    kept = list_checkpoints(tmp_path)
    for at in range(times):
        with monkeypatch.context() as patch:
            fail_at(patch, owner, name, at)
            with pytest.raises(UsageError) as caught:
                write_checkpoint(tmp_path, 20, **CONTENT)
        message = str(caught.value)
        assert f"cannot write {tmp_path}/step-00000020: No space left on device" in message
        assert says in message
        assert list(tmp_path.iterdir()) == kept
        assert [read_checkpoint(path).step for path in kept] == [10] * earlier
    with monkeypatch.context() as patch:
        calls = fail_at(patch, owner, name, times)
        write_checkpoint(tmp_path, 20, **CONTENT)
        assert calls() == times  # no stage was passed over


def test_a_failure_at_each_piece_of_the_state(tmp_path: Path, monkeypatch):
    class Disk:
        """Room for so many pieces."""

        def __init__(self, file: Any, room: int) -> None:
            self.file, self.room = file, room

        def write(self, data: Any) -> None:
            self.room -= 1
            if self.room < 0:
                raise FULL
            self.file.write(data)

        def flush(self) -> None:
            self.file.flush()

    real, failures = state_module._Stream, 0
    for room in range(100):
        with monkeypatch.context() as patch:
            patch.setattr(state_module, "_Stream", lambda file, room=room: real(Disk(file, room)))  # pyright: ignore
            try:
                write_checkpoint(tmp_path, room, **CONTENT)
                break
            except UsageError as error:
                assert "No space left on device; nothing was written" in str(error)  # noqa: PT017
                failures += 1
        assert list(tmp_path.iterdir()) == []
    assert failures > 10
    assert len(list_checkpoints(tmp_path)) == 1


def test_ctrl_c_while_writing_leaves_nothing(tmp_path: Path, monkeypatch):
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path, 1, **CONTENT)
    assert list(tmp_path.iterdir()) == []


def full_disk(*command: str) -> list[dict[str, Any]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = str(Path(__file__).with_name("full_disk.py"))
    words = [*command[:-2], sys.executable, script, *command[-2:]]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_system_refuses_to_write_more(tmp_path: Path):
    found = full_disk("limit", str(tmp_path))
    last = found.pop()
    assert (last["message"], last["steps"]) == ("", [0, last["limit"] + 1])
    for entry in found:
        assert f"cannot write {tmp_path}/step-000" in entry["message"]
        assert "File too large; nothing was written" in entry["message"]
        assert f"The last checkpoint, {tmp_path}/step-00000000, is whole" in entry["message"]
        assert (entry["steps"], entry["others"]) == ([0], [])


@pytest.mark.slow
def test_a_run_on_a_small_disk(tmp_path: Path):
    own_mounts = [shutil.which("unshare") or "", "--user", "--map-root-user", "--mount"]
    if not own_mounts[0] or subprocess.run([*own_mounts, "true"], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    found = full_disk(*own_mounts, "mount", str(tmp_path))
    if not found:
        pytest.skip("mounting is not allowed here")
    full, again, roomy = found
    steps = full["steps"]
    assert steps == list(range(1, len(steps) + 1))  # all were read
    for entry in (full, again):
        assert f"step-{len(steps) + 1:08d}: No space left on device" in entry["message"]
        assert (
            f"The last checkpoint, {tmp_path}/step-{len(steps):08d}, is whole" in entry["message"]
        )
        assert (entry["steps"], entry["others"]) == (steps, [])
    assert roomy == {"message": "", "steps": [29, 30], "others": []}
