"""Measured gaps against the theorems: every method, problem and condition number."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import (
    GradientDescent,
    HeavyBall,
    Nesterov,
    SimplifiedMomentum,
    StronglyConvexMomentum,
    tune_gradient_descent,
)
from nagcore.theory import Quadratic, WorstFunction, minimize, spaced_spectrum, tell_classes_apart
from nagcore.theory.bounds import (
    bound_gradient_descent,
    bound_gradient_descent_strongly_convex,
    bound_nesterov_1983,
    bound_nesterov_simplified,
    bound_nesterov_strongly_convex,
    lower_bound_convex,
)

PROBLEMS = [
    Quadratic(spaced_spectrum(20, kappa), center=(1.0,) * 20, rotation_seed=seed)
    for kappa in (2.0, 100.0, 1e4)
    for seed in (0, 1)
] + [WorstFunction(41), WorstFunction(201), tell_classes_apart()]
problems = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
STEPS = 100
ROUNDING = 1e-13


def measure(problem, method, step_size=None):
    x0 = np.zeros_like(problem.x_star)
    run = minimize(problem, method, x0, step_size=step_size, max_steps=STEPS)
    assert run.status != "diverged"
    # a gradient of exactly zero ends a run early: the gap then stays what it is
    gaps = np.pad(run.gaps, (0, STEPS - run.steps), mode="edge")
    return gaps, float(np.linalg.norm(x0 - problem.x_star))


@problems
@pytest.mark.parametrize(
    ("method", "bound"),
    [
        (GradientDescent(), bound_gradient_descent),
        (Nesterov(), bound_nesterov_1983),
        (Nesterov(SimplifiedMomentum()), bound_nesterov_simplified),
    ],
    ids=["gradient descent", "Nesterov, 1983", "Nesterov, simplified"],
)
def test_convex_bounds_hold(problem, method, bound):
    gaps, distance = measure(problem, method)
    assert (gaps <= bound(np.arange(STEPS + 1), L=problem.L, distance=distance) + ROUNDING).all()


@problems
def test_strongly_convex_bounds_hold(problem):
    L, mu, k = problem.L, problem.mu, np.arange(STEPS + 1)
    gaps, distance = measure(problem, GradientDescent(), tune_gradient_descent(L, mu).step_size)
    bound = bound_gradient_descent_strongly_convex(k, L=L, mu=mu, distance=distance)
    assert (gaps <= bound + ROUNDING).all()
    gaps, _ = measure(problem, Nesterov(StronglyConvexMomentum(L, mu)))
    bound = bound_nesterov_strongly_convex(k, L=L, mu=mu, distance=distance, first_gap=gaps[0])
    assert (gaps <= bound + ROUNDING).all()


def test_gradient_descent_attains_its_strongly_convex_bound():
    """On a quadratic the extreme eigenvectors shrink by exactly (κ − 1)/(κ + 1)."""
    problem = Quadratic((1.0, 9.0), center=(0.0, 1.0))
    gaps, distance = measure(problem, GradientDescent(), tune_gradient_descent(9.0, 1.0).step_size)
    k = np.arange(STEPS + 1)
    bound = bound_gradient_descent_strongly_convex(k, L=9.0, mu=1.0, distance=distance)
    np.testing.assert_allclose(gaps[:30], bound[:30], rtol=1e-9)


@pytest.mark.parametrize(
    "method",
    [GradientDescent(), HeavyBall(0.9), Nesterov(), Nesterov(0.9)],
    ids=["gradient descent", "heavy ball", "Nesterov, 1983", "Nesterov, 0.9"],
)
@pytest.mark.parametrize("steps", [1, 5, 40])
def test_no_method_beats_the_lower_bound(method, steps):
    problem = WorstFunction(2 * steps + 1)
    gaps, distance = measure(problem, method)
    assert gaps[steps] >= lower_bound_convex(steps, L=problem.L, distance=distance)


def test_acceleration_is_the_square_root_of_the_condition_number():
    """Steps to a fixed accuracy grow like κ for gradient descent, like √κ for Nesterov."""

    def steps_needed(method_of, kappa):
        problem = Quadratic(spaced_spectrum(20, kappa), center=(1.0,) * 20)
        run = minimize(
            problem, method_of(problem), np.zeros(20), max_steps=200_000, tol=1e-6 / kappa
        )
        return run.require_converged().steps

    for method_of, exponent in (
        (lambda p: GradientDescent(), 1.0),
        (lambda p: Nesterov(StronglyConvexMomentum(p.L, p.mu)), 0.5),
    ):
        growth = steps_needed(method_of, 1e4) / steps_needed(method_of, 1e2)
        # the accuracy asked for scales with 1/κ, which adds a factor of at most 2
        assert 100**exponent < growth < 2.2 * 100**exponent
