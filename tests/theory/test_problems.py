"""Problems against independent judges: finite differences, SciPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.optimize import minimize as scipy_minimize

from nagcore.errors import UsageError
from nagcore.theory import (
    LeastSquares,
    LogisticRegression,
    Quadratic,
    WorstFunction,
    spaced_spectrum,
    tell_classes_apart,
)

rng = np.random.default_rng(0)
PROBLEMS = {
    "quadratic": Quadratic(spaced_spectrum(6, 100.0), center=(1.0,) * 6, rotation_seed=3),
    "worst function": WorstFunction(9, L=2.0),
    "least squares": LeastSquares(rng.normal(size=(20, 5)), rng.normal(size=20)),
    "ridge": LeastSquares(rng.normal(size=(4, 6)), rng.normal(size=4), ridge=0.3),
    "logistic": LogisticRegression(
        rng.normal(size=(30, 4)), np.sign(rng.normal(size=30)), ridge=0.05
    ),
    "shirts": tell_classes_apart(),
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
        (lambda: tell_classes_apart(3, 3), "classes are 3 and 3"),
    ],
)
def test_bad_problems_are_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()
