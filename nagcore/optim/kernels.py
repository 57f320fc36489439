"""One pass over memory for a whole list of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from nagcore.optim.lists import Columns, run_foreach
from nagcore.optim.program import Program


def kernels_are_available(device: torch.device) -> bool:
    return False


def run_kernel(program: Program, columns: Columns, coefficients: Sequence[Any]) -> None:
    run_foreach(program, columns, coefficients)
