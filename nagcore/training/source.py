"""Where mini-batches come from: what the training loop asks of its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from nagcore.training.checks import require_seed


class Batch(NamedTuple):
    """The examples of one step that this process works on."""

    inputs: Tensor
    targets: Tensor
    count: int
    """examples of the step in all processes together"""
    weight: float = 1.0
    """examples here, times the number of processes, over `count`: the mean over the processes of
    the weighted mean losses is the mean over all examples of the step"""


@runtime_checkable
class Source(Protocol):
    """Examples that can be gone through in an order that depends on a seed and the epoch alone.

    So a run can be taken up in the middle of an epoch, and several processes can share one.
    """

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        ...

    def __len__(self) -> int:
        """Return the number of examples in an epoch, all processes together."""
        ...

    def steps(self, batch_size: int, ranks: int = 1) -> int:
        """Return the number of batches in an epoch, the same in every process."""
        ...

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
        start: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> Iterator[Batch]:
        """Yield the batches of one epoch; each example comes once, in one of the processes.

        A generator: it is closed when the loop leaves it early.

        Args:
            batch_size: examples of a step in all processes together.
            seed: of the order.
            epoch: passes over the examples so far.
            start: batches of this epoch to leave out, because they were taken already.
            rank: which of the processes this is, from 0.
            ranks: how many there are.
        """
        ...


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of one epoch's order; those of different epochs are unrelated.

    Raises:
        UsageError: a seed that cannot be used.

    Example:
        >>> epoch_seed(0, 3) == epoch_seed(0, 3), epoch_seed(0, 3) == epoch_seed(3, 0)
        (True, False)
    """
    state = np.random.SeedSequence((require_seed(seed), epoch)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def share(count: int, rank: int, ranks: int) -> tuple[int, int]:
    """Return where the part of one process of `count` examples begins and ends.

    Example:
        >>> [share(10, rank, 3) for rank in range(3)]
        [(0, 4), (4, 7), (7, 10)]
    """
    each, left = divmod(count, ranks)
    begin = rank * each + min(rank, left)
    return begin, begin + each + (rank < left)
