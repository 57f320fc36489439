"""No row comes twice and none is lost, whatever is shared among whomever."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagcore.errors import UsageError
from nagcore.training.source import share
from nagcore.training.stream.order import part_of, places, windows

blocks = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def rows_in_order(block_rows, part, window_blocks=3, seed=0, epoch=0):
    """The rows of a part, numbered through all blocks, in the order in which they come."""
    first = np.concatenate([[0], np.cumsum(block_rows)])
    order = []
    for window in windows(block_rows, part, seed=seed, epoch=epoch, window_blocks=window_blocks):
        rows = [first[p.block] + row for p in window.pieces for row in range(p.begin, p.end)]
        shuffled = np.empty(window.rows, dtype=int)
        shuffled[places(window, seed=seed, epoch=epoch)] = rows
        order.extend(shuffled.tolist())
    return order


@given(blocks, st.integers(1, 20), st.integers(1, 6), st.integers(1, 5), st.integers(0, 3))
def test_the_parts_are_all_rows_once(block_rows, batch_size, ranks, window_blocks, epoch):
    rows = sum(block_rows)
    parts = [part_of(rows, batch_size, rank, ranks) for rank in range(ranks)]
    assert [parts[0].begin, parts[-1].end] == [0, rows]
    assert all(one.end == other.begin for one, other in itertools.pairwise(parts))
    order = [rows_in_order(block_rows, part, window_blocks, epoch=epoch) for part in parts]
    assert sorted(itertools.chain(*order)) == list(range(rows))


@given(st.integers(1, 200), st.integers(1, 20), st.integers(1, 6))
def test_a_part_has_the_rows_of_its_steps(rows, batch_size, ranks):
    """Summed step by step over the epoch, by a plain loop."""
    for rank in range(ranks):
        begin = end = 0
        for step in range(math.ceil(rows / batch_size)):
            count = min(batch_size, rows - step * batch_size)
            before, behind = share(count, rank, ranks)
            end += behind - before
        part = part_of(rows, batch_size, rank, ranks)
        assert part.end - part.begin == end - begin


@given(blocks, st.integers(1, 8), st.integers(1, 4), st.integers(1, 5))
def test_windows_lie_end_to_end_and_share_blocks_only_at_the_ends_of_parts(
    block_rows, batch_size, ranks, window_blocks
):
    for rank in range(ranks):
        part = part_of(sum(block_rows), batch_size, rank, ranks)
        found = list(windows(block_rows, part, seed=1, epoch=2, window_blocks=window_blocks))
        if part.begin == part.end:
            assert not found
            continue
        assert [found[0].begin, found[-1].end] == [part.begin, part.end]
        assert all(one.end == other.begin for one, other in itertools.pairwise(found))
        assert {len(window.pieces) for window in found[:-1]} <= {window_blocks}
        pieces = [piece for window in found for piece in window.pieces]
        for piece in pieces[1:-1]:
            assert (piece.begin, piece.end) == (0, block_rows[piece.block])


def test_the_order_depends_on_seed_and_epoch_alone():
    line = part_of(60, 7, 0, 1)
    orders = {
        (seed, epoch): tuple(rows_in_order([5] * 12, line, seed=seed, epoch=epoch))
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(set(orders.values())) == 16
    assert tuple(rows_in_order([5] * 12, line, seed=3, epoch=2)) == orders[3, 2]


def test_each_epoch_has_its_own_order_of_blocks_and_each_window_its_own_of_rows():
    line = part_of(60, 7, 0, 1)
    orders = set()
    for epoch in range(8):
        found = list(windows([5] * 12, line, seed=0, epoch=epoch, window_blocks=3))
        orders.add(tuple(piece.block for window in found for piece in window.pieces))
        rows = {tuple(places(window, seed=0, epoch=epoch)) for window in found}
        assert len(rows) == len(found) == 4
    assert len(orders) == 8


def test_one_window_over_everything_is_a_full_shuffle():
    """Every row is as often at every place as chance has it: chi-square, 19 × 19 degrees."""
    line, count, draws = part_of(20, 20, 0, 1), 20, 4000
    seen = np.zeros((count, count))
    for epoch in range(draws):
        order = rows_in_order([3, 7, 2, 8], line, window_blocks=4, epoch=epoch)
        seen[np.arange(count), order] += 1
    expected = draws / count
    statistic = ((seen - expected) ** 2 / expected).sum()
    degrees = (count - 1) ** 2
    assert abs(statistic - degrees) < 4 * math.sqrt(2 * degrees)


def test_rows_of_a_window_stay_in_it():
    order = rows_in_order([5] * 8, part_of(40, 8, 0, 1), window_blocks=2)
    for begin in range(0, 40, 10):
        assert len({row // 5 for row in order[begin : begin + 10]}) == 2


def test_a_seed_below_zero_is_refused():
    with pytest.raises(UsageError, match="seed=-1"):
        next(windows([1], part_of(1, 1, 0, 1), seed=-1, epoch=0, window_blocks=1))
