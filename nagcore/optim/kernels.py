"""One pass over memory for a whole list of tensors, where this machine can make one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from nagcore.optim.cpp import load_cpp
from nagcore.optim.lists import Columns, run_foreach
from nagcore.optim.pointers import find_gatherer
from nagcore.optim.program import Program
from nagcore.optim.triton_kernel import load_triton


def kernels_are_available(device: torch.device) -> bool:
    """Return whether there is a compiler for kernels on a device.

    Example:
        >>> kernels_are_available(torch.device("meta"))
        False
    """
    return device.type in ("cpu", "cuda") and find_gatherer(torch.float32, device) is not None


def run_kernel(program: Program, columns: Columns, coefficients: Sequence[Any]) -> None:
    """Run a step in one pass over memory, by foreach where that cannot be.

    Args:
        program: the step.
        columns: the tensors, overwritten where they change.
        coefficients: numbers.
    """
    first = columns[0][0]
    kernel = None
    if not torch.compiler.is_compiling():
        if first.device.type == "cpu":
            kernel = load_cpp(program, first.dtype)
        elif first.device.type == "cuda":
            kernel = load_triton(program, first.dtype)
    if kernel is None or not kernel(columns, coefficients):
        run_foreach(program, columns, coefficients)
