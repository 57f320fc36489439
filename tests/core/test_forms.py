"""The rule against the forms in which others have written the method."""

from __future__ import annotations

import numpy as np

from nagcore.core import Momentum1983, Nesterov, Schedule2013, extrapolation

CURVATURE = np.array([1.0, 3.0, 10.0])
START = np.array([1.0, -2.0, 0.5])
STEP_SIZES = [0.08 / (1 + 0.05 * (k % 5)) for k in range(30)]


def gradient(y):
    return CURVATURE * y + 0.3 * np.sin(y)


def run_rule(sequence):
    method = Nesterov(sequence)
    state = method.init(START)
    iterates = []
    for step_size in STEP_SIZES:
        state = method.step(state, gradient(method.query(state)), step_size)
        iterates.append(state.x)
    return np.array(iterates)


def test_equals_the_look_ahead_form_of_2013_under_changing_momentum_and_step_size():
    """v ← μ v − ε ∇f(θ + μ v), θ ← θ + v."""
    schedule = Schedule2013(maximum=0.9, period=4)
    theta, v, path = START, np.zeros(3), []
    for k, step_size in enumerate(STEP_SIZES):
        v = schedule(k) * v - step_size * gradient(theta + schedule(k) * v)
        theta = theta + v
        path.append(theta)
    np.testing.assert_allclose(run_rule(schedule), path, rtol=1e-12, atol=1e-14)


def test_equals_the_published_loop_of_fista_without_a_proximal_term():
    """x_k = y_k − ∇f(y_k)/L, t_{k+1} = …, y_{k+1} = x_k + (t_k − 1)/t_{k+1} (x_k − x_{k−1})."""
    x, y, path = START, START, []
    for k, step_size in enumerate(STEP_SIZES):
        new = y - step_size * gradient(y)
        y = new + (extrapolation(k) - 1) / extrapolation(k + 1) * (new - x)
        x = new
        path.append(x)
    np.testing.assert_allclose(run_rule(Momentum1983()), path, rtol=1e-12, atol=1e-14)


def test_equals_the_shifted_form_whose_parameters_are_query_points():
    """d ← β_k d − α ∇f(y), y ← y − α ∇f(y) + β_{k+1} d."""
    beta = Schedule2013(maximum=0.9, period=4)
    y, d, path = START, np.zeros(3), []
    for k, step_size in enumerate(STEP_SIZES):
        g = gradient(y)
        d = beta(k) * d - step_size * g
        y = y - step_size * g + beta(k + 1) * d
        path.append(y - beta(k + 1) * d)
    np.testing.assert_allclose(run_rule(beta), path, rtol=1e-12, atol=1e-14)
