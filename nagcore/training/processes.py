"""The processes that train one model together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.rendezvous import rendezvous

from nagcore.errors import UsageError
from nagcore.training.checks import require_positive, require_seed
from nagcore.training.meeting import fresh_store

TIMEOUT = 600.0
"""Seconds that a process waits for the others before it gives up."""

T = TypeVar("T")


class ToldByFirstError(UsageError):
    """An error of which the first process gives the message, so that nobody else need do it."""


@dataclass(frozen=True)
class Processes:
    """This process among those that train together; by default it is alone.

    Everything here but `own_seed` has to be called by all processes, in the same order.

    Args:
        rank: its number, from 0.
        count: how many there are.

    Raises:
        UsageError: the numbers do not fit together, or `torch.distributed` was not started.

    Example:
        >>> Processes().largest([3.0, 4.0], torch.device("cpu"))
        [3.0, 4.0]
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

    def own_seed(self, seed: int) -> int:
        """Return the seed of what is to differ between the processes, such as dropout.

        It depends on `seed` and the rank alone. That of the first process is `seed` itself.

        Raises:
            UsageError: a seed that cannot be used.

        Example:
            >>> Processes().own_seed(3)
            3
        """
        require_seed(seed)
        if self.rank == 0:
            return seed
        state = np.random.SeedSequence(seed, spawn_key=(self.rank,)).generate_state(1, np.uint64)
        return int(state[0] >> np.uint64(1))

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over the processes."""
        if self.count == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.count

    def largest(self, numbers: Sequence[float], device: torch.device) -> list[float]:
        """Return for each number the largest that a process has.

        Args:
            numbers: as many in each process.
            device: of the training; it is left alone where the processes can talk without it.
        """
        if self.count == 1:
            return list(numbers)
        # A group of NCCL alone knows no tensors on the CPU.
        spoken = "cpu" if "cpu:" in dist.get_backend_config() else device
        held = torch.tensor(numbers, dtype=torch.float64, device=spoken)
        dist.all_reduce(held, op=dist.ReduceOp.MAX)
        return held.tolist()

    def gathered(self, value: T) -> list[T]:
        """Return what each process has, by rank; values of any type, so small ones only."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def from_first(self, value: T) -> T:
        """Return what the first process has; a value of any type, so a small one only."""
        if self.count == 1:
            return value
        values: list[Any] = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """Let an error in one process end the block with an error in all of them.

        In the block no process may wait for another.

        Raises:
            Exception: what the block raised in this process; in the first process, if it has none
                itself, a UsageError with what the first one to fail said; in the others
                `ToldByFirstError`.
        """
        failure: Exception | None = None
        try:
            yield
        except Exception as error:
            failure = error
        heard = self.gathered(str(failure) if failure else None)
        texts = {rank: text for rank, text in enumerate(heard) if text is not None}
        # What is no user error is raised where it arose, with its traceback.
        if failure and (self.is_first or not isinstance(failure, UsageError)):
            raise failure
        if texts:
            rank, text = next(iter(texts.items()))
            kind = UsageError if self.is_first else ToldByFirstError
            raise kind(f"process {rank} of {self.count} fails: {text}")

    def replicated(self, model: nn.Module) -> nn.Module:
        """Return the model, not sharded, whose gradient is the mean over the processes."""
        if self.count == 1:
            return model
        return nn.parallel.DistributedDataParallel(model)


@contextmanager
def joined_processes(*, timeout: float = TIMEOUT, meeting: str = "env://") -> Iterator[Processes]:
    """Join the processes that torchrun started, for as long as the block runs.

    Without torchrun this process is alone. Tensors on the CPU go by gloo, those on GPUs by NCCL.

    Args:
        timeout: seconds after which waiting for another process is an error.
        meeting: where they meet, as `torch.distributed.init_process_group` takes it; by default
            where torchrun says.

    Raises:
        UsageError: `timeout` is not positive, or not all processes came.

    Example:
        >>> with joined_processes() as processes:
        ...     processes.count
        1
    """
    require_positive(timeout, "timeout")
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    on_gpus = torch.cuda.is_available() and dist.is_nccl_available()
    backend = "cpu:gloo,cuda:nccl" if on_gpus else "gloo"
    wait = timedelta(seconds=timeout)
    found = rendezvous(
        meeting, int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), timeout=wait
    )
    store, rank, count = next(found)
    store = fresh_store(store, rank, count, timeout=timeout)
    dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=wait)
    try:
        yield Processes(rank, count)
    finally:
        dist.destroy_process_group()


def own_device(name: str) -> torch.device:
    """Return the device of this process; of several on one machine, each has a GPU of its own.

    Args:
        name: "cpu", "cuda", "cuda:1", …

    Raises:
        UsageError: an unknown name, or there is no such GPU here.

    Example:
        >>> own_device("cpu")
        device(type='cpu')
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"device={name!r} is not known; expected cpu or cuda") from None
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        raise UsageError(f"device={name!r}, and torch sees no GPU here; use device='cpu'")
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device
    here, own = torch.cuda.device_count(), int(os.environ.get("LOCAL_RANK", "0"))
    if own >= here:
        raise UsageError(
            f"device={name!r}, and process {own + 1} of this machine has no GPU of its own, there "
            f"are {here}; start so many: torchrun --nproc-per-node {here}"
        )
    torch.cuda.set_device(own)
    return torch.device("cuda", own)
