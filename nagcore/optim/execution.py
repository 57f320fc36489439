"""The ways to run a step, and which one is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nagcore.errors import UsageError
from nagcore.optim.kernels import bind_kernel, kernels_are_available
from nagcore.optim.lists import Runner, run_compiled, run_flat, run_foreach, run_plain
from nagcore.optim.program import Program

RUNNERS: dict[str, Runner] = {
    "plain": run_plain,
    "foreach": run_foreach,
    "flat": run_flat,
    "compiled": run_compiled,
}
EXECUTIONS = ("auto", *RUNNERS, "kernel")
"""How a step can be asked to run:

- plain: parameter by parameter;
- foreach: operation by operation, each over the whole list;
- flat: as one long tensor, into which the list is copied;
- compiled: by code from `torch.compile`;
- kernel: in one pass over memory, by a loop generated from the step; tensors that it cannot take
  (half precision, gaps in memory) are run by foreach;
- auto: kernel on a CPU with a C++ compiler, foreach elsewhere.

The first three give the same bits. So does a kernel for a step without roots; a root it rounds to
the nearest number, which `torch.sqrt` misses by a unit in the last place now and then.
"""


def choose(execution: str, program: Program, tensor: Tensor, *, on_device: bool) -> Runner:
    """Return what runs a step.

    Args:
        execution: a name of `EXECUTIONS`.
        program: the step.
        tensor: one of the parameters; the others are of its type and on its device.
        on_device: whether numbers such as the step size are tensors, which a kernel does not take.

    Raises:
        UsageError: a kernel is asked for by name and there is none.
    """
    device = tensor.device
    if execution == "auto":
        if device.type != "cpu" or on_device:
            return run_foreach
        return bind_kernel(program, tensor)
    if execution != "kernel":
        return RUNNERS[execution]
    if on_device:
        raise UsageError(
            "execution is 'kernel' and the numbers of the step are tensors (capturable=True, or "
            "a tensor as lr or momentum on a device), expected numbers: use 'foreach'"
        )
    if not kernels_are_available(device):
        raise UsageError(
            f"execution is 'kernel', and there is no compiler for kernels on {device}: install "
            "g++ (CPU) or triton (CUDA), or use 'auto', which falls back to 'foreach'"
        )
    return bind_kernel(program, tensor)


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
