"""The check finds every usual error, and none where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from nagcore.errors import UsageError
from nagcore.theory.check_gradient import check_gradient
from nagcore.theory.generated import (
    random_huber,
    random_lasso,
    random_least_squares,
    random_log_sum_exp,
    random_logistic,
)
from nagcore.theory.quadratic import Quadratic, spaced_spectrum
from nagcore.theory.worst_function import WorstFunction

PROBLEMS = {
    "quadratic": Quadratic(spaced_spectrum(8, 1e2), rotation_seed=0),
    "badly scaled": Quadratic(spaced_spectrum(8, 1e12, L=1e6)),
    "badly scaled, rotated": Quadratic(spaced_spectrum(8, 1e10), rotation_seed=1),
    "worst function": WorstFunction(200),
    "least squares": random_least_squares(50, 10, 1e4),
    "logistic": random_logistic(300, 40, decades=4.0, ridge=1e-3),
    "huber": random_huber(40, 6, 100.0),
    "log-sum-exp": random_log_sum_exp(),
    "log-sum-exp, sharp": random_log_sum_exp(smoothing=0.01),
    "lasso": random_lasso(30, 60, nonzeros=5),
}
problems = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())


@dataclass
class Mine:
    """A problem of two functions, as a user writes it."""

    value: object
    grad: object


@problems
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("seed", range(3))
def test_right_gradients_pass(problem, size, seed):
    x = size * np.random.default_rng(seed).normal(size=len(problem.x_star))
    assert check_gradient(problem, x, seed=seed) <= 1e-5


@problems
def test_right_gradients_pass_at_the_minimizer_and_at_the_origin(problem):
    for x in (problem.x_star, np.zeros(len(problem.x_star))):
        assert check_gradient(problem, x) <= 1e-5


@pytest.mark.parametrize(
    ("value", "grad", "x"),
    [
        (lambda x: 1e8 + x @ x, lambda x: 2 * x, [1.0, 2.0]),
        (lambda x: 1e-20 * (x @ x), lambda x: 2e-20 * x, [1.0, 2.0]),
        (lambda x: np.cosh(1e5 * x[0]), lambda x: 1e5 * np.sinh(1e5 * x), [3e-5]),
        (lambda x: np.exp(x).sum(), np.exp, [-20.0, 0.0, 20.0]),
        (lambda x: -np.log(x).sum(), lambda x: -1 / x, [1e-4, 1.0]),
        (lambda x: np.sin(1e3 * x).sum(), lambda x: 1e3 * np.cos(1e3 * x), [0.3, 40.0]),
        (lambda x: np.sqrt(1 + x @ x), lambda x: x / np.sqrt(1 + x @ x), [1e6, 1.0]),
        (lambda x: float(np.float32(x @ x)), lambda x: 2 * x, [1.0, 2.0]),
        (lambda x: 3.0, lambda x: 0 * x, [1.0, 2.0]),
        (lambda x: (x**4).sum(), lambda x: 4 * x**3, [0.0, 1e-3, 1e3]),
    ],
)
def test_right_gradients_of_awkward_functions_pass(value, grad, x):
    assert check_gradient(Mine(value, grad), np.array(x)) <= 1e-5


WRONG = {
    "sign": lambda grad, x: -grad,
    "factor": lambda grad, x: 2 * grad,
    "one per cent": lambda grad, x: 1.01 * grad,
    "one coordinate": lambda grad, x: grad + np.eye(len(x))[3] * 0.01 * abs(grad[3]),
    "order": lambda grad, x: grad[::-1],
    "missing ridge": lambda grad, x: grad - 1e-3 * x,
    "zero": lambda grad, x: 0 * grad,
}


@problems
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_gradients_are_caught(problem, wrong):
    x = np.random.default_rng(3).normal(size=len(problem.x_star))
    value = getattr(problem, "smooth_value", problem.value)
    mine = Mine(value, lambda x: wrong(problem.grad(x), x))
    with pytest.raises(UsageError, match=r"relative error of .* along .* compare `grad`"):
        check_gradient(mine, x)


def test_an_error_of_one_per_cent_is_caught_far_out_too():
    """Where steps of length 1 would change nothing."""
    mine = Mine(lambda x: (x[0] / 1e15) ** 2, lambda x: 1.01 * 2 * x / 1e30)
    with pytest.raises(UsageError, match=r"relative error of 0\.0099"):
        check_gradient(mine, np.array([1e15]))


def test_the_coordinate_is_named_and_both_slopes_are_given():
    mine = Mine(lambda x: x @ x, lambda x: np.where(np.arange(4) == 2, 3.0, 2.0) * x)
    with pytest.raises(UsageError, match=r"along coordinate 2: it claims a slope of 3, .* give 2"):
        check_gradient(mine, np.ones(4))


def test_many_unknowns_are_checked_along_random_directions():
    n = 2000
    mine = Mine(lambda x: x @ x, lambda x: 2 * x + np.where(np.arange(n) % 2, 0.5, 0.0))
    with pytest.raises(UsageError, match="along random direction"):
        check_gradient(mine, np.ones(n), coordinates=0)
    calls = []
    right = Mine(lambda x: calls.append(0) or x @ x, lambda x: 2 * x)
    check_gradient(right, np.ones(n))
    assert len(calls) < 1000


def test_a_composite_problem_is_checked_by_its_smooth_part():
    F = random_lasso(20, 10, nonzeros=2)
    check_gradient(F, np.ones(10))
    with pytest.raises(UsageError, match="relative error"):
        check_gradient(Mine(F.value, F.grad), np.ones(10))


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Mine(lambda x: x @ x, lambda x: x * [1, np.nan]), "coordinate 1 of the gradient is nan"),
        (Mine(lambda x: x @ x, lambda x: x[:1]), r"shape \(1,\), expected \(2,\)"),
        (Mine(lambda x: np.nan, lambda x: x), "value at x is nan"),
        (Mine(lambda x: x, lambda x: x), "expected one finite number"),
        (Mine(lambda x: 1.0 if (x == 1).all() else np.nan, lambda x: x), "not finite near x"),
        (
            SimpleNamespace(
                value=lambda x: x @ x, grad=lambda x: 2 * x, value_and_grad=lambda x: (x @ x, x)
            ),
            "another gradient",
        ),
        (
            SimpleNamespace(
                value=lambda x: x @ x, grad=lambda x: 2 * x, value_and_grad=lambda x: (9.0, 2 * x)
            ),
            "gives a value of 9.0",
        ),
    ],
)
def test_what_cannot_be_checked_is_said(problem, words):
    with pytest.raises(UsageError, match=words):
        check_gradient(problem, np.ones(2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": np.ones((2, 2))}, r"shape \(2, 2\)"),
        ({"x": np.array([np.inf, 1.0])}, "finite numbers"),
        ({"x": np.ones(2), "tol": 0.0}, "tol is 0.0"),
        ({"x": np.ones(2), "directions": -1}, "directions is -1"),
        ({"x": np.ones(2), "coordinates": 1.5}, "coordinates is 1.5"),
    ],
)
def test_bad_arguments_are_refused_by_value(arguments, words):
    with pytest.raises(UsageError, match=words):
        check_gradient(Quadratic((1.0, 2.0)), **arguments)


@pytest.mark.parametrize(
    ("problem", "arguments", "words"),
    [
        (object(), {}, "expected an object with value"),
        (SimpleNamespace(value=lambda x: x @ x), {}, "grad, which returns its gradient"),
        (Quadratic((1.0, 2.0)), {"directions": 0, "coordinates": 0}, "both 0"),
        (Quadratic((1.0, 2.0)), {"tol": 1.0}, "tol is 1.0"),
        (Quadratic((1.0, 2.0)), {"seed": -1}, "seed is -1"),
        (Quadratic((1.0, 2.0)), {"seed": "s"}, "seed is 's'"),
        (Mine(lambda x: None, lambda x: x), {}, "value at x is None"),
        (
            SimpleNamespace(
                value=lambda x: x @ x + abs(x).sum(), grad=lambda x: 2 * x, prox=lambda v, a: v
            ),
            {},
            r"has prox but no smooth_value\(x\)",
        ),
    ],
)
def test_what_there_is_no_way_to_check_is_refused(problem, arguments, words):
    with pytest.raises(UsageError, match=words):
        check_gradient(problem, np.ones(2), **arguments)


def test_parts_that_are_none_count_as_absent():
    mine = SimpleNamespace(
        value=lambda x: x @ x,
        grad=lambda x: 2 * x,
        smooth_value=None,
        prox=None,
        value_and_grad=None,
    )
    assert check_gradient(mine, np.ones(2)) <= 1e-5


def test_one_array_for_all_gradients_hides_no_disagreement():
    buffer = np.empty(2)
    mine = SimpleNamespace(
        value=lambda x: x @ x,
        grad=lambda x: np.multiply(2.0, x, out=buffer),
        value_and_grad=lambda x: (x @ x, np.multiply(3.0, x, out=buffer)),
    )
    with pytest.raises(UsageError, match="another gradient"):
        check_gradient(mine, np.ones(2))
