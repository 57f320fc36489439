"""Models whose parameters are spread over processes by FSDP2."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim import LBFGS

from nagcore.errors import UsageError
from nagcore.training.processes import Processes


def shard(model: nn.Module, processes: Processes, device: torch.device) -> nn.Module:
    """Spread the parameters of a model over the processes, in place; alone, do nothing.

    One child of the model at a time is whole while it is at work. The processes must have made the
    same model. Make the optimizer after this.

    Args:
        model: on `device`.
        processes: those that share it.
        device: of the training.
    """
    if processes.count == 1:
        return model
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (processes.count,))
    # FSDP2 takes parameters that lie in memory as their shape says, and no others.
    model.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    for part in _parts(model):
        fully_shard(part, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def _parts(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the children that have parameters; of a list or dictionary of modules, its own."""
    for child in model.children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _parts(child)
        elif any(True for _ in child.parameters()):
            yield child


def is_sharded(model: nn.Module) -> bool:
    """Return whether the parameters of `model` are spread over processes by FSDP2.

    Example:
        >>> is_sharded(nn.Linear(2, 2))
        False
    """
    # Where nobody has imported FSDP2 nothing is sharded, and its import takes seconds.
    fsdp = sys.modules.get("torch.distributed.fsdp")
    return fsdp is not None and isinstance(model, fsdp.FSDPModule)


def require_shardable(model: nn.Module, optimizer: object) -> None:
    """Raise UsageError where an optimizer cannot move parameters of which it has a part only."""
    if is_sharded(model) and isinstance(optimizer, LBFGS):
        raise UsageError(
            "LBFGS with a sharded model cannot be used: it makes one vector of all parameters, and "
            "a process has a part of each; let each hold the whole model, on the command line "
            "--sharding ddp"
        )


def whole(tensor: Tensor) -> Tensor:
    """Return the whole of a tensor of which, where it is spread, each process holds a part.

    Example:
        >>> whole(torch.ones(2))
        tensor([1., 1.])
    """
    gather = getattr(tensor, "full_tensor", None)  # that of torch.distributed.tensor.DTensor
    return tensor if gather is None else gather()
