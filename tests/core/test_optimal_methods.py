"""Silver steps, OGM, OGM-G, triple and robust momentum and ITEM against their published forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagcore.core.exact import ITEM
from nagcore.core.heavy_ball import HeavyBall
from nagcore.core.momentum import extrapolation
from nagcore.core.nesterov import Nesterov
from nagcore.core.optimized import OGM, OGMG, backward_extrapolations
from nagcore.core.step_sizes import SILVER_RATIO, SilverSteps
from nagcore.core.triple_momentum import TripleMomentum
from nagcore.core.tuning import (
    rate_of_robust_momentum,
    tune_robust_momentum,
    tune_triple_momentum,
)
from nagcore.errors import UsageError

CURVATURE = np.array([1.0, 3.0, 10.0])
START = np.array([1.0, -2.0, 0.5])
STEP_SIZES = [0.08 / (1 + 0.05 * (k % 5)) for k in range(30)]


def gradient(y):
    return CURVATURE * y + 0.3 * np.sin(y)


def run(method, step_sizes):
    state = method.init(START)
    path = []
    for step_size in step_sizes:
        state = method.step(state, gradient(method.query(state)), step_size)
        path.append(state.x)
    return np.array(path)


def moves(method, steps) -> np.ndarray:
    """Return H with y_{i+1} = y_i − α Σ_j H_ij ∇f(y_j), read off the rule by unit gradients."""
    state = method.init(np.zeros(steps))
    points: list[np.ndarray] = [method.query(state)]
    for k in range(steps):
        state = method.step(state, np.eye(steps)[k], 1.0)
        points.append(method.query(state))
    return -np.diff(np.array(points, dtype=float), axis=0)


# --- silver steps ---------------------------------------------------------------------------


def test_silver_steps_are_two_copies_round_a_longer_step():
    """h^{(m+1)} = [h^{(m)}, 1 + ρ^{m−1}, h^{(m)}], the recursive definition."""
    pattern = [math.sqrt(2)]
    for m in range(1, 8):
        pattern = [*pattern, 1 + SILVER_RATIO ** (m - 1), *pattern]
    steps = SilverSteps(L=2.0)
    assert [2 * steps(k) for k in range(len(pattern))] == pytest.approx(pattern, rel=1e-14)


@pytest.mark.parametrize("m", range(1, 12))
def test_silver_steps_add_up_to_a_power_of_the_silver_ratio(m):
    total = sum(SilverSteps(1.0)(k) for k in range(2**m - 1))
    assert total == pytest.approx(SILVER_RATIO**m - 1, rel=1e-12)


# --- OGM and OGM-G --------------------------------------------------------------------------


def published_ogm(steps):
    """The step coefficients of the fixed-step form, by their recursion."""
    theta = [extrapolation(k) for k in range(steps)]
    theta.append((1 + math.sqrt(1 + 8 * theta[-1] ** 2)) / 2)
    h = np.zeros((steps, steps))
    for i in range(steps):
        for k in range(i):
            h[i, k] = (2 * theta[k] - h[k:i, k].sum()) / theta[i + 1]
        h[i, i] = 1 + (2 * theta[i] - 1) / theta[i + 1]
    return h


@pytest.mark.parametrize("steps", [1, 2, 5, 12])
def test_ogm_has_the_coefficients_of_its_fixed_step_form(steps):
    np.testing.assert_allclose(moves(OGM(steps), steps), published_ogm(steps), atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 5, 12])
def test_ogm_g_is_ogm_read_backwards(steps):
    """H-duality: the coefficients are those of OGM reflected in the antidiagonal."""
    backwards = moves(OGM(steps), steps)[::-1, ::-1].T
    np.testing.assert_allclose(moves(OGMG(steps), steps), backwards, atol=1e-12)


def test_ogm_without_a_horizon_differs_in_its_last_step_only():
    np.testing.assert_allclose(moves(OGM(), 6)[:5], moves(OGM(6), 6)[:5], atol=1e-14)
    state = OGM().step(OGM().init(START), np.ones(3), 0.25)
    np.testing.assert_array_equal(state.x, START - 0.25)


def test_backward_extrapolations_solve_their_equations():
    theta = backward_extrapolations(9)
    assert theta[-1] == 1
    for k in range(1, 9):
        assert theta[k] ** 2 - theta[k] == pytest.approx(theta[k + 1] ** 2)
    assert theta[0] ** 2 - theta[0] == pytest.approx(2 * theta[1] ** 2)


@pytest.mark.parametrize("make", [OGM, OGMG])
def test_a_horizon_is_kept(make):
    method = make(3)
    state = method.init(1.0)
    for _ in range(3):
        state = method.step(state, method.query(state), 0.5)
    with pytest.raises(UsageError, match=r"made for 3 steps and step 4 .*larger `steps`"):
        method.step(state, 1.0, 0.5)
    for bad in (0, -1, 2.5, True):
        with pytest.raises(UsageError, match=f"steps is {bad!r}"):
            make(bad)


# --- triple and robust momentum -------------------------------------------------------------


def test_triple_momentum_contains_heavy_ball_and_nesterov():
    for triple, known in (
        (TripleMomentum(0.6, 0.0, 0.0), HeavyBall(0.6)),
        (TripleMomentum(0.6, 0.6, 0.0), Nesterov(0.6)),
    ):
        np.testing.assert_allclose(
            run(triple, STEP_SIZES), run(known, STEP_SIZES), rtol=1e-12, atol=1e-14
        )


@given(st.floats(1.01, 1e6), st.floats(1e-2, 1e2))
def test_triple_momentum_has_its_published_numbers(condition_number, L):
    rho = 1 - 1 / math.sqrt(condition_number)
    method, step_size = tune_triple_momentum(L, L / condition_number)
    assert isinstance(method, TripleMomentum)
    assert step_size == pytest.approx((1 + rho) / L, rel=1e-6)
    assert method.momentum == pytest.approx(rho**2 / (2 - rho), rel=1e-6)
    assert method.query_momentum == pytest.approx(rho**2 / ((1 + rho) * (2 - rho)), rel=1e-6)
    assert method.output_momentum == pytest.approx(rho**2 / (1 - rho**2), rel=1e-6)


def test_robust_momentum_at_its_slow_end_has_the_rate_of_gradient_descent():
    assert rate_of_robust_momentum(10.0, 1.0, 1.0) == pytest.approx(0.9)
    assert rate_of_robust_momentum(10.0, 1.0, 0.0) == pytest.approx(1 - math.sqrt(0.1))


@given(st.floats(1.5, 1e5), st.floats(0.0, 1.0))
def test_robust_momentum_contracts_every_eigenvalue_at_its_rate(condition_number, robustness):
    L, mu = 1.0, 1 / condition_number
    method, alpha = tune_robust_momentum(L, mu, robustness)
    assert isinstance(method, TripleMomentum)
    assert isinstance(alpha, float)
    rate = rate_of_robust_momentum(L, mu, robustness)
    for eigenvalue in (mu, math.sqrt(mu * L), L):
        moved = alpha * eigenvalue
        beta, gamma = method.momentum, method.query_momentum
        linear_map = [[1 + beta - moved * (1 + gamma), moved * gamma - beta], [1, 0]]
        assert max(abs(np.linalg.eigvals(linear_map))) <= rate + 1e-6


@pytest.mark.parametrize(("L", "mu"), [(1.0, 2.0), (1.0, 0.0), (1.0, 1.0), (-1.0, -2.0)])
@pytest.mark.parametrize("make", [tune_triple_momentum, tune_robust_momentum, ITEM])
def test_constants_in_the_wrong_order_are_refused(make, L, mu):
    with pytest.raises(UsageError, match=rf"mu .*{L!r}.*expected"):
        make(L, mu)


@pytest.mark.parametrize("robustness", [-0.1, 1.1, math.nan])
def test_a_robustness_outside_its_range_is_refused(robustness):
    with pytest.raises(UsageError, match=f"robustness is {robustness!r}"):
        tune_robust_momentum(1.0, 0.1, robustness)


@pytest.mark.parametrize(
    ("numbers", "name"),
    [((1.0, 0, 0), "momentum"), ((0, -1, 0), "query_momentum"), ((0, 0, -1), "output_momentum")],
)
def test_momenta_outside_their_ranges_are_refused(numbers, name):
    with pytest.raises(UsageError, match=f"^{name} is"):
        TripleMomentum(*numbers)


# --- ITEM -----------------------------------------------------------------------------------


def test_item_equals_its_published_loop():
    """With δ_k in the first published form, and 1/L for the step size."""
    L, mu, q, A = 12.0, 1.5, 0.125, 0.0
    x = z = START
    path = []
    for _ in range(30):
        root = math.sqrt((1 + A) * (1 + q * A))
        after = ((1 + q) * A + 2 * (1 + root)) / (1 - q) ** 2
        beta = A / ((1 - q) * after)
        delta = ((1 - q) ** 2 * after - (1 + q) * A) / (2 * (1 + q + q * A))
        y = (1 - beta) * z + beta * x
        x = y - gradient(y) / L
        z = (1 - q * delta) * z + q * delta * y - delta / L * gradient(y)
        A = after
        path.append(z)
    np.testing.assert_allclose(run(ITEM(L, mu), [1 / L] * 30), path, rtol=1e-11, atol=1e-13)


def test_item_tends_to_the_triple_momentum_method():
    """In the limit both move their points by the same numbers: one linear map, two codes."""
    L, mu = 1.0, 0.04
    method = ITEM(L, mu)
    state = method.init(START)._replace(k=5000)
    path = []
    for _ in range(40):
        state = method.step(state, CURVATURE / 10 * method.query(state), 1 / L)
        path.append(state.x)
    triple, step_size = tune_triple_momentum(L, mu)
    assert isinstance(step_size, float)
    state = triple.init(START)
    expected = []
    for _ in range(40):
        state = triple.step(state, CURVATURE / 10 * triple.query(state), step_size)
        expected.append(state.x)
    np.testing.assert_allclose(path, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("condition_number", [1.5, 1e2, 1e8])
def test_item_stays_finite_for_ever(condition_number):
    method = ITEM(1.0, 1 / condition_number)
    state = method.init(1.0)
    for _ in range(3000):
        state = method.step(state, method.query(state) / condition_number, 1.0)
    assert abs(state.x) < 1
    assert method.weight(10**6) == math.inf
    assert len(method._weights) < 10**6


def test_equal_arguments_make_equal_methods():
    used, fresh = ITEM(4.0, 1.0), ITEM(4.0, 1.0)
    used.weight(50)
    assert used == fresh
    assert hash(used) == hash(fresh)
