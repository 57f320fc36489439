"""Problems against independent judges: finite differences, SciPy and closed forms."""

from __future__ import annotations

import sys

import cvxpy
import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.optimize import minimize as scipy_minimize
from sklearn import linear_model

from nagcore.errors import MissingExtraError, UsageError
from nagcore.theory.generated import (
    random_huber,
    random_lasso,
    random_least_squares,
    random_log_sum_exp,
    random_logistic,
)
from nagcore.theory.huber import HuberRegression
from nagcore.theory.log_sum_exp import LogSumExp
from nagcore.theory.quadratic import Quadratic, spaced_spectrum
from nagcore.theory.real_data import (
    breast_cancer_logistic,
    diabetes_huber,
    diabetes_lasso,
    diabetes_least_squares,
    digits_logistic,
    tell_classes_apart,
)
from nagcore.theory.regression import LeastSquares, LogisticRegression
from nagcore.theory.worst_function import WorstFunction

rng = np.random.default_rng(0)
PROBLEMS = {
    "quadratic": Quadratic(spaced_spectrum(6, 100.0), center=(1.0,) * 6, rotation_seed=3),
    "worst function": WorstFunction(9, L=2.0),
    "least squares": LeastSquares(rng.normal(size=(20, 5)), rng.normal(size=20)),
    "ridge": LeastSquares(rng.normal(size=(4, 6)), rng.normal(size=4), ridge=0.3),
    "logistic": LogisticRegression(
        rng.normal(size=(30, 4)), np.sign(rng.normal(size=30)), ridge=0.05
    ),
    "huber": random_huber(40, 5, condition_number=20.0),
    "huber, ridge": HuberRegression(
        rng.normal(size=(9, 12)), rng.normal(size=9), delta=0.3, ridge=0.1
    ),
    "log-sum-exp": random_log_sum_exp(),
    "log-sum-exp, sharp": random_log_sum_exp(30, 4, smoothing=0.3, seed=1),
    "generated least squares": random_least_squares(30, 6, condition_number=1e3),
    "generated logistic": random_logistic(200, 6, ridge=1e-3),
    "shirts": tell_classes_apart(),
    "diabetes": diabetes_least_squares(),
    "diabetes, ridge": diabetes_least_squares(ridge=0.1),
    "diabetes, huber": diabetes_huber(),
    "breast cancer": breast_cancer_logistic(),
    "digits": digits_logistic(),
}
problems = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())


@problems
def test_gradient_matches_finite_differences(problem):
    x = np.random.default_rng(1).normal(size=problem.x_star.shape)
    assert check_grad(problem.value, problem.grad, x) < 1e-5 * (1 + abs(x).max())


@problems
def test_minimum_is_no_higher_than_what_scipy_finds(problem):
    found = scipy_minimize(
        problem.value,
        np.zeros_like(problem.x_star),
        jac=problem.grad,
        method="BFGS",
        options={"gtol": 1e-9, "maxiter": 5000},
    )
    assert problem.f_star <= found.fun + 1e-13
    assert problem.f_star == pytest.approx(found.fun, abs=1e-9)
    assert np.linalg.norm(problem.grad(problem.x_star)) < 1e-10


@problems
def test_minimum_is_exact_to_1e_12(problem):
    """f(x) − f⋆ ≤ ‖∇f(x)‖²/(2μ); where μ is 0, with the curvature met round the minimizer."""
    x, n = problem.x_star, len(problem.x_star)
    mu = problem.mu
    if mu == 0:
        sides = [problem.grad(x + 1e-4 * e) - problem.grad(x - 1e-4 * e) for e in np.eye(n)]
        mu = np.linalg.eigvalsh(np.array(sides) / 2e-4)[0] / 2
    gap = np.linalg.norm(problem.grad(x)) ** 2 / (2 * mu)
    assert gap <= 1e-12 * max(abs(problem.f_star), 1e-3)


