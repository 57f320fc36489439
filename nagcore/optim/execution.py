"""The ways to run a step, and which one is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from nagcore.errors import UsageError
from nagcore.optim.kernels import kernels_are_available, run_kernel
from nagcore.optim.lists import Runner, run_compiled, run_flat, run_foreach, run_plain

RUNNERS: dict[str, Runner] = {
    "plain": run_plain,
    "foreach": run_foreach,
    "flat": run_flat,
    "compiled": run_compiled,
    "kernel": run_kernel,
}
EXECUTIONS = ("auto", *RUNNERS)
"""How a step can be asked to run:

- plain: parameter by parameter;
- foreach: operation by operation, each over the whole list;
- flat: as one long tensor, into which the list is copied;
- compiled: by code from `torch.compile`;
- kernel: in one pass over memory, by a loop generated from the step; tensors that it cannot take
  (half precision, gaps in memory) are run by foreach;
- auto: kernel on a CPU with a C++ compiler, foreach elsewhere.
"""


def choose(execution: str, device: torch.device, *, on_device: bool) -> Runner:
    """Return what runs a step.

    Args:
        execution: a name of `EXECUTIONS`.
        device: of the parameters.
        on_device: whether numbers such as the step size are tensors, which a kernel does not take.

    Raises:
        UsageError: a kernel is asked for by name and there is none.

    Example:
        >>> choose("foreach", torch.device("cpu"), on_device=False).__name__
        'run_foreach'
    """
    if execution == "auto":
        wanted = device.type == "cpu" and not on_device and kernels_are_available(device)
        return run_kernel if wanted else run_foreach
    if execution == "kernel" and on_device:
        raise UsageError(
            "execution is 'kernel' and the numbers of the step are tensors (capturable=True, or "
            "a tensor as lr or momentum on a device), expected numbers: use 'foreach'"
        )
    if execution == "kernel" and not kernels_are_available(device):
        raise UsageError(
            f"execution is 'kernel', and there is no compiler for kernels on {device}: install "
            "g++ (CPU) or triton (CUDA), or use 'auto', which falls back to 'foreach'"
        )
    return RUNNERS[execution]


def require_execution(group: Mapping[str, Any]) -> None:
    """Raise UsageError where a group asks for a way to run that there is not."""
    execution = group["execution"]
    if execution not in EXECUTIONS:
        raise UsageError(f"execution is {execution!r}, expected one of {', '.join(EXECUTIONS)}")
    if group["differentiable"] and execution not in ("auto", "plain"):
        raise UsageError(
            f"execution is {execution!r} with differentiable=True, expected 'plain': only that "
            "lets gradients through"
        )
