"""Proximal rules against closed forms, SciPy and the rules that they extend."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from nagcore.core import GradientDescent, Nesterov, SimplifiedMomentum, extrapolation
from nagcore.core.proximal import FISTA, ProximalGradient
from nagcore.errors import UsageError

rng = np.random.default_rng(0)
CURVATURES = np.geomspace(1e-3, 1.0, 12)
CENTER = rng.normal(size=12)
WEIGHT = 0.05


def soft(v, threshold):
    return np.sign(v) * np.maximum(abs(v) - threshold, 0)


def shrink(v, step_size):
    return soft(v, WEIGHT * step_size)


def value(x):
    return 0.5 * CURVATURES @ (x - CENTER) ** 2 + WEIGHT * abs(x).sum()


def grad(x):
    return CURVATURES * (x - CENTER)


# the minimum of ½ λ (x − c)² + w |x|, coordinate by coordinate
X_STAR = soft(CENTER, WEIGHT / CURVATURES)


def iterates(method, x0, step_sizes):
    state, seen = method.init(x0), []
    for step_size in step_sizes:
        state = method.step(state, grad(method.query(state)), step_size)
        seen.append(state.x)
    return np.array(seen)


@pytest.mark.parametrize(
    ("proximal", "smooth"),
    [
        (ProximalGradient(lambda v, _: v), GradientDescent()),
        (FISTA(lambda v, _: v), Nesterov()),
        (FISTA(lambda v, _: v, momentum=0.7), Nesterov(0.7)),
    ],
    ids=["gradient", "FISTA", "FISTA, constant"],
)
def test_without_a_simple_part_the_smooth_rule_is_left(proximal, smooth):
    steps = rng.uniform(0.2, 1.0, size=40)
    x0 = rng.normal(size=12)
    np.testing.assert_array_equal(iterates(proximal, x0, steps), iterates(smooth, x0, steps))


@pytest.mark.parametrize("seed", range(5))
def test_the_bounds_of_the_theorems_hold(seed):
    x0 = np.random.default_rng(seed).normal(size=12) * 10
    k, square = np.arange(1, 301), np.sum((x0 - X_STAR) ** 2)
    plain = [value(x) - value(X_STAR) for x in iterates(ProximalGradient(shrink), x0, [1.0] * 300)]
    fast = [value(x) - value(X_STAR) for x in iterates(FISTA(shrink), x0, [1.0] * 300)]
    weights = np.array([extrapolation(i) for i in range(300)])
    assert (np.array(plain) <= square / (2 * k) + 1e-13).all()
    assert (np.array(fast) <= square / (2 * weights**2) + 1e-13).all()


def test_fista_keeps_its_bound_while_step_sizes_fall():
    steps = np.sort(rng.uniform(0.1, 1.0, size=300))[::-1]
    x0 = rng.normal(size=12) * 10
    gaps = np.array([value(x) for x in iterates(FISTA(shrink), x0, steps)]) - value(X_STAR)
    weights = np.array([extrapolation(i) for i in range(300)])
    assert (gaps <= np.sum((x0 - X_STAR) ** 2) / (2 * steps * weights**2) + 1e-13).all()


@pytest.mark.parametrize("momentum", [None, SimplifiedMomentum(), 0.9])
def test_non_negative_least_squares_is_what_scipy_finds(momentum):
    A, b = rng.normal(size=(30, 8)), rng.normal(size=30)
    method = FISTA(
        lambda v, _: v.clip(0, None), **({} if momentum is None else {"momentum": momentum})
    )
    state = method.init(np.zeros(8))
    for _ in range(3000):
        residual = A @ method.query(state) - b
        state = method.step(state, A.T @ residual, 1 / float(np.linalg.norm(A, 2)) ** 2)
    np.testing.assert_allclose(state.x, nnls(A, b)[0], atol=1e-10)


def test_the_prox_is_told_the_step_size():
    asked = []

    def prox(v, step_size):
        asked.append(step_size)
        return v

    iterates(ProximalGradient(prox), X_STAR, [0.25, 0.5])
    iterates(FISTA(prox), X_STAR, [0.125])
    assert asked == [0.25, 0.5, 0.125]


def test_a_momentum_of_one_is_refused():
    with pytest.raises(UsageError, match="momentum is 1"):
        FISTA(shrink, momentum=1.0)
