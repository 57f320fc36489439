"""Two processes that train together, started once for all that is asked of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """What each of the two processes found, case by case: None, or the traceback."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "two trainers"
    with FileLock(shared / "two trainers.lock"):
        if not folder.exists():
            folder.mkdir()
            start_both(folder)
    reports = [folder / f"found{rank}.json" for rank in (0, 1)]
    if not all(report.exists() for report in reports):
        pytest.fail((folder / "said.txt").read_text())
    return [json.loads(report.read_text(encoding="utf-8")) for report in reports]


def start_both(folder):
    command = [sys.executable, str(HERE / "two_trainers.py"), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "said.txt").open("w") as file:
        subprocess.run(command, env=environment, stdout=file, stderr=file, timeout=240, check=False)
