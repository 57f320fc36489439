"""The flow against closed forms, its bound, and the order in which the methods approach it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j1

from nagcore.core import HeavyBall, Nesterov, SimplifiedMomentum, tune_heavy_ball, tune_nesterov
from nagcore.errors import UsageError
from nagcore.theory import LogisticRegression, Quadratic, WorstFunction, spaced_spectrum
from nagcore.theory.flow import (
    Friction,
    Trajectory,
    bound_nesterov_flow,
    distance_to_flow,
    follow_in_time,
    friction_of_momentum,
    momentum_for_friction,
    solve_flow,
)

BOWL = Quadratic((1.0, 10.0))
START = np.array([4.0, 1.5])
rng = np.random.default_rng(0)


def bessel(times, curvatures, x0):
    """x(t) = 2 x_0 J_1(t√λ)/(t√λ), the solution with friction 3/t on a quadratic."""
    arguments = times[:, None] * np.sqrt(curvatures)
    return 2 * x0 * j1(arguments) / arguments


def test_friction_three_over_time_gives_the_bessel_function():
    path = solve_flow(BOWL, Friction(over_time=3.0), START, until=20.0, steps=8000)
    expected = bessel(path.times[1:], np.array([1.0, 10.0]), START)
    np.testing.assert_allclose(path.points[1:], expected, atol=1e-10)


@pytest.mark.parametrize(
    ("constant", "expected"),
    [
        (0.0, lambda t: np.cos(2 * t)),
        (4.0, lambda t: np.exp(-2 * t) * (1 + 2 * t)),  # critical: a = 2√λ
        (5.0, lambda t: (4 * np.exp(-t) - np.exp(-4 * t)) / 3),
    ],
)
def test_constant_friction_gives_the_damped_oscillator(constant, expected):
    path = solve_flow(Quadratic((4.0,)), Friction(constant), np.array([1.0]), until=5.0)
    np.testing.assert_allclose(path.points[:, 0], expected(path.times), atol=1e-9)


def test_the_numerical_solution_is_of_order_four():
    errors = []
    for steps in (100, 200, 400):
        path = solve_flow(BOWL, Friction(over_time=3.0), START, until=5.0, steps=steps)
        exact = bessel(path.times[1:], np.array([1.0, 10.0]), START)
        errors.append(np.abs(path.points[1:] - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (np.abs(orders - 4) < 0.2).all()


@pytest.mark.parametrize(
    ("rule", "friction"),
    [
        (lambda alpha: HeavyBall(momentum_for_friction(1.0, alpha)), Friction(1.0)),
        (lambda alpha: Nesterov(momentum_for_friction(1.0, alpha)), Friction(1.0)),
        (lambda alpha: Nesterov(SimplifiedMomentum()), Friction(over_time=3.0)),
        (lambda alpha: HeavyBall(SimplifiedMomentum()), Friction(over_time=3.0)),
    ],
    ids=["heavy ball", "Nesterov", "Nesterov, simplified", "heavy ball, simplified"],
)
def test_the_methods_approach_the_flow_in_first_order_of_the_time_step(rule, friction):
    flow = solve_flow(BOWL, friction, START, until=8.0, steps=16_000)
    distances = [
        distance_to_flow(follow_in_time(BOWL, rule(alpha), START, step_size=alpha, until=8.0), flow)
        for alpha in (0.04 / 4**4, 0.04 / 4**5, 0.04 / 4**6)
    ]
    orders = np.log2(np.array(distances[:-1]) / distances[1:])
    assert (np.abs(orders - 1) < 0.05).all()


@pytest.mark.parametrize(
    "problem",
    [
        BOWL,
        Quadratic(spaced_spectrum(10, 1e4), center=(1.0,) * 10, rotation_seed=1),
        WorstFunction(21),
        LogisticRegression(rng.normal(size=(30, 4)), np.sign(rng.normal(size=30)), ridge=0.01),
    ],
    ids=lambda p: p.name,
)
def test_the_gap_stays_below_two_over_time_squared_and_the_energy_falls(problem):
    x0 = problem.x_star + 1.0
    path = solve_flow(problem, Friction(over_time=3.0), x0, until=30.0, steps=6000)
    gaps = np.array([problem.value(x) - problem.f_star for x in path.points])
    distance = float(np.linalg.norm(x0 - problem.x_star))
    assert (gaps <= bound_nesterov_flow(path.times, distance=distance)).all()
    speed = np.gradient(path.points, path.times, axis=0)
    times = path.times[:, None]
    carried = path.points + times / 2 * speed - problem.x_star
    energy = path.times**2 * gaps + 2 * (carried**2).sum(axis=1)
    # the speed is a difference quotient, wrong in the second order of the step
    assert (np.diff(energy)[1:-1] <= 1e-4 * energy[0]).all()
    assert energy[0] == pytest.approx(2 * distance**2)


def test_the_bound_of_the_flow_is_of_the_right_size():
    """On one curvature the gap reaches max J_1² ≈ 0.339 of the bound."""
    path = solve_flow(Quadratic((1.0,)), Friction(over_time=3.0), np.array([1.0]), until=20.0)
    gaps = path.points[1:, 0] ** 2 / 2
    ratio = gaps / bound_nesterov_flow(path.times[1:], distance=1.0)
    assert ratio.max() == pytest.approx(0.33859, abs=1e-4)


@pytest.mark.parametrize("kappa", [4.0, 100.0])
def test_tuned_heavy_ball_and_nesterov_have_the_same_friction(kappa):
    heavy, nesterov = tune_heavy_ball(kappa, 1.0), tune_nesterov(kappa, 1.0)
    common = 2 * np.sqrt(kappa) / (np.sqrt(kappa) + 1)
    for tuning in (heavy, nesterov):
        friction = friction_of_momentum(tuning.momentum, tuning.step_size)
        assert friction.constant == pytest.approx(common, rel=1e-12)
        back = momentum_for_friction(friction.constant, tuning.step_size)
        assert back == pytest.approx(tuning.momentum, rel=1e-12)


def test_a_run_takes_every_step_that_fits():
    run = follow_in_time(BOWL, Nesterov(), START, step_size=0.01, until=0.3)
    assert len(run.times) == 4


SHORT = Trajectory(np.array([0.0, 1.0]), np.zeros((2, 1)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Friction(-1.0), "constant is -1.0"),
        (lambda: Friction(over_time=np.nan), "over_time is nan"),
        (lambda: friction_of_momentum(1.0, 0.1), "momentum is 1.0"),
        (lambda: friction_of_momentum(0.5, 0.0), "step_size is 0.0"),
        (lambda: momentum_for_friction(20.0, 0.01), "constant is 20.0"),
        (lambda: momentum_for_friction(0.0, 0.01), "constant is 0.0"),
        (lambda: solve_flow(BOWL, Friction(), START, until=0.0), "until is 0.0"),
        (lambda: solve_flow(BOWL, Friction(), START, until=1.0, steps=0), "steps is 0"),
        (lambda: follow_in_time(BOWL, Nesterov(), START, step_size=-1.0, until=1.0), "step_size"),
        (
            lambda: distance_to_flow(Trajectory(np.array([2.0]), np.zeros((1, 1))), SHORT),
            "the run lasts until",
        ),
    ],
)
def test_bad_input_is_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()
