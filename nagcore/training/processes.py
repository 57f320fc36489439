"""The processes that train one model together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist

from nagcore.errors import UsageError


@dataclass(frozen=True)
class Processes:
    """This process among those that train together; by default it is alone.

    Args:
        rank: its number, from 0.
        count: how many there are.

    Raises:
        UsageError: the numbers do not fit together, or `torch.distributed` was not started.
    """

    rank: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.count:
            raise UsageError(f"rank={self.rank} of count={self.count}; expected 0 to count − 1")
        if self.count > 1 and not dist.is_initialized():
            raise UsageError(
                f"count={self.count} processes, and torch.distributed was not started: "
                "use `with joined_processes() as processes:`"
            )

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over the processes."""
        if self.count == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.count

    def largest(self, numbers: Sequence[float], device: torch.device) -> list[float]:
        """Return for each number the largest that a process has."""
        if self.count == 1:
            return list(numbers)
        held = torch.tensor(numbers, dtype=torch.float64, device=device)
        dist.all_reduce(held, op=dist.ReduceOp.MAX)
        return held.tolist()

    def replicated(self, model: nn.Module) -> nn.Module:
        """Return the model whose gradient is the mean over the processes."""
        if self.count == 1 or is_sharded(model):
            return model
        return nn.parallel.DistributedDataParallel(model)


@contextmanager
def joined_processes(device: str = "cpu") -> Iterator[Processes]:
    """Join the processes that torchrun started, for as long as the block runs.

    Without torchrun this process is alone. On CUDA each process takes the device of its number on
    its machine.

    Args:
        device: "cpu" (gloo) or "cuda" (NCCL).

    Example:
        >>> with joined_processes() as processes:
        ...     processes.count
        1
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def is_sharded(model: nn.Module) -> bool:
    """Return whether the parameters of `model` are spread over processes by FSDP2."""
    if not dist.is_available():
        return False
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)
