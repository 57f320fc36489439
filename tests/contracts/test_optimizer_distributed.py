"""Two processes that share the work end where one does: DDP, FSDP2, DTensor, sharded states."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from optimizer_table import ROWS

HERE = Path(__file__).parent
CASES = ("DDP", "FSDP2", "checkpoint", "gathered", "DTensor")


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """What each of the two processes found, case by case; they are started once."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "two processes"
    with FileLock(shared / "two processes.lock"):
        if not folder.exists():
            folder.mkdir()
            start_both(folder)
    reports = [folder / f"found{rank}.json" for rank in (0, 1)]
    if not all(report.exists() for report in reports):
        pytest.fail("\n".join((folder / f"said{rank}.txt").read_text() for rank in (0, 1)))
    return [json.loads(report.read_text(encoding="utf-8")) for report in reports]


def start_both(folder):
    command = [sys.executable, str(HERE / "two_processes.py")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    files = [(folder / f"said{rank}.txt").open("w") for rank in (0, 1)]
    both = [
        subprocess.Popen(
            [*command, str(rank), str(folder)], env=environment, stdout=file, stderr=file
        )
        for rank, file in enumerate(files)
    ]
    try:
        for one in both:
            one.wait(timeout=240)
    except subprocess.TimeoutExpired:
        pass
    finally:
        for one, file in zip(both, files, strict=True):
            one.kill()
            one.wait()
            file.close()


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch has no gloo")
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("case", CASES)
def test_two_processes_end_where_one_does(found, name, case):
    for rank, report in enumerate(found):
        failure = report[f"{case} {name}"]
        assert failure is None, f"process {rank}:\n{failure}"
