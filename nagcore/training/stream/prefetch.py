"""Read and shuffle windows in threads, some of them ahead of the one that is asked for."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nagcore.training.stream.order import Piece, Window

ReadBlock = Callable[[int], tuple[np.ndarray, np.ndarray]]


class Rows(NamedTuple):
    """Images, uint8 (n, bytes of an image), with labels, int64 (n,)."""

    images: Tensor
    labels: Tensor


class _Memory:
    """Memory for windows, used again when the last mini-batch of a window is gone.

    Fresh memory costs more than what is put into it: the system hands it out page by page, and
    clears each.
    """

    def __init__(self, most_rows: int, image_bytes: int) -> None:
        self._most_rows, self._image_bytes = most_rows, image_bytes
        self._free: list[np.ndarray] = []

    def take(self, count: int) -> Tensor:
        """Return memory for so many images, its content undefined."""
        whole = self._free.pop() if self._free else self._new()
        # Every slice of the tensor keeps this array alive; with it the last one is gone.
        images = whole[:count]
        weakref.finalize(images, self._free.append, whole).atexit = False
        return torch.from_numpy(images)

    def _new(self) -> np.ndarray:
        return np.empty((self._most_rows, self._image_bytes), dtype=np.uint8)


class _PinnedMemory:
    """Memory that a GPU fetches from by itself; torch sees when it is done, and uses it again."""

    def __init__(self, image_bytes: int) -> None:
        self._image_bytes = image_bytes

    def take(self, count: int) -> Tensor:
        """Return memory for so many images, its content undefined."""
        return torch.empty(count, self._image_bytes, dtype=torch.uint8, pin_memory=True)


class _Filling(NamedTuple):
    """A window under way: its rows, and the jobs that put the blocks into it."""

    rows: Rows
    jobs: list[Future[None]]


def read_windows(
    windows: Sequence[Window],
    read_block: ReadBlock,
    places: Callable[[Window], np.ndarray],
    *,
    image_bytes: int,
    ahead: int,
    threads: int,
    pinned: bool = False,
) -> Generator[Rows, None, None]:
    """Yield the rows of each window, every row at its place.

    The threads end with the iterator: when it is used up, closed or no longer referred to.

    Args:
        windows: what to read, in order.
        read_block: gives the images and labels of a block; called in threads.
        places: gives where each row of a window goes.
        image_bytes: of an image.
        ahead: windows that are read while the one before them is in use.
        threads: that read.
        pinned: whether the images are to lie where a GPU can fetch them by itself.

    Raises:
        Exception: whatever `read_block` raised, when the turn of its window has come.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="shards")
    filling: deque[_Filling] = deque()
    most = max((window.rows for window in windows), default=0)
    memory = _PinnedMemory(image_bytes) if pinned else _Memory(most, image_bytes)

    def start(window: Window) -> _Filling:
        rows = Rows(memory.take(window.rows), torch.empty(window.rows, dtype=torch.int64))
        where, jobs, begin = places(window), [], 0
        for piece in window.pieces:
            end = begin + piece.end - piece.begin
            jobs.append(pool.submit(_fill, rows, where[begin:end], piece, read_block))
            begin = end
        return _Filling(rows, jobs)

    try:
        for window in windows:
            filling.append(start(window))
            if len(filling) > ahead:
                yield _finished(filling.popleft())
        while filling:
            yield _finished(filling.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(filling: _Filling) -> Rows:
    for job in filling.jobs:
        job.result()
    return filling.rows


def _fill(rows: Rows, where: np.ndarray, piece: Piece, read_block: ReadBlock) -> None:
    """Put the rows of a block at their places."""
    images, labels = read_block(piece.block)
    # Whole images are moved, not bytes: to NumPy each is one item of its size.
    item = np.dtype((np.void, images.shape[1]))
    target = rows.images.numpy().view(item)[:, 0]
    target[where] = images[piece.begin : piece.end].view(item)[:, 0]
    rows.labels.numpy()[where] = labels[piece.begin : piece.end]


class Cutter:
    """Takes rows off windows in any number at a time.

    Args:
        windows: from `read_windows`.
        skip: rows to leave out first; fewer than the first window has.
    """

    def __init__(self, windows: Iterator[Rows], skip: int = 0) -> None:
        self._windows, self._at = windows, skip
        self._window: Rows | None = None

    def take(self, count: int) -> Rows:
        """Return the next rows: a slice of a window where they all are in it.

        Raises:
            StopIteration: there are not so many.
        """
        parts: list[Rows] = []
        while count:
            if self._window is None:
                self._window = next(self._windows)
            end = min(len(self._window.labels), self._at + count)
            parts.append(Rows(*(rows[self._at : end] for rows in self._window)))
            count, self._at = count - (end - self._at), end
            if end == len(self._window.labels):
                self._window, self._at = None, 0
        return parts[0] if len(parts) == 1 else Rows(*map(_joined, zip(*parts, strict=True)))


def _joined(parts: tuple[Tensor, ...]) -> Tensor:
    # NumPy does it in one thread; those of torch would wait for those that read.
    return torch.from_numpy(np.concatenate([part.numpy() for part in parts]))