@problems
def test_value_and_gradient_at_once_are_the_two(problem):
    if not hasattr(problem, "value_and_grad"):
        pytest.skip("has no common work to share")
    x = np.random.default_rng(4).normal(size=problem.x_star.shape)
    before = x.copy()
    value, grad = problem.value_and_grad(x)
    assert value == pytest.approx(problem.value(x), rel=1e-14)
    np.testing.assert_allclose(grad, problem.grad(x), rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(x, before)


@problems
def test_the_constants_bracket_the_curvature_met(problem):
    generator = np.random.default_rng(2)
    for _ in range(50):
        x, y = generator.normal(size=(2, *problem.x_star.shape))
        difference = problem.grad(x) - problem.grad(y)
        curvature = difference @ (x - y) / ((x - y) @ (x - y))
        assert problem.mu - 1e-9 <= curvature <= problem.L + 1e-9
        assert np.linalg.norm(difference) <= problem.L * np.linalg.norm(x - y) + 1e-9


def test_quadratic_has_the_spectrum_asked_for():
    spectrum = spaced_spectrum(7, 50.0, L=3.0)
    eigenvalues = np.linalg.eigvalsh(Quadratic(spectrum, rotation_seed=1).hessian)
    np.testing.assert_allclose(eigenvalues, sorted(spectrum), rtol=1e-10)


def test_worst_function_has_the_largest_curvature_stated():
    f = WorstFunction(8)
    matrix = np.array([f.grad(e) - f.grad(np.zeros(8)) for e in np.eye(8)])
    eigenvalues = np.linalg.eigvalsh(matrix)
    assert eigenvalues[-1] < f.L
    assert eigenvalues[0] == pytest.approx(f.mu, rel=1e-10)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9)])
def test_the_constants_are_the_singular_values(shape):
    A = np.random.default_rng(7).normal(size=shape)
    squares = np.linalg.svd(A, compute_uv=False) ** 2 / len(A)
    smallest = squares[-1] if shape[0] >= shape[1] else 0.0
    b = np.ones(len(A))
    f = LeastSquares(A, b, ridge=0.5)
    assert (f.L, f.mu) == pytest.approx((squares[0] + 0.5, smallest + 0.5), rel=1e-12)
    huber = HuberRegression(A, b, ridge=0.5)
    assert (huber.L, huber.mu) == pytest.approx((squares[0] + 0.5, 0.5), rel=1e-12)
    logistic = LogisticRegression(A, b, ridge=0.5)
    assert (logistic.L, logistic.mu) == pytest.approx((squares[0] / 4 + 0.5, 0.5), rel=1e-12)


@pytest.mark.parametrize("name", ["ridge", "diabetes, ridge"])
def test_ridge_is_that_of_scikit_learn(name):
    f = PROBLEMS[name]
    judge = linear_model.Ridge(alpha=f.ridge * len(f.b), fit_intercept=False, solver="svd")
    np.testing.assert_allclose(f.x_star, judge.fit(f.A, f.b).coef_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["logistic", "generated logistic", "breast cancer", "digits"])
def test_logistic_regression_is_that_of_scikit_learn(name):
    f = PROBLEMS[name]
    judge = linear_model.LogisticRegression(
        C=1 / (f.ridge * len(f.b)), fit_intercept=False, solver="newton-cholesky", tol=1e-12
    )
    np.testing.assert_allclose(f.x_star, judge.fit(f.A, f.b).coef_[0], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["huber", "huber, ridge", "diabetes, huber"])
def test_huber_regression_is_that_of_a_conic_solver(name):
    f = PROBLEMS[name]
    x = cvxpy.Variable(len(f.x_star))
    loss = cvxpy.sum(cvxpy.huber(f.A @ x - f.b, f.delta)) / (2 * len(f.b))
    objective = cvxpy.Minimize(loss + f.ridge / 2 * cvxpy.sum_squares(x))
    cvxpy.Problem(objective).solve(solver=cvxpy.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12)
    minimum = np.array(objective.value, dtype=float)
    assert f.f_star == pytest.approx(minimum, rel=1e-9)
    np.testing.assert_allclose(f.x_star, np.array(x.value, dtype=float), atol=1e-5)


