"""Killed at 50 random moments and resumed each time, a run comes to the same bits."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

KILLS = 50
ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the parent forks")
def test_killed_and_resumed_many_times():
    seed = random.SystemRandom().randrange(10**6)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = str(Path(__file__).with_name("kill_many.py"))
    # A kill leaves what the system holds in memory: no disk is needed, nor its time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        words = [sys.executable, script, folder, str(seed), str(KILLS)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    told = f"seed of the moments: {seed}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    found = json.loads(done.stdout)
    assert found["unreadable"] == [], told
    assert found["differing"] == [], told
    assert found["left over"] == [], told
    assert found["killed"] == KILLS, told
    assert found["writing"] > 5, told  # were met in the middle of it
    assert found["restored"] > 25, told
