"""How good a two-level shuffle is, measured on the order itself and predicted by counting."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nagcore.training.stream.order import part_of, places, windows


def epoch_order(
    block_rows: Sequence[int], window_blocks: int, *, seed: int, epoch: int
) -> np.ndarray:
    """Return the stored places of the rows in the order of delivery, int64 (rows,).

    Args:
        block_rows: rows of each block, as stored.
        window_blocks: blocks that are shuffled together.
        seed: of the order.
        epoch: passes over the data so far.

    Example:
        >>> sorted(epoch_order([2, 2], 1, seed=0, epoch=0).tolist())
        [0, 1, 2, 3]
    """
    first = np.concatenate([[0], np.cumsum(block_rows)])
    rows = int(first[-1])
    order = np.empty(rows, dtype=np.int64)
    for window in windows(
        block_rows, part_of(rows, rows, 0, 1), seed=seed, epoch=epoch, window_blocks=window_blocks
    ):
        stored = np.concatenate([first[p.block] + np.arange(p.begin, p.end) for p in window.pieces])
        order[window.begin + places(window, seed=seed, epoch=epoch)] = stored
    return order


def class_count_variance(labels: np.ndarray, batch_size: int, classes: int) -> float:
    """Return the mean squared deviation of the class counts of mini-batches, over the classes.

    From the expected count b·n_c/n, which is known, so that nothing is lost to an estimated mean.

    Args:
        labels: in the order of delivery, whole numbers (rows,); `batch_size` divides their number.
        batch_size: b.
        classes: how many there are.

    Example:
        >>> class_count_variance(np.array([0, 0, 1, 1]), 2, 2)
        1.0
    """
    batches = labels.reshape(-1, batch_size)
    counts = np.stack([(batches == label).sum(axis=1) for label in range(classes)], axis=1)
    expected = batch_size * np.bincount(labels, minlength=classes) / len(labels)
    return float(np.mean((counts - expected) ** 2))


def full_shuffle_variance(shares: np.ndarray, rows: int, batch_size: int) -> float:
    """Return what `class_count_variance` is on average after a full shuffle: hypergeometric.

    Args:
        shares: p_c of each class in the data, (classes,).
        rows: n in the data.
        batch_size: b. The variance of a count is b·p(1 − p)·(n − b)/(n − 1).

    Example:
        >>> full_shuffle_variance(np.array([0.5, 0.5]), 5, 1)
        0.25
    """
    scale = batch_size * (rows - batch_size) / (rows - 1)
    return float(np.mean(scale * shares * (1 - shares)))


def two_level_variance(block_shares: np.ndarray, rows: int, window: int, batch_size: int) -> float:
    """Return what `class_count_variance` is on average after a two-level shuffle.

    A window is j of the K blocks without replacement, m rows each; a mini-batch is b of its jm
    rows. With q the share of a class in the window, p in the data, and s² the variance of the
    blocks' shares (divisor K): Var q = s²/j·(K − j)/(K − 1), and the variance of the count is that
    within the window plus that between windows,

        b·(jm − b)/(jm − 1)·(p(1 − p) − Var q) + b² Var q.

    The last window has what blocks are left; each counts by its mini-batches.

    Args:
        block_shares: of each class in each block, (K, classes); all blocks have m rows.
        rows: m.
        window: blocks of a window; all if there are not so many.
        batch_size: b, which divides m.
    """
    blocks = len(block_shares)
    p, spread = block_shares.mean(axis=0), block_shares.var(axis=0)
    full, left = divmod(blocks, min(window, blocks))
    total = 0.0
    for size, count in ((min(window, blocks), full), (left, 1)):
        if size == 0:
            continue
        between = spread / size * (blocks - size) / max(blocks - 1, 1)
        within = batch_size * (size * rows - batch_size) / max(size * rows - 1, 1)
        variance = within * (p * (1 - p) - between) + batch_size**2 * between
        total += size * count / blocks * float(variance.mean())
    return total


def place_correlation(order: np.ndarray) -> float:
    """Return the rank correlation of the stored place with the place in the epoch.

    Example:
        >>> place_correlation(np.arange(5)), place_correlation(np.arange(5)[::-1])
        (1.0, -1.0)
    """
    count = len(order)
    middle = (count - 1) / 2
    product = np.dot(order - middle, np.arange(count) - middle)
    return float(product / (count * (count**2 - 1) / 12))


def expected_correlation(blocks: int, rows: int, window: int) -> float:
    """Return the root mean square of `place_correlation` after a two-level shuffle.

    Two parts, which are not correlated: which window a block is in (a random pairing of the
    blocks' places with those of the windows), and where in the window a row is (another).
    For a random pairing of numbers a with numbers b the variance of Σab is
    Σ(a − ā)² Σ(b − b̄)² / (n − 1).

    Args:
        blocks: K.
        rows: m of each block.
        window: blocks of a window.

    Example:
        >>> round(expected_correlation(1, 101, 1), 6) == 0.1  # a full shuffle: 1/√(n − 1)
        True
    """
    count = blocks * rows
    window = min(window, blocks)
    sizes = [window] * (blocks // window) + ([blocks % window] if blocks % window else [])
    ends = np.cumsum(sizes)
    centres = np.repeat(rows * (2 * ends - sizes) / 2, sizes)  # of the window of each slot
    block_squares = rows**2 * blocks * (blocks**2 - 1) / 12
    between = block_squares * np.sum((centres - centres.mean()) ** 2) / max(blocks - 1, 1)
    between *= rows**2  # every row of a block goes with it
    within = 0.0
    for size in sizes:
        length = size * rows
        in_block = (rows**2 - 1) / 12
        of_blocks = block_squares / max(blocks - 1, 1) * (1 - 1 / size)
        stored = length * (in_block + of_blocks)
        within += stored * length * (length**2 - 1) / 12 / max(length - 1, 1)
    return math.sqrt(between + within) / (count * (count**2 - 1) / 12)
