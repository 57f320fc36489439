"""One pass over memory for a whole list of tensors, where this machine can make one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nagcore.optim.cpp import load_cpp
from nagcore.optim.lists import Columns, Runner, run_foreach
from nagcore.optim.pointers import find_gatherer
from nagcore.optim.program import Program
from nagcore.optim.triton_kernel import has_triton, load_triton


def kernels_are_available(device: torch.device) -> bool:
    """Return whether there is a compiler for kernels on a device.

    Example:
        >>> kernels_are_available(torch.device("meta"))
        False
    """
    known = device.type == "cpu" or (device.type == "cuda" and has_triton())
    return known and find_gatherer(torch.float32, device) is not None


def bind_kernel(program: Program, tensor: Tensor) -> Runner:
    """Return what runs a step in one pass over memory, or by foreach where that cannot be.

    Args:
        program: the step.
        tensor: one of the parameters, for its type and device.
    """
    kernel = None
    if tensor.device.type == "cpu":
        kernel = load_cpp(program, tensor.dtype)
    elif tensor.device.type == "cuda":
        kernel = load_triton(program, tensor.dtype)
    if kernel is None:
        return run_foreach

    def run(program: Program, columns: Columns, coefficients: Sequence[Any]) -> None:
        if torch.compiler.is_compiling() or not kernel(columns, coefficients):
            run_foreach(program, columns, coefficients)

    return run
