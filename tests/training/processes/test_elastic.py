"""A worker that dies is started anew by torch's elastic agent, and the run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch.distributed import TCPStore, is_gloo_available  # pyright: ignore

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.skipif(not is_gloo_available(), reason="torch has no gloo")
def test_a_run_whose_workers_are_killed_ends_at_the_same_bits(tmp_path):
    # The agent finds this store instead of opening one, so that the port is free for sure.
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    said = subprocess.run(
        [sys.executable, str(HERE / "elastic_trainers.py"), str(tmp_path), str(store.port)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    # Killed after steps 6 and 11, with a checkpoint every 4.
    assert [(tmp_path / f"start{number}").read_text() for number in range(3)] == ["0", "4", "8"]
    for rank in (0, 1):
        found = json.loads((tmp_path / f"found{rank}.json").read_text())
        assert found == {"same bits": True, "same rows": True, "restarts": 2}
