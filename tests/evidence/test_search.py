"""A search space is data: values that a declaration takes, spread evenly, the same everywhere."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from nagcore.errors import UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.search import Range, grid, log_uniform, sobol, uniform
from nagcore.evidence.values import dumps, loads, same

SPACE: dict[str, Any] = {"step_size": log_uniform(1e-3, 1.0), "momentum": uniform(0.5, 1.0)}


@given(st.integers(0, 6), st.integers(0, 1000))
def test_each_of_n_equal_parts_of_a_range_holds_one_point(power: int, seed: int):
    n = 2**power
    points = sobol(n, seed, digits=15, unit=uniform(0, 1), decades=log_uniform(1e-3, 1.0))
    shift = random.Random(seed)
    for values in ([unit for unit, _ in points], [1 + math.log10(d) / 3 for _, d in points]):
        start = shift.random()
        parts = sorted(round((value - start) % 1.0 * n, 6) % n for value in values)
        assert parts == list(range(n))


def test_the_points_are_those_of_scipy_moved_by_one_shift():
    n, seed = 16, 3
    shift = random.Random(seed)
    moves = [shift.random() for _ in range(3)]
    ours = sobol(n, seed, digits=12, a=uniform(0, 1), b=uniform(0, 1), c=uniform(0, 1))
    theirs = qmc.Sobol(3, scramble=False).random(n)
    for mine, reference in zip(ours, theirs, strict=True):
        assert mine == pytest.approx([(x + m) % 1 for x, m in zip(reference, moves, strict=True)])


def test_the_points_fill_the_space_better_than_random_ones():
    random_points = random.Random(0)
    plain = [[random_points.random() for _ in range(2)] for _ in range(64)]
    points = sobol(64, 0, a=uniform(0, 1), b=uniform(0, 1))
    assert qmc.discrepancy(points) < qmc.discrepancy(plain) / 3


def test_points_lie_in_their_ranges_and_a_shorter_sequence_begins_a_longer_one():
    points = sobol(32, 1, **SPACE)
    assert points[:20] == sobol(20, 1, **SPACE)
    assert all(1e-3 <= step <= 1.0 and 0.5 <= momentum <= 1.0 for step, momentum in points)
    assert points != sobol(32, 2, **SPACE)


def test_a_declaration_takes_them_and_json_brings_them_back():
    points = sobol(8, 0, **SPACE)
    declaration = Declaration(
        "toy", "What?", {"method": ("nag",), "point": points}, {}, {"loss": "nats"}
    )
    assert declaration.size == 8
    assert declaration.settings()[3]["point"] == points[3]
    assert same(loads(dumps(points)), points)
    again = Declaration.from_json(loads(dumps(declaration.to_json())))
    assert again == declaration


def test_the_values_are_written_down_so_that_no_version_changes_them():
    assert sobol(4, 0, **SPACE) == (
        (0.3414, 0.879),
        (0.0108, 0.629),
        (0.06071, 0.504),
        (0.00192, 0.754),
    )


def test_a_grid_is_every_combination_in_order():
    assert grid(a=(1, 2), b=range(3)) == tuple(itertools.product((1, 2), range(3)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: uniform(1, 1), "from 1.0 to 1.0"),
        (lambda: uniform(0, math.inf), "finite"),
        (lambda: uniform(math.nan, 1), "finite"),
        (lambda: log_uniform(0, 1), "begins at 0.0, expected more than 0"),
        (lambda: Range(-1, 1, "log"), "begins at -1"),
        (lambda: sobol(0, 0, **SPACE), "n is 0"),
        (lambda: sobol(True, 0, **SPACE), "n is True"),
        (lambda: sobol(4, 0), "there is no range"),
        (lambda: grid(a=()), "a has no values"),
    ],
)
def test_what_is_no_space_is_refused(call, words: str):
    with pytest.raises(UsageError, match=words):
        call()
