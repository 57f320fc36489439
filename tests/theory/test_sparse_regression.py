"""Lasso and elastic net against scikit-learn, the optimality conditions and duality."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import linear_model

from nagcore.errors import UsageError
from nagcore.theory.active_set import sparse_minimum
from nagcore.theory.check_gradient import check_gradient
from nagcore.theory.generated import random_lasso
from nagcore.theory.real_data import diabetes_lasso
from nagcore.theory.sparse_regression import ElasticNetRegression, Lasso

rng = np.random.default_rng(0)
PROBLEMS = {
    "diabetes": diabetes_lasso(),
    "diabetes, few": diabetes_lasso(weight=0.4),
    "sparse": random_lasso(60, 200, nonzeros=8, weight_ratio=0.05),
    "tall": random_lasso(200, 30, nonzeros=10, seed=1),
    "little weight": random_lasso(50, 80, nonzeros=80, weight_ratio=1e-3, seed=2),
    "elastic net": ElasticNetRegression(
        rng.normal(size=(30, 50)), rng.normal(size=30), l1=0.05, l2=0.2
    ),
    "scaled badly": Lasso(
        rng.normal(size=(40, 10)) * np.geomspace(1e-3, 1e2, 10), rng.normal(size=40), weight=1e-3
    ),
}
problems = pytest.mark.parametrize("F", PROBLEMS.values(), ids=PROBLEMS.keys())


@problems
def test_minimum_is_that_of_scikit_learn(F):
    alpha = F.l1 + F.l2
    judge = linear_model.ElasticNet(
        alpha=alpha, l1_ratio=F.l1 / alpha, fit_intercept=False, tol=1e-12, max_iter=2_000_000
    ).fit(F.A, F.b)
    assert F.f_star <= F.value(judge.coef_) + 1e-14
    assert F.f_star == pytest.approx(F.value(judge.coef_), rel=1e-10)
    np.testing.assert_allclose(F.A @ F.x_star, F.A @ judge.coef_, atol=1e-5)


@problems
def test_minimum_is_exact_to_1e_12(F):
    """By a dual point that is made here from the residual and scaled until it is feasible."""
    m, n = F.A.shape
    rows = np.vstack([F.A / np.sqrt(m), np.sqrt(F.l2) * np.eye(n)])
    targets = np.concatenate([F.b / np.sqrt(m), np.zeros(n)])
    residual = targets - rows @ F.x_star
    residual *= min(1.0, F.l1 / abs(rows.T @ residual).max())
    dual = residual @ targets - residual @ residual / 2
    assert 0 <= F.f_star - dual + 1e-15 * F.f_star <= 1e-12 * F.f_star


@problems
def test_duality_gap_bounds_the_gap_and_closes(F):
    generator = np.random.default_rng(1)
    assert F.duality_gap(F.x_star) <= 1e-12 * F.f_star
    for size in (1e-6, 1e-2, 1.0, 100.0):
        x = F.x_star + size * generator.normal(size=len(F.x_star))
        assert F.duality_gap(x) >= F.value(x) - F.f_star - 1e-15 * F.value(x)
    near = F.x_star * (1 + 1e-9)
    assert F.duality_gap(near) < 1e-6 * F.f_star


@problems
def test_duality_gap_is_the_least_for_any_scale_of_the_residual(F):
    m, n = F.A.shape
    x = F.x_star + 0.1 * np.random.default_rng(3).normal(size=n)
    rows = np.vstack([F.A / np.sqrt(m), np.sqrt(F.l2) * np.eye(n)])
    targets = np.concatenate([F.b / np.sqrt(m), np.zeros(n)])
    residual = targets - rows @ x
    limit = F.l1 / abs(rows.T @ residual).max()
    scales = np.linspace(-limit, limit, 2001)
    duals = scales * (residual @ targets) - scales**2 * (residual @ residual) / 2
    assert F.duality_gap(x) == pytest.approx(F.value(x) - duals.max(), rel=1e-6)


def test_duality_gap_finds_a_scale_inside_of_its_limits():
    """With a large weight every scale is feasible, and the best one is not 1."""
    F = Lasso(np.eye(2), np.array([1.0, 1.0]), weight=100.0)
    x = np.array([0.5, 0.0])
    # residual (½, 1)/√2 and targets (1, 1)/√2: the best scale is 0.75/0.625
    assert F.duality_gap(x) == pytest.approx(F.value(x) - 0.75**2 / (2 * 0.625), rel=1e-12)


@problems
def test_the_smooth_part_and_its_gradient(F):
    x = np.random.default_rng(2).normal(size=len(F.x_star))
    assert check_gradient(F, x) < 1e-5
    value, grad = F.value_and_grad(x)
    assert value == pytest.approx(F.smooth_value(x), rel=1e-14)
    np.testing.assert_allclose(grad, F.grad(x), rtol=1e-13, atol=1e-15)
    assert F.value(x) == pytest.approx(value + F.l1 * np.abs(x).sum(), rel=1e-14)


@problems
def test_the_constants_bracket_the_curvature_met(F):
    generator = np.random.default_rng(2)
    for _ in range(50):
        x, y = generator.normal(size=(2, len(F.x_star)))
        difference, square = F.grad(x) - F.grad(y), (x - y) @ (x - y)
        assert F.mu * (1 - 1e-9) <= difference @ (x - y) / square <= F.L * (1 + 1e-9)


@problems
def test_the_minimizer_is_a_fixed_point_of_the_proximal_gradient_step(F):
    x, step_size = F.x_star, 1 / F.L
    moved = F.prox(x - step_size * F.grad(x), step_size)
    np.testing.assert_allclose(moved, x, rtol=1e-9, atol=1e-11)


@given(seed=st.integers(0, 10_000), m=st.integers(1, 12), n=st.integers(1, 12))
def test_the_active_set_meets_the_optimality_conditions_on_any_data(seed, m, n):
    generator = np.random.default_rng(seed)
    A, b = generator.normal(size=(m, n)), generator.normal(size=m)
    weight, ridge = 10.0 ** generator.uniform(-4, 0), generator.choice((0.0, 0.1))
    x = sparse_minimum(A, b, weight, ridge)
    slope = A.T @ (A @ x - b) / m + ridge * x
    assert abs(slope).max() <= weight + 1e-9
    np.testing.assert_allclose(slope[x != 0], -weight * np.sign(x[x != 0]), atol=1e-9)


def test_equal_and_dependent_columns_are_no_trouble():
    first, second = rng.normal(size=(2, 15))
    A = np.column_stack([first, first, second, first + second, np.zeros(15)])
    F = Lasso(A, 2 * first + second, weight=0.01)
    assert F.duality_gap(F.x_star) <= 1e-12 * F.f_star
    assert F.x_star[4] == 0


def test_a_large_weight_gives_zero_at_once_and_the_constant_is_as_said():
    A, b = rng.normal(size=(10, 4)), rng.normal(size=10)
    smallest = abs(A.T @ b).max() / 10
    assert not Lasso(A, b, weight=smallest * (1 + 1e-9)).x_star.any()
    assert Lasso(A, b, weight=smallest * 0.99).x_star.any()


def test_targets_of_zero_have_the_minimizer_zero():
    F = Lasso(np.eye(3), np.zeros(3), weight=1.0)
    assert F.x_star.tolist() == [0, 0, 0]
    assert F.duality_gap(F.x_star) == 0
    assert F.duality_gap(np.ones(3)) >= F.value(np.ones(3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Lasso(np.ones((3, 2)), np.ones(2), weight=1.0), r"shape \(3, 2\)"),
        (lambda: Lasso(np.ones((3, 2)), np.ones(3), weight=0.0), "weight is 0.0"),
        (lambda: ElasticNetRegression(np.eye(2), np.ones(2), l1=0.0, l2=1.0), "l1 is 0.0"),
        (lambda: ElasticNetRegression(np.eye(2), np.ones(2), l1=1.0, l2=-1.0), "l2 is -1.0"),
        (lambda: Lasso(np.full((2, 2), np.inf), np.ones(2), weight=1.0), "not finite"),
    ],
)
def test_bad_problems_are_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()
