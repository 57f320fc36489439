"""The stream as a data set of torch, for those who train with a DataLoader."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_seed
from nagcore.training.stream.stream import ShardStream


class ShardDataset(IterableDataset):
    """Gives whole mini-batches to `torch.utils.data.DataLoader(dataset, batch_size=None)`.

    The workers of a loader share the rows of their process as processes share those of an epoch,
    so that none comes twice and none is lost.

    Args:
        stream: on the CPU.
        batch_size: images of a mini-batch in this process.
        seed: of the order.
        rank: which of the processes this is, from 0.
        ranks: how many there are.
        drop_last: whether to leave out mini-batches that are not full. Then every process gets
            the same number of them; without it one may get one more.

    Raises:
        UsageError: a number that cannot be used, or the stream is not on the CPU.

    Example:
        >>> import numpy as np
        >>> from nagcore.training.stream import write_shards
        >>> images, labels = np.arange(80, dtype=np.uint8).reshape(5, 4, 4), np.arange(5) % 2
        >>> _ = write_shards("memory://loaded", [(images, labels)], classes=("bag", "boot"))
        >>> dataset = ShardDataset(ShardStream("memory://loaded"), 2)
        >>> loader = torch.utils.data.DataLoader(dataset, batch_size=None)
        >>> [len(labels) for images, labels in loader]
        [2, 2, 1]
    """

    def __init__(
        self,
        stream: ShardStream,
        batch_size: int,
        *,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
        drop_last: bool = False,
    ) -> None:
        if stream.device.type != "cpu":
            raise UsageError(
                f"the stream is on {stream.device}, expected 'cpu': a worker hands its "
                "mini-batches over in memory; move them in the loop"
            )
        self._stream = stream
        self._batch_size = require_count(batch_size, "batch_size")
        self._ranks = require_count(ranks, "ranks")
        self._rank = require_count(rank + 1, "rank + 1", at_most=ranks, of=", ranks") - 1
        self._seed, self._drop_last = require_seed(seed), drop_last
        # shared, so that workers that live on from epoch to epoch see it change
        self._epoch = torch.zeros(2, dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Say which order comes next.

        Args:
            epoch: passes over the data so far.
            start: mini-batches of this epoch to leave out, because the loader gave them already;
                exact where the number of workers is the same.
        """
        self._epoch.copy_(torch.tensor([epoch, start]))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = get_worker_info()
        workers, worker = (info.num_workers, info.id) if info else (1, 0)
        epoch, start = self._epoch.tolist()
        # A loader takes a mini-batch of each worker in turn, beginning with worker 0.
        turn = (worker + start) % workers
        parts = self._ranks * workers
        size = self._batch_size * parts
        batches = self._stream.batches(
            min(size, len(self._stream)),
            seed=self._seed,
            epoch=epoch,
            start=-(-(start - turn) // workers),
            rank=self._rank * workers + turn,
            ranks=parts,
        )
        for batch in batches:
            full = len(batch.targets) == self._batch_size and batch.weight > 0
            if full or (batch.weight > 0 and not self._drop_last):
                yield batch.inputs, batch.targets
