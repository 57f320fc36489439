"""The bounds of the optimal methods against each other and against their published forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagcore.core.momentum import extrapolation
from nagcore.errors import UsageError
from nagcore.theory import bounds, bounds_optimal

K = np.arange(40)
UNIT = {"L": 1.0, "distance": 1.0}
CURVED = {"L": 1.0, "mu": 0.05, "distance": 1.0}

CONVEX = [
    bounds.bound_gradient_descent,
    bounds.bound_nesterov_1983,
    bounds.bound_nesterov_simplified,
    bounds.bound_nesterov_variable,
    bounds.bound_chambolle_dossal,
    bounds_optimal.bound_ogm,
    bounds_optimal.bound_ogm_without_horizon,
]
STRONGLY_CONVEX = [
    bounds.bound_gradient_descent_strongly_convex,
    bounds.bound_nesterov_variable,
    bounds_optimal.bound_triple_momentum,
]


@pytest.mark.parametrize("bound", CONVEX)
def test_at_no_step_smoothness_alone_is_left(bound):
    assert bound(0, **UNIT) == pytest.approx(0.5)
    assert bound(0, L=3.0, distance=2.0) == pytest.approx(6.0)


@pytest.mark.parametrize("bound", CONVEX)
def test_bounds_fall_and_stay_above_the_exact_lower_bound(bound):
    values = bound(K, **UNIT)
    assert values.shape == K.shape
    assert (np.diff(values) <= 0).all()
    assert (values >= bounds_optimal.lower_bound_convex_exact(K, **UNIT) - 1e-15).all()
    assert [float(bound(int(k), **UNIT)) for k in K] == values.tolist()


def test_the_exact_lower_bound_is_above_the_simple_one():
    simple = bounds.lower_bound_convex(K, **UNIT)
    assert (bounds_optimal.lower_bound_convex_exact(K, **UNIT) > simple).all()


def test_ogm_is_worth_a_factor_of_two():
    ratio = bounds.bound_nesterov_1983(4000, **UNIT) / bounds_optimal.bound_ogm(4000, **UNIT)
    assert ratio == pytest.approx(2, rel=2e-3)
    assert (bounds_optimal.bound_ogm(K, **UNIT)[1:] <= 1 / (K[1:] + 1) ** 2).all()


def test_the_two_optimized_methods_share_one_number():
    """H-duality: gap over distance² for OGM, squared gradient over gap for OGM-G: L/(2θ²)·4."""
    np.testing.assert_allclose(
        bounds_optimal.bound_ogm_gradient(K, L=3.0, first_gap=2.0),
        4 * 2.0 * bounds_optimal.bound_ogm(K, L=3.0, distance=1.0),
        rtol=1e-14,
    )


@given(st.floats(1.5, 1e6))
def test_the_variable_bound_is_never_above_its_simpler_form(condition_number):
    q = 1 / condition_number
    values = bounds.bound_nesterov_variable(K, L=1.0, mu=q, distance=1.0)[1:]
    simple = np.minimum(2 / (K + 1.0) ** 2, (1 + math.sqrt(q)) / 2 * (1 - math.sqrt(q)) ** K)
    assert (values <= simple[1:] * (1 + 1e-9)).all()


def test_the_variable_bound_without_strong_convexity_is_that_of_1983():
    np.testing.assert_allclose(
        bounds.bound_nesterov_variable(K, L=2.0, distance=3.0),
        bounds.bound_nesterov_1983(K, L=2.0, distance=3.0),
        rtol=1e-14,
    )


def test_chambolle_dossal_with_two_is_no_better_than_the_exact_simplified_bound():
    loose = bounds.bound_chambolle_dossal(K, L=1.0, distance=1.0, a=2.0)
    assert (loose >= bounds.bound_nesterov_simplified(K, **UNIT)).all()


@pytest.mark.parametrize("bound", STRONGLY_CONVEX)
def test_strongly_convex_bounds_fall_geometrically(bound):
    values = bound(np.arange(1, 40), **CURVED)
    assert (values[1:] / values[:-1] < 1).all()


def test_item_is_better_than_robust_momentum_and_both_than_gradient_descent_in_the_end():
    item = bounds_optimal.bound_item(K, **CURVED)
    triple = bounds_optimal.bound_robust_momentum(K, **CURVED, robustness=0.0)
    plain = bounds.bound_gradient_descent_distance(K, **CURVED)
    assert (item <= triple * (1 + 1e-12)).all()
    assert (item <= plain * (1 + 1e-12)).all()
    assert triple[-1] < plain[-1]


def test_item_has_the_rate_of_triple_momentum_in_the_limit():
    item = bounds_optimal.bound_item(np.array([100, 101]), **CURVED)
    assert item[1] / item[0] == pytest.approx((1 - math.sqrt(0.05)) ** 2, rel=1e-9)
    assert bounds_optimal.bound_item(10**6, **CURVED) == 0


@pytest.mark.parametrize("condition_number", [2.0, 30.0, 1e4])
def test_robust_momentum_without_robustness_is_triple_momentum(condition_number):
    """‖x_k − x⋆‖² ≤ κρ^{2k}R², whence the gap by smoothness."""
    mu, k = 1 / condition_number, np.arange(1, 30)
    distance = bounds_optimal.bound_robust_momentum(k, L=1.0, mu=mu, distance=1.0, robustness=0.0)
    gap = bounds_optimal.bound_triple_momentum(k, L=1.0, mu=mu, distance=1.0)
    np.testing.assert_allclose(distance / 2, gap, rtol=1e-7)


def test_silver_bounds_hold_at_their_steps_only():
    k = np.arange(16)
    bound, exact = bounds.bound_silver(k, **UNIT), bounds.worst_case_silver(k, **UNIT)
    promised = [0, 1, 3, 7, 15]
    assert np.flatnonzero(np.isfinite(bound)).tolist() == promised
    assert np.flatnonzero(np.isfinite(exact)).tolist() == promised
    assert (exact[promised] <= bound[promised]).all()
    assert exact[15] < bounds.bound_gradient_descent(15, **UNIT)
    # between the rate of gradient descent and that of Nesterov's method
    growth = math.log2(
        bounds.bound_silver(2**20 - 1, **UNIT) / bounds.bound_silver(2**21 - 1, **UNIT)
    )
    assert growth == pytest.approx(math.log2(1 + math.sqrt(2)), rel=1e-5)


@pytest.mark.parametrize(
    "bound", [bounds.bound_proximal_gradient, bounds.bound_fista, bounds.bound_fista_simplified]
)
def test_a_composite_function_may_be_infinite_at_the_start(bound):
    values = bound(K, L=2.0, distance=3.0)
    assert values[0] == np.inf
    assert np.isfinite(values[1:]).all()
    assert (np.diff(values[1:]) < 0).all()
    assert float(bound(3, L=2.0, distance=3.0)) == values[3]


def test_fista_equals_the_published_bound():
    for k in range(1, 30):
        assert bounds.bound_fista(k, **UNIT) == pytest.approx(1 / (2 * extrapolation(k - 1) ** 2))
        assert bounds.bound_fista(k, **UNIT) <= 2 / (k + 1) ** 2


@pytest.mark.parametrize(
    "bound",
    [
        bounds.bound_gradient_descent_distance,
        bounds_optimal.bound_triple_momentum,
        bounds_optimal.bound_robust_momentum,
        bounds_optimal.bound_item,
    ],
)
def test_constants_in_the_wrong_order_are_refused(bound):
    with pytest.raises(UsageError, match="expected 0 < mu <= L"):
        bound(1, L=1.0, mu=2.0, distance=1.0)
