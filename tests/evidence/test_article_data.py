"""Examples and memory, and the threshold K, against plain loops."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from nagcore.core import GradientDescent, Nesterov
from nagcore.core.momentum import StronglyConvexMomentum
from nagcore.errors import UsageError
from nagcore.evidence.article_data import WAYS, Population, examples_needed, peak_memory
from nagcore.evidence.article_threshold import PLANS, run_with_rate, run_with_threshold
from nagcore.theory import Quadratic, minimize, spaced_spectrum
from nagcore.training.rates import Piecewise

SMALL = Population(features=6, condition_number=20.0)


def test_the_excess_is_the_expected_error_less_that_of_the_best_weights():
    A, b = SMALL.draw(200_000, seed=1)
    x = SMALL.weights + np.array([0.3, 0.0, -0.2, 0.1, 0.0, 0.5])
    error = np.mean((A @ x - b) ** 2) - np.mean((A @ SMALL.weights - b) ** 2)
    assert SMALL.excess(x) == pytest.approx(error, rel=0.03)
    assert SMALL.excess(np.zeros(6)) == pytest.approx(1.0)
    assert SMALL.excess(SMALL.weights) == 0.0


def test_gradient_descent_reads_what_a_plain_loop_reads():
    A, b = SMALL.draw(500, seed=0)
    L, x, read = np.linalg.norm(A, 2) ** 2 / 500, np.zeros(6), 0
    while SMALL.excess(x) > 0.1 and read < 100_000:
        x = x - A.T @ (A @ x - b) / 500 / L
        read += 500
    assert examples_needed(SMALL, "gd", 500, excess=0.1) == read


@pytest.mark.parametrize("count", [50, 55, 64, 90, 100])
def test_mini_batches_read_what_a_plain_loop_reads(count):
    A, b = SMALL.draw(count, seed=0)
    x, read = np.zeros(6), 0
    while SMALL.excess(x) > 0.2 and read < 100_000:
        rows = [(read + i) % count for i in range(4)]
        x = x - 0.1 * A[rows].T @ (A[rows] @ x - b[rows]) / 4
        read += 4
    assert read > count  # more than one pass
    assert examples_needed(SMALL, "sgd", count, excess=0.2, batch_size=4) == read


def test_all_examples_cost_more_where_there_are_more_and_mini_batches_do_not():
    read = {
        way: [examples_needed(SMALL, way, rows, excess=0.1) for rows in (1000, 8000)]
        for way in WAYS
    }
    for way in ("gd", "nag"):
        assert 6 < read[way][1] / read[way][0] < 10
    for way in ("sgd", "nag-batches"):
        assert 0.7 < read[way][1] / read[way][0] < 1.4


def test_an_unknown_way_and_an_accuracy_out_of_reach_are_refused():
    with pytest.raises(UsageError, match="way is 'adam', expected one of gd"):
        examples_needed(SMALL, "adam", 100, excess=0.1)
    with pytest.raises(UsageError, match=r"nag did not bring the excess to 1e-09"):
        examples_needed(SMALL, "nag", 100, excess=1e-9)


@pytest.mark.parametrize("method", [GradientDescent(), Nesterov(0.9)])
def test_memory_goes_with_the_block_and_not_with_the_examples(method):
    peaks = [peak_memory(SMALL, method, rows, block=500) for rows in (5000, 50_000)]
    assert peaks[1] < 1.05 * peaks[0]
    assert peak_memory(SMALL, method, 5000, block=5000) > 3 * peaks[0]


def test_memory_that_was_held_before_does_not_count():
    alone = peak_memory(SMALL, GradientDescent(), 5000, block=500)
    tracemalloc.start()
    try:
        np.zeros(1_000_000)
        assert peak_memory(SMALL, GradientDescent(), 5000, block=500) < 1.1 * alone
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    peak_memory(SMALL, GradientDescent(), 500, block=500)
    assert not tracemalloc.is_tracing()


def test_a_constant_rate_is_left_alone_by_every_threshold():
    runs = {K: run_with_threshold(PLANS["constant"], K) for K in (0.0, 1e-3, 1.0, math.inf)}
    assert len(set(runs.values())) == 1
    assert runs[0.0].bounded == 0


def test_without_a_threshold_the_run_is_that_of_the_solver():
    problem = Quadratic(spaced_spectrum(20, 100.0), center=(1.0,) * 20, rotation_seed=0)
    solution = minimize(
        problem, Nesterov(StronglyConvexMomentum(problem.L, problem.mu)), np.zeros(20),
        tol_gap=1e-6 * problem.value(np.zeros(20)),
    )  # fmt: skip
    assert run_with_rate(1.0).steps == solution.steps


def test_a_threshold_above_every_gradient_bounds_from_the_start():
    plan = Piecewise((1,), (0.5, 1.0))
    rising = run_with_threshold(plan, math.inf, most=0.1)
    # 0.5 · 1.1^7 = 0.97 and 0.5 · 1.1^8 = 1.07: seven rates are held back, the eighth is not
    assert rising.bounded == 7
    assert run_with_threshold(plan, 0.0).bounded == 0


def test_a_leap_of_the_rate_is_what_a_large_threshold_holds_back():
    free, held = (run_with_threshold(PLANS["jumps"], K) for K in (0.0, 10.0))
    assert free.rise > 100 * held.rise
    assert held.bounded > 0


def test_a_rate_that_diverges_never_arrives():
    run = run_with_rate(1.5)
    assert math.isinf(run.steps)
    assert run.rise > 1e6
