"""Restarts: each criterion by its definition, its gain, and peace after convergence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nagcore.core import GradientDescent, Momentum1983, Nesterov, StronglyConvexMomentum
from nagcore.core.adaptive_nesterov import AdaptiveNesterov
from nagcore.core.backtracking import Backtracking
from nagcore.core.growth_restart import GrowthRestart
from nagcore.core.proximal import FISTA
from nagcore.core.restart import (
    FixedRestart,
    FunctionRestart,
    GradientRestart,
    Restarted,
    SpeedRestart,
)
from nagcore.errors import UsageError
from nagcore.theory import LeastSquares, Quadratic, spaced_spectrum
from nagcore.theory.minimize import minimize


class LogSumExp:
    """ρ log Σ exp((a_iᵀx − b_i)/ρ)."""

    def __init__(self, m=60, n=12, rho=5.0, seed=0):
        generator = np.random.default_rng(seed)
        self.A, self.b, self.rho = generator.normal(size=(m, n)), generator.normal(size=m), rho
        self.L = np.linalg.norm(self.A, 2) ** 2 / rho

    def value(self, x):
        exponents = (self.A @ x - self.b) / self.rho
        top = exponents.max()
        return float(self.rho * (top + np.log(np.exp(exponents - top).sum())))

    def grad(self, x):
        exponents = (self.A @ x - self.b) / self.rho
        weights = np.exp(exponents - exponents.max())
        return self.A.T @ (weights / weights.sum())


class Lasso:
    """1/(2m) ‖A x − b‖² + w ‖x‖₁."""

    def __init__(self, m=40, n=60, weight=0.1):
        generator = np.random.default_rng(4)
        self.A, self.weight = generator.normal(size=(m, n)), weight
        self.b = self.A[:, :5] @ generator.normal(size=5) + 0.1 * generator.normal(size=m)
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


rng = np.random.default_rng(0)
PROBLEMS = {
    "quadratic": Quadratic(spaced_spectrum(20, 100.0), center=(1.5,) * 20, rotation_seed=1),
    "least squares": LeastSquares(rng.normal(size=(40, 8)), 10 * rng.normal(size=40)),
    "log-sum-exp": LogSumExp(),
    "lasso": Lasso(),
}
CRITERIA = {
    "gradient": GradientRestart(),
    "function": FunctionRestart(),
    "speed": SpeedRestart(),
    "fixed": FixedRestart(40),
    "growth": GrowthRestart(),
}
STEP_SIZES = {
    "1/L": None,
    "backtracking": Backtracking(),
    "growing": Backtracking(grow=1.2),
    "doubling": Backtracking(first=1e3, grow=2.0),
}
criteria = pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA.keys())


def start_of(problem):
    return np.full(len(problem.grad(np.zeros(dimension_of(problem)))), 3.0)


def dimension_of(problem):
    return len(problem.eigenvalues) if hasattr(problem, "eigenvalues") else problem.A.shape[1]


@pytest.mark.parametrize("step_size", STEP_SIZES.values(), ids=STEP_SIZES.keys())
@criteria
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())
def test_five_thousand_steps_after_convergence_the_gap_is_still_at_its_floor(
    problem, criterion, step_size
):
    prox = getattr(problem, "prox", None)
    nesterov = Nesterov() if prox is None else FISTA(prox)
    method = nesterov if step_size is None else AdaptiveNesterov(prox=prox)
    x = start_of(problem)
    run = minimize(
        problem, method, x, step_size=step_size, restart=criterion, max_steps=6500, trace=True
    )
    values = history(run).values
    floor = values.min()
    # a few units of F⋆, and what as many units of x⋆ are worth
    unseen = 8 * np.spacing(abs(floor)) + problem.L * (64 * np.spacing(abs(run.x).max())) ** 2
    assert values[1500:].max(initial=floor) <= floor + unseen
    # lasso comes to rest: x_{k+1} = y_k to the last digit
    assert run.steps == 6500 or run.gradient_norm == 0
    assert run.status in ("budget", "converged")


def steps_to(problem, method, accuracy, x0, **options):
    """Return the first k with (F(x_k) − F⋆)/(F(x_0) − F⋆) ≤ accuracy."""
    target = accuracy * (problem.value(x0) - problem.f_star)
    run = minimize(problem, method, x0, tol_gap=target, max_steps=30_000, **options)
    return run.require_converged().steps


def test_restarts_come_close_to_known_mu_and_far_below_none():
    problem = Quadratic(spaced_spectrum(500, 1e4))
    x0 = np.random.default_rng(0).normal(size=500)
    none = steps_to(problem, Nesterov(), 1e-10, x0)
    known = steps_to(problem, Nesterov(StronglyConvexMomentum(problem.L, problem.mu)), 1e-10, x0)
    taken = {
        name: steps_to(problem, Nesterov(), 1e-10, x0, restart=criterion)
        for name, criterion in CRITERIA.items()
        if name != "fixed"
    }
    assert known < none / 5
    assert taken["gradient"] < 1.6 * known
    assert taken["function"] < 1.6 * known
    assert taken["speed"] < 3 * known
    assert taken["growth"] < 2 * known


def test_restarting_a_composite_run_goes_by_the_gradient_mapping():
    problem = Lasso()
    x0 = start_of(problem)
    runs = {
        restart: minimize(
            problem, FISTA(problem.prox), x0, restart=restart, tol=1e-10, max_steps=5000
        ).require_converged()
        for restart in (None, GradientRestart())
    }
    assert runs[GradientRestart()].steps < runs[None].steps / 2
    assert runs[GradientRestart()].restarts > 0


# where κ = 10 two periods reach the limit of rounding: little is seen of μ
@pytest.mark.parametrize(("kappa", "factor"), [(10.0, 100.0), (100.0, 6.0), (1000.0, 6.0)])
@pytest.mark.parametrize("step_size", [None, Backtracking()], ids=["1/L", "backtracking"])
def test_the_estimate_of_mu_is_an_upper_bound_and_of_the_right_size(kappa, factor, step_size):
    problem = Quadratic(spaced_spectrum(30, kappa), center=(1.0,) * 30, rotation_seed=2)
    x0 = np.random.default_rng(1).normal(size=30) * 5
    run = minimize(
        problem, Nesterov(), x0, restart=GrowthRestart(), step_size=step_size, max_steps=6000
    )
    assert run.mu_estimate is not None
    assert problem.mu <= run.mu_estimate < factor * problem.mu
    assert run.restarts >= 3


def test_function_value_asked_for_at_restarts_only():
    problem = PROBLEMS["least squares"]
    run = minimize(problem, Nesterov(), np.ones(8), restart=GrowthRestart(), max_steps=500)
    assert run.value_evaluations == run.restarts + 1
    for criterion in (GradientRestart(), SpeedRestart(), FixedRestart(9)):
        run = minimize(problem, Nesterov(), np.ones(8), restart=criterion, max_steps=500)
        assert run.value_evaluations == 0


@criteria
def test_what_the_definition_says_is_what_happens(criterion):
    """Walk the iterates of a run and judge each step by the formula."""
    problem = PROBLEMS["log-sum-exp"]
    x0 = start_of(problem)
    run = minimize(problem, Nesterov(), x0, restart=criterion, max_steps=300, trace=True)
    x, marks = run.iterates, {0, *history(run).restarts_at.tolist()}
    since = 0
    for k in range(1, 301):
        since += 1
        step = x[k] - x[k - 1]
        before = x[k - 1] - x[k - 2] if since > 1 else 0 * step
        y = x[k - 1] + Momentum1983()(since - 1) * before
        expected = {
            "gradient": problem.grad(y) @ step > 0,
            "function": problem.value(x[k]) > problem.value(x[k - 1]),
            "speed": since >= 10 and np.linalg.norm(step) < np.linalg.norm(x[k - 1] - x[k - 2]),
            "fixed": since == 40,
            "growth": k in marks,
        }[next(name for name, known in CRITERIA.items() if known is criterion)]
        assert (k in marks) == expected
        since = 0 if k in marks else since
    assert len(marks) > 2


@pytest.mark.parametrize("criterion", [GradientRestart(), SpeedRestart(), FixedRestart(25)])
@pytest.mark.parametrize("adaptive", [False, True])
def test_the_wrapped_rule_is_the_restarted_run(criterion, adaptive):
    problem = PROBLEMS["quadratic"]
    method = AdaptiveNesterov() if adaptive else Nesterov()
    x0 = start_of(problem)
    run = minimize(problem, method, x0, restart=criterion, max_steps=400)
    wrapped = Restarted(method, criterion)
    assert hasattr(wrapped, "plan") == adaptive
    state = wrapped.init(x0)
    for _ in range(400):
        if adaptive:
            state = wrapped.plan(state, 1 / problem.L)
        state = wrapped.step(state, problem.grad(wrapped.query(state)), 1 / problem.L)
    np.testing.assert_array_equal(state.x, run.x)
    assert (state.restarts, state.k) == (run.restarts, 400)
    assert run.restarts > 1


def test_the_wrapped_rule_restarts_a_composite_run_alike():
    problem = Lasso()
    x0 = start_of(problem)
    method, criterion = FISTA(problem.prox), GradientRestart()
    run = minimize(problem, method, x0, restart=criterion, max_steps=60)
    wrapped = minimize(problem, Restarted(method, criterion), x0, max_steps=60)
    np.testing.assert_array_equal(wrapped.x, run.x)


def test_the_wrapped_rule_takes_tensors_of_any_shape():
    method = Restarted(Nesterov(), GradientRestart())
    curvature = torch.tensor([[1.0, 0.01], [0.3, 0.05]], dtype=torch.float64)
    state = method.init(torch.ones(2, 2, dtype=torch.float64))
    for _ in range(300):
        state = method.step(state, curvature * method.query(state), 1.0)
    assert state.restarts > 2
    assert state.x.abs().max() < 1e-6


def test_gradient_descent_is_not_changed_by_restarts():
    problem = PROBLEMS["quadratic"]
    plain = minimize(problem, GradientDescent(), start_of(problem), max_steps=50)
    again = minimize(
        problem, GradientDescent(), start_of(problem), max_steps=50, restart=FixedRestart(7)
    )
    np.testing.assert_array_equal(plain.x, again.x)
    assert again.restarts == 7


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FixedRestart(0), "every is 0"),
        (lambda: FixedRestart(2.5), "every is 2.5"),  # pyright: ignore[reportArgumentType]
        (lambda: SpeedRestart(minimum=0), "minimum is 0"),
        (lambda: GrowthRestart(pace=-1.0), "pace is -1.0"),
        (lambda: Restarted(Nesterov(), FunctionRestart()), "FunctionRestart needs function values"),
    ],
)
def test_bad_arguments_are_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        (GradientRestart, "criterion is the class GradientRestart"),
        ("gradient", r"criterion is 'gradient'.*GradientRestart\(\)"),
    ],
)
def test_what_is_no_criterion_is_refused(criterion, words):
    with pytest.raises(UsageError, match=words):
        Restarted(Nesterov(), criterion)
