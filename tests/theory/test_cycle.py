"""Heavy ball's cycle: exact, attracting, and the starting points that fall into it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad

from nagcore.core import (
    GradientDescent,
    HeavyBall,
    Nesterov,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
)
from nagcore.errors import UsageError
from nagcore.theory import minimize
from nagcore.theory.cycle import (
    CyclingFunction,
    cycling_intervals,
    falls_into_cycle,
    iterates_from,
    run_exactly,
)

F = CyclingFunction()


def published_slope(x):
    if x < 1:
        return 25 * x
    return x + 24 if x < 2 else 25 * x - 24


@pytest.mark.parametrize("x", [-3.0, 0.0, 0.999, 1.0, 1.5, 1.999, 2.0, 7.0, Fraction(7, 4)])
def test_the_slope_is_the_published_one(x):
    assert F.grad(x) == published_slope(x)


@pytest.mark.parametrize("x", [-3.0, 0.5, 1.0, 1.7, 2.0, 5.0])
def test_the_value_is_the_integral_of_the_slope(x):
    integral, _ = quad(published_slope, 0, x, points=[1.0, 2.0] if x > 1 else None)
    assert F.value(np.array([x])) == pytest.approx(integral, abs=1e-8)


def test_the_constants_bracket_every_difference_quotient():
    x, y = np.random.default_rng(0).uniform(-5, 5, size=(2, 10_000))
    quotients = (F.grad(x) - F.grad(y)) / (x - y)
    assert F.mu - 1e-9 <= quotients.min()
    assert quotients.max() <= F.L + 1e-9
    near = np.array([1.4, 1.6])
    assert np.diff(F.grad(near)) / 0.2 == pytest.approx(F.mu)


def test_the_cycle_closes_exactly():
    cycle = [Fraction(792, 1225), Fraction(-2208, 1225), Fraction(2592, 1225)]
    iterates = run_exactly(300)
    assert all(isinstance(x, Fraction) for x in iterates)
    assert iterates == (cycle * 101)[:301]


def test_the_exact_run_uses_the_tuning_for_these_constants():
    assert tune_heavy_ball(F.L, F.mu) == pytest.approx((1 / 9, 4 / 9), rel=1e-15)


def test_a_start_near_the_cycle_is_drawn_in():
    tuning = tune_heavy_ball(F.L, F.mu)
    run = iterates_from(
        HeavyBall(tuning.momentum), np.array([3.3]), step_size=tuning.step_size, steps=200
    )
    expected = [float(x) for x in run_exactly(2)]
    np.testing.assert_allclose(sorted(run[-3:, 0]), sorted(expected), atol=1e-13)


def test_iterates_are_those_of_the_solver():
    step_size, momentum = tune_heavy_ball(F.L, F.mu)
    method, x0 = HeavyBall(momentum), np.array([3.3])
    solved = minimize(F, method, x0, step_size=step_size, max_steps=30, trace=True)
    run = iterates_from(method, x0, step_size=step_size, steps=30)
    np.testing.assert_allclose(run, solved.iterates, rtol=1e-12)


def test_the_known_interval_and_its_ends():
    ((low, high),) = cycling_intervals(3.0, 3.6)
    assert (low, high) == pytest.approx((3.06123145, 3.46332560), abs=1e-7)
    assert falls_into_cycle(np.array([low - 1e-6, low + 1e-6])).tolist() == [False, True]
    assert falls_into_cycle(np.array([high - 1e-6, high + 1e-6])).tolist() == [True, False]


def test_there_are_twelve_intervals_within_ten_of_the_minimum():
    intervals = cycling_intervals(-10.0, 10.0)
    assert intervals.shape == (12, 2)
    assert (np.diff(intervals.ravel()) > 0).all()
    assert (intervals[:, 1] < 0).sum() == 5
    # a random start agrees with the intervals
    starts = np.random.default_rng(1).uniform(-10, 10, size=20_000)
    inside = ((starts[:, None] > intervals[:, 0]) & (starts[:, None] < intervals[:, 1])).any(axis=1)
    np.testing.assert_array_equal(falls_into_cycle(starts), inside)


def test_an_interval_is_cut_where_the_range_ends():
    np.testing.assert_allclose(cycling_intervals(3.2, 3.3, points=11), [[3.2, 3.3]])
    assert cycling_intervals(3.5, 3.6, points=11).shape == (0, 2)


def test_gradient_descent_and_nesterov_converge_from_everywhere():
    starts = np.linspace(-100, 100, 20_001)
    gd, nesterov = tune_gradient_descent(F.L, F.mu), tune_nesterov(F.L, F.mu)
    for method, step_size in (
        (GradientDescent(), gd.step_size),
        (Nesterov(nesterov.momentum), nesterov.step_size),
    ):
        run = iterates_from(method, starts, step_size=step_size, steps=600)
        assert np.abs(run[-1]).max() < 1e-12


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: cycling_intervals(1.0, 1.0), "low is 1.0, high is 1.0"),
        (lambda: cycling_intervals(0.0, np.inf), "high is inf"),
        (lambda: cycling_intervals(0.0, 1.0, points=1), "points is 1"),
        (lambda: cycling_intervals(0.0, 1.0, tol=0.0), "tol is 0.0"),
        (lambda: run_exactly(-1), "steps is -1"),
        (
            lambda: iterates_from(GradientDescent(), np.ones(1), step_size=0.0, steps=1),
            "step_size is 0.0",
        ),
    ],
)
def test_bad_input_is_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()
