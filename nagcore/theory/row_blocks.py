"""Sums over the rows of a data matrix, with the matrix read once.

The gradient of Σ_i φ_i(a_iᵀx) is Aᵀ s with s_i = φ_i'(a_iᵀx). Written as two products it reads A
from memory twice, and memory is what limits it. Here the rows are taken in blocks that fit the
cache: while a block is there, both products and the slopes between them are done. Long data are
shared out over threads, since NumPy lets go of the interpreter in products and elementwise loops.

The blocks depend on the shape of A only and their results are added in one order, so the number
of threads does not change a bit of the answer (nor did that of OpenBLAS, which leaves products
as small as a block's to one thread).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

RowLoss = Callable[[np.ndarray, slice], float]
"""Turns z = A[rows] x into the slopes s, in place, and returns the loss of these rows."""

# 2,000 rows of 50 numbers were fastest; from 0.4 to 2 MB the time changes by less than 15 %
BLOCK_BYTES = 800_000
# below this many rows the results of the blocks would be no longer small beside the data
FEWEST_ROWS = 64
# data of this size stay in the cache between the two products: blocks gain nothing there
SMALL_BYTES = 16_000_000
# a thread must have this much to read, or starting it costs more than it saves
BYTES_FOR_A_THREAD = 16_000_000
# threads take blocks as they get ready for more, so that a busy core does not hold up the rest
BLOCKS_AT_ONCE = 4


def sum_over_rows(A: np.ndarray, x: np.ndarray, loss: RowLoss) -> tuple[float, np.ndarray]:
    """Return Σ_i φ_i(a_iᵀx) and its gradient Aᵀs, shape (n,), reading A once.

    Args:
        A: data, shape (m, n), float64.
        x: point, shape (n,).
        loss: called with z = A[rows] x, which it must overwrite by the slopes, and with `rows`;
            returns the sum of the losses of these rows (any number, where only the gradient is
            wanted). Called from several threads at once.

    Example:
        >>> def half_square(z, rows):
        ...     return float(z @ z) / 2      # the slopes are z itself
        >>> A = np.arange(6.0).reshape(3, 2)
        >>> value, grad = sum_over_rows(A, np.array([1.0, 1.0]), half_square)
        >>> value, grad.tolist()             # 1² + 5² + 9² over 2 and (AᵀA) x
        (53.5, [46.0, 61.0])
    """
    if A.nbytes <= SMALL_BYTES:  # every microsecond shows here; methods cost less than `@`
        z = A.dot(x)
        value = loss(z, slice(None))
        return value, z.dot(A)
    values, grads = each_block(A, x, loss)
    return float(values.sum()), grads.sum(axis=0)


def each_block(
    A: np.ndarray, x: np.ndarray, loss: RowLoss, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and gradients of all blocks of rows, shapes (blocks,) and (blocks, n).

    For functions that are no plain sum over rows; else `sum_over_rows`.

    Args:
        A: data, shape (m, n), float64.
        x: point, shape (n,).
        loss: as in `sum_over_rows`.
        threads: how many to use; if left out, as many as there are cores for this process (or
            `OMP_NUM_THREADS`, where it is set), and fewer where the data are small.

    Example:
        >>> values, grads = each_block(np.ones((5, 2)), np.zeros(2), lambda z, rows: 0.0)
        >>> values.shape, grads.shape
        ((1,), (1, 2))
    """
    m, n = A.shape
    rows = rows_in_a_block(A)
    count = -(-m // rows)
    values, grads = np.empty(count), np.empty((count, n))
    # a block of a matrix that is stored by columns has gaps, and `dot` would copy it
    multiply = np.dot if A.flags.c_contiguous else np.matmul

    chunks = list(range(0, count, BLOCKS_AT_ONCE))[::-1]

    def work() -> None:
        buffer = np.empty(rows)
        while chunks:
            try:
                first = chunks.pop()
            except IndexError:  # another thread took the last one
                return
            for i in range(first, min(first + BLOCKS_AT_ONCE, count)):
                part = slice(i * rows, min((i + 1) * rows, m))
                z = multiply(A[part], x, out=buffer[: part.stop - part.start])
                values[i] = loss(z, part)
                multiply(z, A[part], out=grads[i])

    if threads is None:
        threads = min(_allowed_threads(), A.nbytes // BYTES_FOR_A_THREAD)
    helpers = min(threads, len(chunks)) - 1
    if helpers < 1:
        work()
        return values, grads
    # a pool for each call: 0.1 ms, and nothing to go wrong after a fork
    with ThreadPoolExecutor(helpers) as pool:
        others = [pool.submit(work) for _ in range(helpers)]
        work()
    for other in others:
        other.result()  # hands on an error, if there was one
    return values, grads


def rows_in_a_block(A: np.ndarray) -> int:
    """Return the number of rows that go into one block.

    Example:
        >>> rows_in_a_block(np.ones((10, 50)))
        2000
    """
    return max(FEWEST_ROWS, BLOCK_BYTES // (A.shape[1] * A.itemsize))


def _allowed_threads() -> int:
    wish = os.environ.get("OMP_NUM_THREADS", "")
    if wish.isdecimal() and int(wish) > 0:
        return int(wish)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
