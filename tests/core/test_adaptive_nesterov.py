"""Nesterov's method under changing step sizes: its potential, its bound, its limits."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import Nesterov
from nagcore.core.adaptive_nesterov import AdaptiveNesterov
from nagcore.core.momentum import VariableStronglyConvexMomentum
from nagcore.errors import UsageError

N = 10


def soft(v, threshold):
    return np.sign(v) * np.maximum(abs(v) - threshold, 0)


class Problem:
    """½ (x − c)ᵀ diag(λ) (x − c) + w ‖x‖₁, its minimum in closed form."""

    def __init__(self, seed, mu, weight):
        generator = np.random.default_rng(seed)
        self.curvatures = np.append(generator.uniform(mu, 1.0, size=N - 2), [mu, 1.0])
        self.center = 3 * generator.normal(size=N)
        self.weight = weight
        self.x_star = soft(self.center, weight / np.maximum(self.curvatures, 1e-300))
        if mu == 0:
            self.x_star[-2] = 0.0
        self.x0 = 5 * generator.normal(size=N)

    def value(self, x):
        return 0.5 * self.curvatures @ (x - self.center) ** 2 + self.weight * abs(x).sum()

    def grad(self, x):
        return self.curvatures * (x - self.center)

    def prox(self, v, step_size):
        return soft(v, self.weight * step_size)

    def passes(self, y, step_size):
        """Return whether the step from y passes the descent test, exact for a quadratic."""
        move = self.prox(y - step_size * self.grad(y), step_size) - y
        return self.curvatures @ move**2 <= move @ move / step_size


def follow(method, problem, step_sizes):
    state = method.init(problem.x0)
    for step_size in step_sizes:
        state = method.plan(state, step_size)
        state = method.step(state, problem.grad(method.query(state)), step_size)
        yield state


@pytest.mark.parametrize("mu", [0.0, 0.02])
@pytest.mark.parametrize("step_size", [1.0, 0.3])
def test_a_constant_step_size_gives_the_known_sequences(mu, step_size):
    problem = Problem(0, mu, 0.0)
    sequence = VariableStronglyConvexMomentum(L=1 / step_size, mu=mu)
    nesterov = Nesterov(sequence) if mu else Nesterov()
    other = nesterov.init(problem.x0)
    for k, state in enumerate(follow(AdaptiveNesterov(mu=mu), problem, [step_size] * 200), 1):
        other = nesterov.step(other, problem.grad(nesterov.query(other)), step_size)
        np.testing.assert_allclose(state.x, other.x, rtol=0, atol=1e-12)
        # α/A_k = 1/t² − q, with t = t_{k−1} and q = μα
        expected = 1 / sequence.t(k - 1) ** 2 - mu * step_size
        assert step_size / state.weight == pytest.approx(expected, rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("weight", [0.0, 0.3], ids=["smooth", "composite"])
@pytest.mark.parametrize("mu", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_the_potential_never_grows(seed, mu, weight):
    """Step sizes change at random by factors up to 30, and exceed 1/L where the test allows."""
    problem, generator = Problem(seed, mu, weight), np.random.default_rng(seed + 100)
    method = AdaptiveNesterov(mu=0.9 * mu, prox=problem.prox)
    state, f_star = method.init(problem.x0), problem.value(problem.x_star)

    def potential(state):
        distance = np.sum((state.z - problem.x_star) ** 2)
        gap = problem.value(state.x) - f_star
        return state.weight * gap + (1 + method.mu * state.weight) / 2 * distance

    seen, long = [potential(state)], 0
    for _ in range(80):
        step_size = generator.uniform(0.05, 1.0)
        for trial in generator.uniform(1, 30, size=3):
            if trial < method.longest_step:
                planned = method.plan(state, trial)
                if problem.passes(method.query(planned), trial):
                    step_size = trial
        long += step_size > 1
        state = method.plan(state, step_size)
        state = method.step(state, problem.grad(method.query(state)), step_size)
        seen.append(potential(state))
    assert long > 0 or mu == 0.3  # else the test would show nothing beyond 1/L
    seen = np.array(seen)
    # A (F − F⋆) is known to A ε F only
    rounding = 1e-13 * (seen[0] + state.weight * abs(f_star))
    assert (np.diff(seen) <= rounding).all()


@pytest.mark.filterwarnings("ignore")  # the solver stack warns about itself
@pytest.mark.parametrize("mu", [0.0, 0.1])
def test_the_exact_worst_case_is_within_the_bound_and_not_far_below(mu):
    """PEPit runs the shipped rule on symbolic points, with step sizes that rise and fall."""
    # here, so that the filter above covers what importing PEPit warns about itself
    from PEPit import PEP
    from PEPit.functions import SmoothStronglyConvexFunction

    pep, method = PEP(), AdaptiveNesterov(mu=mu)
    function = pep.declare_function(SmoothStronglyConvexFunction, L=1.0, mu=mu)
    x_star, x0 = function.stationary_point(), pep.set_initial_point()
    pep.set_initial_condition((x0 - x_star) ** 2 <= 1)  # pyright: ignore[reportOperatorIssue]
    state = method.init(x0)
    for step_size in (0.3, 1.0, 0.5, 0.9):
        state = method.plan(state, step_size)
        state = method.step(state, function.gradient(method.query(state)), step_size)
    pep.set_performance_metric(function(state.x) - function(x_star))
    worst = float(pep.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0) or np.nan)
    assert 0.6 < worst * 2 * state.weight < 1


def test_the_weight_grows_at_least_like_the_roots_of_the_step_sizes():
    steps = np.random.default_rng(3).uniform(0.01, 1.0, size=100)
    states = follow(AdaptiveNesterov(), Problem(0, 0.0, 0.0), steps)
    least = (np.sqrt(steps[0]) + np.append(0, np.cumsum(np.sqrt(steps[1:]))) / 2) ** 2
    weights = np.array([state.weight for state in states])
    assert (weights >= least * (1 - 1e-12)).all()
    assert weights[-1] < 1.5 * least[-1]


def test_ten_thousand_steps_with_known_mu_do_not_overflow():
    problem = Problem(1, 0.3, 0.0)
    *_, state = follow(AdaptiveNesterov(mu=0.3), problem, [1.0] * 10_000)
    assert np.isfinite(state.weight)
    np.testing.assert_allclose(state.x, problem.x_star, atol=1e-14)


def test_without_plan_the_step_size_is_taken_to_stay():
    problem, method = Problem(2, 0.0, 0.0), AdaptiveNesterov()
    state = method.init(problem.x0)
    for planned in follow(method, problem, [0.5] * 10):
        state = method.step(state, problem.grad(method.query(state)), 0.5)
        np.testing.assert_array_equal(state.x, planned.x)
    with pytest.raises(UsageError, match=r"step_size is 0\.25, expected 0\.5.*plan"):
        method.step(state, problem.grad(method.query(state)), 0.25)


@pytest.mark.parametrize("mu", [-1.0, float("nan")])
def test_a_bad_mu_is_refused(mu):
    with pytest.raises(UsageError, match=f"mu is {mu}"):
        AdaptiveNesterov(mu=mu)


def test_steps_up_to_the_longest_are_taken():
    method = AdaptiveNesterov(mu=0.5)
    assert AdaptiveNesterov().longest_step == np.inf
    state = method.step(method.init(np.ones(2)), np.ones(2), method.longest_step)
    assert np.isfinite(state.weight)


def test_a_step_as_long_as_one_over_mu_is_refused():
    method = AdaptiveNesterov(mu=0.5)
    with pytest.raises(UsageError, match=r"step_size is 2\.0 and mu is 0\.5"):
        method.step(method.init(np.ones(2)), np.ones(2), 2.0)


@pytest.mark.parametrize("mu", [0.0, 0.1])
@pytest.mark.parametrize("step_size", [0.0, -0.5, float("nan"), float("inf")])
def test_a_step_size_that_is_not_positive_is_refused(step_size, mu):
    method = AdaptiveNesterov(mu=mu)
    state = method.step(method.init(1.0), 1.0, 0.5)
    for call in (
        lambda: method.plan(state, step_size),
        lambda: method.step(method.init(1.0), 1.0, step_size),
    ):
        with pytest.raises(UsageError, match=f"step_size is {step_size}"):
            call()
