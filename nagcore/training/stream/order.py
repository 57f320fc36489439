"""In which order the rows of an epoch come: a pure function of (seed, epoch).

The blocks of all shards are permuted and laid end to end: the line of the epoch. Each process has
a part of the line of its own. A part is cut into windows of several blocks; a window is what is
read at once, and its rows are permuted. So the disk is read in pieces as large as a block, while
two rows of a mini-batch are only as related as two rows of a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nagcore.training.source import epoch_seed, share

_BLOCKS, _ROWS = 0, 1  # what a stream of random numbers is for


class Piece(NamedTuple):
    """Rows `begin` to `end` of a block; a whole block, unless two processes share it."""

    block: int
    begin: int
    end: int


class Window(NamedTuple):
    """Pieces that are read and shuffled together."""

    begin: int
    """where the window begins in the line of the epoch, in rows"""
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(piece.end - piece.begin for piece in self.pieces)

    @property
    def end(self) -> int:
        """Where the window ends in the line of the epoch."""
        return self.begin + self.rows


class Part(NamedTuple):
    """What one process takes of an epoch: rows `begin` to `end` of the line."""

    begin: int
    end: int
    each: int
    """rows that it takes in a full step"""


def part_of(rows: int, batch_size: int, rank: int, ranks: int) -> Part:
    """Return the part of one process; all parts together are the line, and none overlap.

    Every full step takes `batch_size` rows, shared as evenly as whole numbers allow, and the last
    one takes the rest, shared likewise. So all processes take the same number of steps.

    Args:
        rows: of the epoch.
        batch_size: rows of a step in all processes together.
        rank: which process, from 0.
        ranks: how many there are.

    Example:
        >>> [part_of(11, 4, rank, 2) for rank in range(2)]
        [Part(begin=0, end=6, each=2), Part(begin=6, end=11, each=2)]
    """
    full, left = divmod(rows, batch_size)
    first, last = share(batch_size, rank, ranks)
    first_left, last_left = share(left, rank, ranks)
    return Part(full * first + first_left, full * last + last_left, last - first)


def windows(
    block_rows: Sequence[int], part: Part, *, seed: int, epoch: int, window_blocks: int
) -> Iterator[Window]:
    """Yield the windows of one part of the epoch's line, in order.

    Args:
        block_rows: rows of every block.
        part: from `part_of`.
        seed: of the order.
        epoch: passes over the data so far.
        window_blocks: pieces of a window; the last window may have fewer.

    Raises:
        UsageError: a seed that cannot be used.

    Example:
        >>> line = part_of(6, 2, 0, 1)
        >>> [w.rows for w in windows([2, 2, 2], line, seed=0, epoch=0, window_blocks=2)]
        [4, 2]
    """
    begin, pieces = part.begin, []
    for piece in _pieces(block_rows, part, seed, epoch):
        pieces.append(piece)
        if len(pieces) == window_blocks:
            yield (window := Window(begin, tuple(pieces)))
            begin, pieces = window.end, []
    if pieces:
        yield Window(begin, tuple(pieces))


def places(window: Window, *, seed: int, epoch: int) -> np.ndarray:
    """Return where each row of a window goes in it: a permutation, int64 (rows,).

    It depends on where the window begins, not on those before it, so a run that is taken up in
    the middle of an epoch need not draw what was drawn already.
    """
    return _generator(seed, epoch, _ROWS, window.begin).permutation(window.rows)


def _pieces(block_rows: Sequence[int], part: Part, seed: int, epoch: int) -> Iterator[Piece]:
    """Cut the part out of the line of permuted blocks."""
    order = _generator(seed, epoch, _BLOCKS).permutation(len(block_rows))
    rows = np.asarray(block_rows, dtype=np.int64)[order]
    ends = np.cumsum(rows)
    # the blocks that have a row in the part; none where the part is empty
    first = int(np.searchsorted(ends, part.begin, side="right"))
    last = int(np.searchsorted(ends - rows, part.end, side="left"))
    for place in range(first, last):
        start = int(ends[place] - rows[place])
        begin, end = max(part.begin, start) - start, min(part.end, int(ends[place])) - start
        if end > begin:
            yield Piece(int(order[place]), begin, end)


def _generator(seed: int, epoch: int, *purpose: int) -> np.random.Generator:
    """Return random numbers that depend on all arguments, and are unrelated for different ones."""
    sequence = np.random.SeedSequence(epoch_seed(seed, epoch), spawn_key=purpose)
    return np.random.default_rng(sequence)
