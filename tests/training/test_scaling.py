"""The model of scaling against counts by hand, its limits, and fits of lines."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from nagcore.errors import UsageError
from nagcore.training.scaling import Compute, Network, Scaling, fit_line

SLOW = Network(latency=1e-3, bandwidth=1e8)
SCALING = Scaling(Compute(fixed=1e-3, each=1e-3), SLOW, size=1e6)


def test_a_ring_is_counted_by_hand():
    # four processes: six rounds, each with a quarter of the bytes
    assert SLOW.all_reduce_seconds(1e6, 4) == pytest.approx(6 * (1e-3 + 0.25e6 / 1e8))
    assert SLOW.all_reduce_seconds(1e6, 1) == 0


def test_a_step_is_counted_by_hand():
    assert SCALING.seconds(100, 1) == pytest.approx(0.101)
    assert SCALING.seconds(100, 4) == pytest.approx(0.026 + SLOW.all_reduce_seconds(1e6, 4))


def test_one_process_is_efficient():
    assert SCALING.efficiency(64, 1) == 1


def test_what_travels_while_gradients_are_computed_costs_nothing():
    half = Scaling(SCALING.compute, SLOW, size=1e6, hidden=0.5)
    travel = SLOW.all_reduce_seconds(1e6, 2)
    assert half.seconds(100, 2) == pytest.approx(0.051 + max(0, travel - 0.025))
    whole = Scaling(SCALING.compute, SLOW, size=1e6, hidden=1.0)
    assert whole.seconds(100, 2) == pytest.approx(0.051)


@given(st.integers(1, 500), st.integers(1, 64))
def test_more_processes_are_never_more_efficient_than_one(batch_size, processes):
    assert SCALING.efficiency(batch_size, processes) <= 1 + 1e-12


def test_the_most_processes_are_the_last_that_are_efficient():
    most = SCALING.most_processes(64, efficiency=0.5)
    assert SCALING.efficiency(64, most) >= 0.5 > SCALING.efficiency(64, most + 1)
    free = Scaling(Compute(0.0, 1e-3), Network(0.0, 1e18), size=1.0)
    assert free.most_processes(16, efficiency=0.99) == 16


@given(
    st.lists(st.floats(1, 1e3), min_size=2, max_size=8, unique=True),
    st.lists(st.floats(1e-3, 1.0), min_size=8, max_size=8),
)
def test_lines_are_those_of_nonnegative_least_squares(x, noise):
    seconds = noise[: len(x)]
    a, b = fit_line(x, seconds)
    rows = [[1 / s, xi / s] for xi, s in zip(x, seconds, strict=True)]
    exact, residual = nnls(rows, [1.0] * len(x))
    own = math.hypot(*((a + b * xi) / s - 1 for xi, s in zip(x, seconds, strict=True)))
    assert own == pytest.approx(residual, rel=1e-6, abs=1e-9)
    assert min(a, b) >= 0
    assert exact.min() >= 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Compute(-1.0, 1.0), "Compute: fixed"),
        (lambda: Network(0.0, 0.0), "Network: bandwidth"),
        (lambda: Scaling(SCALING.compute, SLOW, size=0.0), "Scaling: size"),
        (lambda: Scaling(SCALING.compute, SLOW, size=1.0, hidden=1.5), r"hidden=1\.5"),
        (lambda: SCALING.seconds(10, 0), "processes=0"),
        (lambda: fit_line([1, 1], [1.0, 2.0]), "two or more different sizes"),
        (lambda: fit_line([1, 2], [1.0, 0.0]), "positive seconds"),
    ],
)
def test_bad_values_are_named(make, says):
    with pytest.raises(UsageError, match=says):
        make()