@pytest.mark.parametrize("name", ["log-sum-exp", "log-sum-exp, sharp"])
def test_log_sum_exp_is_that_of_a_conic_solver(name):
    f = PROBLEMS[name]
    x = cvxpy.Variable(len(f.x_star))
    objective = cvxpy.Minimize(f.smoothing * cvxpy.log_sum_exp((f.A @ x - f.b) / f.smoothing))
    cvxpy.Problem(objective).solve(solver=cvxpy.CLARABEL)
    assert f.f_star == pytest.approx(np.array(objective.value, dtype=float), rel=1e-7)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_losses_far_out_are_finite_and_right(scale):
    """Where exp would overflow, the losses are affine: known without it."""
    A, x = np.array([[1.0], [-2.0]]), np.array([800.0 * scale])
    logistic = LogisticRegression(A, np.array([-1.0, -1.0]), ridge=1e-9)
    value, grad = logistic.value_and_grad(x)
    ridge = 1e-9 / 2 * x[0] ** 2
    assert value == pytest.approx(x[0] / 2 + ridge, rel=1e-14)
    assert grad[0] == pytest.approx(0.5 + 1e-9 * x[0], rel=1e-14)
    smooth = LogSumExp(A, np.array([1.0, 1.0]), smoothing=0.1)
    assert smooth.value(x) == pytest.approx(x[0] - 1, rel=1e-14)
    assert smooth.grad(x).tolist() == [1.0]


def test_logistic_losses_that_are_small_keep_their_digits():
    f = LogisticRegression(np.array([[1.0]]), np.array([1.0]), ridge=1e-300)
    assert f.value(np.array([30.0])) == pytest.approx(np.log1p(np.exp(-30.0)), rel=1e-14)


def test_lists_of_whole_numbers_are_taken_as_data():
    f = LeastSquares([[1, 0], [0, 2]], [1, 1])  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(f.x_star, [1.0, 0.5], rtol=1e-14)


def test_a_missing_scikit_learn_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match="scikit-learn"):
        diabetes_least_squares()


def test_every_seed_gives_its_own_data_and_the_same_again():
    for make in (
        lambda seed: random_least_squares(9, 3, 10.0, seed=seed).A,
        lambda seed: random_lasso(9, 3, nonzeros=2, seed=seed).A,
        lambda seed: random_log_sum_exp(9, 3, seed=seed).A,
        lambda seed: random_logistic(9, 3, seed=seed).A,
        lambda seed: random_huber(9, 3, 10.0, seed=seed).A,
    ):
        np.testing.assert_array_equal(make(1), make(1))
        assert abs(make(1) - make(2)).max() > 0.01


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Quadratic((-1.0, 2.0)), "eigenvalues are"),
        (lambda: Quadratic((0.0, 0.0)), "eigenvalues are"),
        (lambda: Quadratic((1.0, 2.0), center=(0.0,)), "center has 1"),
        (lambda: spaced_spectrum(1, 10.0), "dimension is 1"),
        (lambda: spaced_spectrum(3, 0.5), "condition_number is 0.5"),
        (lambda: WorstFunction(0), "dimension is 0"),
        (lambda: WorstFunction(3, L=-1.0), "L is -1.0"),
        (lambda: LeastSquares(np.ones((3, 2)), np.ones(2)), r"shape \(3, 2\)"),
        (lambda: LeastSquares(np.full((2, 2), np.nan), np.ones(2)), "not finite"),
        (lambda: LogisticRegression(np.ones((2, 1)), np.array([0.0, 1.0]), ridge=1.0), "labels"),
        (lambda: LogisticRegression(np.ones((1, 1)), np.ones(1), ridge=0.0), "ridge is 0.0"),
        (lambda: LeastSquares(np.ones((2, 1)), np.ones(2), ridge=-1.0), "ridge is -1.0"),
        (lambda: LeastSquares("no", np.ones(2)), "arrays of real numbers"),  # pyright: ignore
        (lambda: LeastSquares(np.ones((2, 1)) * 1j, np.ones(2)), "complex numbers"),
        (lambda: LeastSquares(np.ones((0, 2)), np.ones(0)), r"shape \(0, 2\)"),
        (lambda: HuberRegression(np.ones((3, 2)), np.ones(2)), r"shape \(3, 2\)"),
        (lambda: HuberRegression(np.ones((2, 1)), np.ones(2), delta=0.0), "delta is 0.0"),
        (lambda: HuberRegression(np.ones((2, 1)), np.ones(2), ridge=-1.0), "ridge is -1.0"),
        (lambda: LogSumExp(np.ones((3, 2)), np.ones(2)), r"shape \(3, 2\)"),
        (lambda: LogSumExp(np.ones((2, 1)), np.ones(2), smoothing=0.0), "smoothing is 0.0"),
        (lambda: LogSumExp(np.ones((2, 1)), np.ones(2)).x_star, "all rows of A are equal"),
        (lambda: LogSumExp([[1.0], [2.0]], np.ones(2)).x_star, "no minimizer"),  # pyright: ignore
        (lambda: LogSumExp([[1.0], [0.0]], np.ones(2)).f_star, "no minimizer"),  # pyright: ignore
        (lambda: LogSumExp([[1.0, 1.0], [-1.0, 0.0]], np.ones(2)).x_star, "no minimizer"),  # pyright: ignore
        (lambda: tell_classes_apart(3, 3), "classes are 3 and 3"),
        (lambda: digits_logistic(3, 10), "classes are 3 and 10"),
        (lambda: diabetes_lasso(weight=0.0), "weight is 0.0"),
        (lambda: diabetes_huber(delta=-1.0), "delta is -1.0"),
        (lambda: random_least_squares(3, 5, 10.0), "rows is 3 and unknowns is 5"),
        (lambda: random_least_squares(9, 5, 0.1), "condition_number is 0.1"),
        (lambda: random_least_squares(9, 5, 10.0, noise=-1.0), "noise is -1.0"),
        (lambda: random_least_squares(9, 5, 10.0, seed=-1), "seed is -1"),
        (lambda: random_lasso(9, 5, nonzeros=6), "nonzeros is 6"),
        (lambda: random_lasso(9, 5, nonzeros=2, weight_ratio=1.0), "weight_ratio is 1.0"),
        (lambda: random_lasso(0, 5, nonzeros=2), "rows is 0"),
        (lambda: random_log_sum_exp(40, 20), "rows is 40"),
        (lambda: random_logistic(9, 5, decades=-1.0), "decades is -1.0"),
        (lambda: random_logistic(9, 5, ridge=0.0), "ridge is 0.0"),
        (lambda: random_huber(9, 5, 10.0, outliers=1.5), "outliers is 1.5"),
    ],
)
def test_bad_problems_are_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()


