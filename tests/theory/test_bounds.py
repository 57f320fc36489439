"""No method is faster than the lower bound, and acceleration is what it is said to be."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import GradientDescent, Nesterov, StronglyConvexMomentum
from nagcore.theory import METHODS, Quadratic, WorstFunction, make_method, minimize, spaced_spectrum
from nagcore.theory.bounds import lower_bound_convex


@pytest.mark.parametrize("steps", [1, 5, 40])
@pytest.mark.parametrize("name", [name for name, recipe in METHODS.items() if not recipe.composite])
def test_no_method_beats_the_lower_bound(name, steps):
    problem = WorstFunction(2 * steps + 1)
    tuned = make_method(name, L=problem.L, mu=problem.mu, steps=steps)
    run = minimize(
        problem,
        tuned.method,
        np.zeros_like(problem.x_star),
        step_size=tuned.step_size,
        max_steps=steps,
        trace=True,
    )
    distance = float(np.linalg.norm(problem.x_star))
    assert run.gaps[-1] >= lower_bound_convex(steps, L=problem.L, distance=distance)


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
