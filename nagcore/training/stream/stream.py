"""A source of mini-batches that reads shards and never holds more than a few windows of them."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nagcore.training.checks import require_count
from nagcore.training.source import Batch, share
from nagcore.training.stream.errors import ShardError
from nagcore.training.stream.index import read_index
from nagcore.training.stream.order import Part, Window, part_of, places, windows
from nagcore.training.stream.prefetch import Cutter, Rows, read_windows
from nagcore.training.stream.shard import ShardReader
from nagcore.training.stream.storage import open_folder, require_parquet
from nagcore.training.stream.verify import BadBlock, find_bad_blocks


class ShardStream:
    """Shuffled mini-batches of a data set that need not fit into memory.

    The order is that of `nagcore.training.stream.order`: blocks of all shards permuted, then the
    rows of every few blocks. It depends on the seed, the epoch, `window_blocks` and the number of
    processes; of a global mini-batch, each process has rows from its own part of the data.
    So a run that is taken up in the middle of an epoch wants as many processes as before: with
    others the rest of that epoch has other rows, some of them for the second time.

    What is held in memory is `prefetch` + 2 windows of `window_blocks` blocks at most.

    Args:
        folder: with an index, as `write_shards` leaves it; a path, or a URL that fsspec knows.
        window_blocks: blocks whose rows are shuffled together.
        device: where the mini-batches are to be.
        skip_bad: whether to read every block once now and leave out those that are damaged, so
            that every process and every resumed run leaves out the same ones. Without it the
            first damaged block that is met ends the run.
        normalise: whether the images are float32, scaled to [0, 1], less the mean, over the
            standard deviation of the training pixels; or uint8 as stored.
        prefetch: windows that are read while the one before them is in use.
        threads: that read.
        progress: whether to show a progress bar over the reading of `skip_bad`.

    Attributes:
        classes: what each label means.
        bad: the blocks left out, each with its shard, rows and fault.

    Raises:
        ShardError: a shard is missing or has another size, or no block is whole.
        DataError: the folder has no index, or one that cannot be understood.
        UsageError: a number or URL that cannot be used.
        MissingExtraError: pyarrow or fsspec is not installed.

    Example:
        >>> from nagcore.training.stream import write_shards
        >>> images, labels = np.arange(80, dtype=np.uint8).reshape(5, 4, 4), np.arange(5) % 2
        >>> _ = write_shards("memory://streamed", [(images, labels)], classes=("bag", "boot"))
        >>> stream = ShardStream("memory://streamed")
        >>> [tuple(batch.inputs.shape) for batch in stream.batches(3, seed=0, epoch=0)]
        [(3, 1, 4, 4), (2, 1, 4, 4)]
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        window_blocks: int = 8,
        device: torch.device | str = "cpu",
        skip_bad: bool = False,
        normalise: bool = True,
        prefetch: int = 2,
        threads: int = 2,
        progress: bool = False,
    ) -> None:
        require_parquet()
        self._window_blocks = require_count(window_blocks, "window_blocks")
        self._prefetch = require_count(prefetch, "prefetch")
        self._threads = require_count(threads, "threads")
        self._device, self._normalise = torch.device(device), normalise
        place = open_folder(folder)
        self.index = read_index(place)
        self.classes = self.index.classes
        self._reader = ShardReader(place, self.index)
        self.bad: tuple[BadBlock, ...] = ()
        if skip_bad:
            self.bad = find_bad_blocks(self._reader, self.index, threads=threads, progress=progress)
        else:
            self._reader.check_sizes()
        self._blocks = self._good_blocks()
        if not self._blocks:
            worst = min(self.bad)
            raise ShardError(worst.shard, place.url, f"{worst.fault}, and no other block is whole")
        self._block_rows = [self.index.shards[shard].blocks[block] for shard, block in self._blocks]
        self._rows = sum(self._block_rows)

    @property
    def device(self) -> torch.device:
        """Where the mini-batches are."""
        return self._device

    @property
    def bad_rows(self) -> int:
        """The number of images left out."""
        return sum(bad.rows for bad in self.bad)

    def __len__(self) -> int:
        return self._rows

    def steps(self, batch_size: int, ranks: int = 1) -> int:  # noqa: ARG002
        """Return the number of mini-batches in an epoch; the last one may be smaller."""
        return math.ceil(self._rows / batch_size)

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
        """Yield every image once, in one of the processes.

        Images that lie before `start` are neither read nor drawn, the beginning of the window that
        `start` falls into apart. The threads that read end with the iterator. See
        `nagcore.training.source.Source` for the arguments.

        Yields:
            Images float32 (n, channels, height, width), or uint8 if not normalised; labels int64
            (n,). A process for which there is nothing left in the last mini-batch gets one image
            of weight 0.

        Raises:
            UsageError: a batch size that is not from 1 to the number of images.
            ShardError: a block cannot be read.
        """
        require_count(batch_size, "batch_size", at_most=self._rows, of=", the number of images")
        part = part_of(self._rows, batch_size, rank, ranks)
        done = part.begin + start * part.each
        todo = self._windows_from(done, part, seed, epoch)
        with closing(self._read(todo, seed, epoch)) as read:
            cutter = Cutter(read, skip=done - todo[0].begin if todo else 0)
            for step in range(start, self.steps(batch_size)):
                count = min(batch_size, self._rows - step * batch_size)
                begin, end = share(count, rank, ranks)
                own = cutter.take(end - begin) if end > begin else self._one_row()
                weight = (end - begin) * ranks / count
                yield Batch(self._images(own), own.labels.to(self._device), count, weight)

    def _good_blocks(self) -> list[tuple[int, int]]:
        """Return shard and block of everything that is not left out."""
        left_out = {(bad.shard, bad.block) for bad in self.bad}
        return [
            (number, block)
            for number, shard in enumerate(self.index.shards)
            for block in range(len(shard.blocks))
            if (shard.name, block) not in left_out
        ]

    def _windows_from(self, done: int, part: Part, seed: int, epoch: int) -> list[Window]:
        """Return the windows of a part that end behind row `done` of the epoch's line."""
        return [
            window
            for window in windows(
                self._block_rows, part, seed=seed, epoch=epoch, window_blocks=self._window_blocks
            )
            if window.end > done
        ]

    def _read(self, todo: list[Window], seed: int, epoch: int) -> Generator[Rows, None, None]:
        return read_windows(
            todo,
            self._read_block,
            lambda window: places(window, seed=seed, epoch=epoch),
            image_bytes=self.index.image_bytes,
            ahead=self._prefetch,
            threads=self._threads,
            pinned=self._device.type == "cuda",
        )

    def _read_block(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        return self._reader.read(*self._blocks[block])

    def _one_row(self) -> Rows:
        """Return an image for a process that has none left."""
        images, labels = self._read_block(0)
        return Rows(torch.from_numpy(images[:1].copy()), torch.from_numpy(labels[:1].copy()))

    def _images(self, rows: Rows) -> Tensor:
        images = rows.images.to(self._device, non_blocking=True)
        images = images.view(len(images), *self.index.image_shape)
        if not self._normalise:
            return images
        # The operations of images in memory, in their order, for the same bits.
        return images.float().div_(255).sub_(self.index.mean).div_(self.index.deviation)