SIZES = {"rows": 9, "unknowns": 4}


def test_a_quadratic_keeps_its_center_to_itself():
    center = np.array([1.0, 2.0])
    f = Quadratic((1.0, 4.0), center=center)  # pyright: ignore[reportArgumentType]
    assert hash(f) == hash(Quadratic((1.0, 4.0), center=(1, 2)))
    assert f == Quadratic((1.0, 4.0), center=(1.0, 2.0))
    with pytest.raises(ValueError, match="read-only"):
        f.x_star[0] = 5.0
    assert f.value(center) == 0.0


def test_a_worst_function_takes_a_whole_number_of_numpy():
    f = WorstFunction(np.int64(5))  # pyright: ignore[reportArgumentType]
    assert f == WorstFunction(5)
    assert type(f.dimension) is int


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (Quadratic, {"eigenvalues": (1, 4), "center": (1, np.nan)}, "center is .*expected finite"),
        (Quadratic, {"eigenvalues": (1, 4), "center": "ab"}, "center is .*sequence of numbers"),
        (Quadratic, {"eigenvalues": (1, 4), "center": 3.0}, "center is 3.0, expected a sequence"),
        (Quadratic, {"eigenvalues": 3.0}, "eigenvalues are 3.0, expected a sequence"),
        (WorstFunction, {"dimension": 2.5}, "dimension is 2.5"),
        (WorstFunction, {"dimension": True}, "dimension is True"),
        (spaced_spectrum, {"dimension": "3", "condition_number": 10.0}, "dimension is '3'"),
        (spaced_spectrum, {"dimension": 2.5, "condition_number": 10.0}, "dimension is 2.5"),
        (spaced_spectrum, {"dimension": 3, "condition_number": "10"}, "condition_number is '10'"),
        (spaced_spectrum, {"dimension": 3, "condition_number": 10.0, "L": None}, "L is None"),
        (random_least_squares, {**SIZES, "condition_number": "9"}, "condition_number is '9'"),
        (random_lasso, {**SIZES, "nonzeros": "2"}, "nonzeros is '2'"),
        (random_lasso, {**SIZES, "nonzeros": 1.5}, "nonzeros is 1.5"),
        (random_lasso, {**SIZES, "nonzeros": 2, "weight_ratio": "0.1"}, "weight_ratio is '0.1'"),
        (random_huber, {**SIZES, "condition_number": 2.0, "outliers": None}, "outliers is None"),
    ],
)
def test_what_is_no_number_is_refused_by_value(make, arguments, words):
    with pytest.raises(UsageError, match=words):
        make(**arguments)
