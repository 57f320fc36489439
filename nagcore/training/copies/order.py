"""Which examples each copy sees at each step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nagcore.training.source import epoch_seed


class Order:
    """Shuffled mini-batches of every copy, each in an order of its own.

    The order of an epoch depends on the copy's seed and the epoch alone and is drawn on the CPU:
    it is that of `ImageData.batches` there. Every batch is full: what is left over at the end of
    an epoch is left out, in each epoch something else.

    Args:
        seeds: one for each copy.
        count: number of examples, at least `batch_size`.
        batch_size: examples of a batch.

    Example:
        >>> order = Order([0, 0, 1], count=5, batch_size=2)
        >>> chunk = order.chunk(step=3, most=10)  # the second batch of the second epoch
        >>> chunk.shape, torch.equal(chunk[:, 0], chunk[:, 1])
        (torch.Size([1, 3, 2]), True)
    """

    def __init__(self, seeds: Sequence[int], count: int, batch_size: int) -> None:
        self.seeds, self.count, self.batch_size = tuple(seeds), count, batch_size
        self.steps = count // batch_size
        """batches in an epoch"""
        self._epoch = -1
        self._batches = torch.empty(0)

    def chunk(self, step: int, most: int) -> Tensor:
        """Return the indices of steps from `step` on, at most `most`, up to the epoch's end.

        Returns:
            int64 (steps, copies, batch_size), on the CPU.
        """
        epoch, start = divmod(step, self.steps)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._drawn(epoch)
        return self._batches[start : start + most]

    def _drawn(self, epoch: int) -> Tensor:
        drawn: dict[int, Tensor] = {}
        for seed in self.seeds:  # copies with one seed see one order
            if seed not in drawn:
                generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
                order = torch.randperm(self.count, generator=generator)
                whole = order[: self.steps * self.batch_size]
                drawn[seed] = whole.view(self.steps, self.batch_size)
        return torch.stack([drawn[seed] for seed in self.seeds], dim=1)
