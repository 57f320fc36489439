"""What two processes do together, case by case; see shared_steps, shared_saves and shared_ends."""

from __future__ import annotations

import pytest
import torch
from two_trainers import CASES, LAST


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch has no gloo")
@pytest.mark.parametrize("name", [*CASES, LAST])
def test_two_processes_train_together(found, name):
    for rank, report in enumerate(found):
        assert report[name] is None, f"process {rank}:\n{report[name]}"
