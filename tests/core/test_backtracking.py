"""Step sizes by trial: sound tests, the theorem's bound, honest counts, the limit of rounding."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import GradientDescent, HeavyBall, Nesterov
from nagcore.core.adaptive_nesterov import AdaptiveNesterov
from nagcore.core.backtracking import Backtracking, passes_by_gradients, passes_by_values
from nagcore.core.proximal import FISTA, ProximalGradient
from nagcore.core.restart import FixedRestart, Restarted
from nagcore.errors import UsageError
from nagcore.theory import LeastSquares, LogisticRegression, Quadratic, spaced_spectrum
from nagcore.theory.minimize import minimize

rng = np.random.default_rng(0)


class Counting:
    """A user's own problem: value and grad only, every call counted."""

    def __init__(self, problem):
        self._problem, self.values, self.grads = problem, 0, 0

    def value(self, x):
        self.values += 1
        return self._problem.value(x)

    def grad(self, x):
        self.grads += 1
        return self._problem.grad(x)


class Lasso:
    """1/(2m) ‖A x − b‖² + w ‖x‖₁."""

    def __init__(self, m=40, n=25, weight=0.1):
        generator = np.random.default_rng(4)
        self.A, self.b, self.weight = (
            generator.normal(size=(m, n)),
            generator.normal(size=m),
            weight,
        )
        self.L = np.linalg.norm(self.A, 2) ** 2 / m

    def smooth_value(self, x):
        residual = self.A @ x - self.b
        return float(residual @ residual / (2 * len(self.b)))

    def value(self, x):
        return self.smooth_value(x) + self.weight * float(abs(x).sum())

    def grad(self, x):
        return self.A.T @ (self.A @ x - self.b) / len(self.b)

    def prox(self, v, step_size):
        return np.sign(v) * np.maximum(abs(v) - step_size * self.weight, 0)


def history(run):
    assert run.trace is not None
    return run.trace


QUADRATIC = Quadratic(spaced_spectrum(12, 300.0, L=4.0), center=(1.0,) * 12, rotation_seed=1)
LOGISTIC = LogisticRegression(rng.normal(size=(60, 8)), np.sign(rng.normal(size=60)), ridge=1e-3)
SEARCHES = {
    "default": Backtracking(),
    "growing": Backtracking(grow=1.3),
    "doubling": Backtracking(grow=2.0),
    "from afar": Backtracking(first=1e6, shrink=0.7, grow=1.1),
}
searches = pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES.keys())
METHODS = {
    "gradient descent": GradientDescent(),
    "Nesterov": Nesterov(0.5),
    "adaptive": AdaptiveNesterov(),
    "adaptive, restarted": Restarted(AdaptiveNesterov(), FixedRestart(40)),
}
methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


@searches
@methods
@pytest.mark.parametrize("problem", [QUADRATIC, LOGISTIC], ids=["quadratic", "logistic"])
def test_step_sizes_pass_the_test_and_do_not_fall_below_its_promise(problem, method, search):
    seen = []

    class Watched(type(method)):
        def step(self, state, grad, step_size):
            after = super().step(state, grad, step_size)
            seen.append((self.query(state), after.x, step_size))
            return after

    watched = Watched(**{name: getattr(method, name) for name in method.__dataclass_fields__})
    x0 = np.full(problem.x_star.shape, 3.0)
    run = minimize(problem, watched, x0, step_size=search, max_steps=60, trace=True)
    assert (history(run).step_sizes >= 0.999 * search.shrink / problem.L).all()
    for x, step_size in zip(run.iterates[1:], history(run).step_sizes, strict=True):
        y = next(y for y, after, size in seen if size == step_size and (after == x).all())
        move = x - y
        bend = problem.value(x) - problem.value(y) - problem.grad(y) @ move
        assert bend <= move @ move / (2 * step_size) + 1e-9 * (move @ move) + 1e-13


@searches
@pytest.mark.parametrize("mu", [0.0, 4.0 / 300])
def test_the_adaptive_rule_keeps_its_bound(search, mu):
    """R²/(2A_k) with A_k ≥ (√α_0 + ½ Σ √α_i)²: better than with 1/L where steps are longer."""
    x0 = np.full(12, 5.0)
    run = minimize(
        QUADRATIC, AdaptiveNesterov(mu=mu), x0, step_size=search, max_steps=300, trace=True
    )
    roots = np.sqrt(history(run).step_sizes)
    weights = (roots[0] + np.append(0, np.cumsum(roots[1:])) / 2) ** 2
    bound = np.sum((x0 - QUADRATIC.x_star) ** 2) / (2 * weights)
    assert (run.gaps[1:] <= bound).all()


@searches
@methods
def test_every_evaluation_is_counted(method, search):
    problem = Counting(LOGISTIC)
    run = minimize(problem, method, np.ones(8), step_size=search, max_steps=50)
    assert (run.gradient_evaluations, run.value_evaluations) == (problem.grads, problem.values)
    assert run.gradient_evaluations >= 50


def test_a_trial_of_gradient_descent_costs_a_value_and_no_gradient():
    """y is the last iterate, whose value the last test has computed."""
    problem = Counting(QUADRATIC)
    run = minimize(
        problem, GradientDescent(), np.zeros(12), step_size=Backtracking(first=1 / 4), max_steps=30
    )
    assert (run.gradient_evaluations, run.value_evaluations) == (30, 31)


def test_where_the_problem_gives_both_at_once_they_are_asked_for_at_once():
    class Both(Counting):
        together = 0

        def value_and_grad(self, x):
            self.together += 1
            return self._problem.value(x), self._problem.grad(x)

    problem = Both(LOGISTIC)
    run = minimize(problem, Nesterov(), np.ones(8), step_size=Backtracking(first=0.1), max_steps=20)
    assert problem.together == 19  # the first gradient is computed alone, to be checked
    assert run.gradient_evaluations == problem.grads + problem.together
    assert run.value_evaluations == problem.values + problem.together


@searches
def test_unknown_L_costs_few_steps_more_than_a_known_one(search):
    start, tol = np.zeros(12), 1e-9
    known = minimize(QUADRATIC, Nesterov(), start, tol=tol, max_steps=5000)
    found = minimize(
        Counting(QUADRATIC), AdaptiveNesterov(), start, step_size=search, tol=tol, max_steps=5000
    )
    assert found.require_converged().steps < 1.5 * known.require_converged().steps


@searches
def test_heavy_ball_is_judged_at_the_gradient_step_and_not_where_momentum_takes_it(search):
    run = minimize(
        QUADRATIC, HeavyBall(0.5), np.zeros(12), step_size=search, tol=1e-9, max_steps=5000
    )
    assert run.status == "converged"


@searches
@pytest.mark.parametrize(
    "rule", [ProximalGradient, FISTA, lambda prox: AdaptiveNesterov(prox=prox)]
)
def test_composite_problems_reach_the_minimum_of_the_known_step_size(rule, search):
    problem = Lasso()
    known = minimize(problem, FISTA(problem.prox), np.zeros(25), tol=1e-11, max_steps=20_000)
    found = minimize(
        problem, rule(problem.prox), np.zeros(25), step_size=search, tol=1e-10, max_steps=20_000
    )
    assert found.status == known.status == "converged"
    np.testing.assert_allclose(found.x, known.x, atol=1e-8)


def test_a_step_out_of_the_domain_is_a_failed_trial():
    """−log x − log(1 − x) is infinite outside (0, 1)."""

    class Barrier:
        def value(self, x):
            inside = (x > 0) & (x < 1)
            return float(-np.log(x * (1 - x)).sum()) if inside.all() else np.inf

        def grad(self, x):
            return 1 / (1 - x) - 1 / x

    run = minimize(
        Barrier(), GradientDescent(), np.full(3, 1e-3), step_size=Backtracking(grow=1.5), tol=1e-8
    )
    assert run.status == "converged"
    np.testing.assert_allclose(run.x, 0.5, atol=1e-8)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_values_that_drown_in_rounding_do_not_stop_the_run(shift):
    """With a million added to f, its differences below 1e-10 are noise: the gradients decide."""
    A, b = rng.normal(size=(40, 6)), rng.normal(size=40)
    plain = LeastSquares(A, b)

    class Shifted:
        def value(self, x):
            return plain.value(x) + shift

        grad = staticmethod(plain.grad)

    run = minimize(
        Shifted(), AdaptiveNesterov(), np.ones(6), step_size=Backtracking(grow=1.2), tol=1e-13
    )
    assert run.status == "converged"
    np.testing.assert_allclose(run.x, plain.x_star, atol=1e-12)
    assert run.step_size > 0.2 / plain.L


@pytest.mark.parametrize("curvature", [1e-6, 1.0, 1e6])
def test_both_tests_agree_with_the_curvature_of_a_quadratic(curvature):
    for step_size in np.array([0.1, 0.5, 0.99, 1.02, 2.0]) / curvature:
        y = 1.0
        move = -step_size * curvature * y
        value, next_value = curvature / 2 * y**2, curvature / 2 * (y + move) ** 2
        expected = step_size * curvature <= 1
        by_values = passes_by_values(move**2, step_size, value, next_value, curvature * y * move)
        assert by_values == expected
        assert passes_by_gradients(move**2, step_size, curvature * move**2) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"first": 0.0}, "first is 0.0"),
        ({"shrink": 1.0}, "shrink is 1.0"),
        ({"shrink": 0.0}, "shrink is 0.0"),
        ({"grow": 0.9}, "grow is 0.9"),
    ],
)
def test_bad_arguments_are_refused_by_value(arguments, words):
    with pytest.raises(UsageError, match=words):
        Backtracking(**arguments)


def test_a_composite_problem_without_its_smooth_value_is_refused():
    class Hidden:
        def __init__(self):
            lasso = Lasso()
            self.value, self.grad, self.prox = lasso.value, lasso.grad, lasso.prox

    problem = Hidden()
    with pytest.raises(UsageError, match="no smooth_value"):
        minimize(problem, FISTA(problem.prox), np.zeros(25), step_size=Backtracking())
