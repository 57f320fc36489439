"""The theorems of chapter 05: their inequalities by algebra and along real runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from nagcore.core import (
    FISTA,
    OGM,
    AdaptiveNesterov,
    Backtracking,
    FixedRestart,
    GradientRestart,
    GrowthRestart,
    Nesterov,
)
from nagcore.core.momentum import extrapolation
from nagcore.errors import UsageError
from nagcore.theory import (
    ElasticNetRegression,
    LeastSquares,
    Quadratic,
    minimize,
    spaced_spectrum,
    tell_classes_apart,
)
from nagcore.theory.restart_bounds import best_interval, bound_fixed_restart


def center(dimension, seed=0):
    return tuple(np.random.default_rng(seed).standard_normal(dimension))


def flat_least_squares():
    """μ = 0, and yet μ/2 d² ≤ gap with the least eigenvalue that is not 0."""
    generator = np.random.default_rng(3)
    A = generator.standard_normal((8, 20))
    problem = LeastSquares(A, generator.standard_normal(8))
    return problem, float(np.linalg.svd(A, compute_uv=False)[-1] ** 2 / 8)


SMOOTH = {
    "κ = 10": Quadratic(spaced_spectrum(10, 10.0), center=center(10)),
    "κ = 100, rotated": Quadratic(spaced_spectrum(15, 100.0), center=center(15), rotation_seed=1),
    "κ = 2000": Quadratic(spaced_spectrum(30, 2000.0), center=center(30)),
    "flattest direction": Quadratic((1.0, 400.0), center=(1.0, 0.0)),
    "logistic": tell_classes_apart(ridge=0.05),
}
INTERVALS = [1, 3, 10, 41, None]


@pytest.mark.parametrize("every", INTERVALS)
@pytest.mark.parametrize("problem", SMOOTH.values(), ids=SMOOTH.keys())
def test_restart_at_any_fixed_interval_keeps_its_bound(problem, every):
    every = every or best_interval(problem.L / problem.mu)
    run = minimize(
        problem, Nesterov(), np.zeros_like(problem.x_star), restart=FixedRestart(every),
        max_steps=3 * every + 200, trace=True,
    )  # fmt: skip
    bound = bound_fixed_restart(
        np.arange(len(run.gaps)), L=problem.L, mu=problem.mu, first_gap=run.gaps[0], every=every
    )
    assert (run.gaps <= bound + 1e-14 * run.gaps[0]).all()
    assert run.restarts > 0


def test_growth_away_from_a_set_of_minimizers_is_enough():
    problem, growth = flat_least_squares()
    every = best_interval(problem.L / growth)
    run = minimize(
        problem, Nesterov(), np.ones(20), restart=FixedRestart(every), max_steps=4 * every,
        trace=True,
    )  # fmt: skip
    bound = bound_fixed_restart(
        np.arange(len(run.gaps)), L=problem.L, mu=growth, first_gap=run.gaps[0], every=every
    )
    assert (run.gaps <= bound + 1e-14 * run.gaps[0]).all()


def test_the_bound_holds_for_composite_functions_too():
    generator = np.random.default_rng(5)
    A, b = generator.standard_normal((60, 20)), generator.standard_normal(60)
    problem = ElasticNetRegression(A, b, l1=0.1, l2=0.01)
    every = best_interval(problem.L / problem.mu)
    run = minimize(
        problem, FISTA(problem.prox), np.ones(20), restart=FixedRestart(every),
        max_steps=4 * every, trace=True,
    )  # fmt: skip
    bound = bound_fixed_restart(
        np.arange(len(run.gaps)), L=problem.L, mu=problem.mu, first_gap=run.gaps[0], every=every
    )
    assert (run.gaps <= bound + 1e-14 * run.gaps[0]).all()


def test_the_bound_at_the_end_of_a_period_is_not_idle():
    """A pendulum as flat as allowed has a fourth of what the bound allows, or more."""
    kappa, every = 400.0, 45
    flat = Quadratic((1 / kappa, 1.0), center=(1.0, 0.0))
    run = minimize(flat, Nesterov(), np.zeros(2), max_steps=every, trace=True)
    bound = bound_fixed_restart(every, L=1.0, mu=1 / kappa, first_gap=run.gaps[0], every=every)
    assert bound / 4 < run.gaps[-1] <= bound < run.gaps[0]


@given(every=st.integers(1, 200), kappa=st.floats(1.0, 1e4), periods=st.integers(0, 5))
def test_a_period_ends_where_the_next_begins(every, kappa, periods):
    """q is what the factor within a longer period has become after n steps."""
    start, end = bound_fixed_restart(
        [periods * every, (periods + 1) * every], L=kappa, mu=1.0, first_gap=1.0, every=every
    )
    within = bound_fixed_restart(every, L=kappa, mu=1.0, first_gap=1.0, every=every + 1)
    assert end == pytest.approx(start * within, rel=1e-12)


@given(kappa=st.floats(1.0, 1e8), accuracy=st.floats(1e-30, 0.999))
def test_the_best_interval_needs_the_steps_that_the_theorem_says(kappa, accuracy):
    every = best_interval(kappa)
    periods = math.ceil(-math.log(accuracy) / 2)
    assert periods * every <= 2 * math.e * math.sqrt(kappa) * periods
    bound = bound_fixed_restart([periods * every], L=kappa, mu=1.0, first_gap=1.0, every=every)
    assert bound[0] <= accuracy * (1 + 1e-9)


@pytest.mark.parametrize("kappa", [50.0, 1e4, 1e7])
def test_no_other_interval_has_a_bound_that_falls_faster(kappa):
    def rate(every):
        return math.log((every + 1) ** 2 / (4 * kappa)) / (every + 1)

    best = best_interval(kappa)
    others = range(math.ceil(2 * math.sqrt(kappa)), 8 * best, max(1, best // 50))
    assert rate(best) >= max(rate(every) for every in others) * (1 - 1e-3)
    # the exercise: twice as long costs 2/(1 + ln 2), half as long 0.5/(1 − ln 2)
    assert rate(best) / rate(2 * best) == pytest.approx(2 / (1 + math.log(2)), rel=0.06)
    assert rate(best) / rate(best // 2) == pytest.approx(0.5 / (1 - math.log(2)), rel=0.2)


def test_bad_intervals_and_constants_are_refused():
    with pytest.raises(UsageError, match="every"):
        bound_fixed_restart(1, L=1.0, mu=0.5, first_gap=1.0, every=0)
    with pytest.raises(UsageError, match="mu"):
        bound_fixed_restart(1, L=1.0, mu=2.0, first_gap=1.0, every=3)
    with pytest.raises(UsageError, match=r"condition_number is 0\.5"):
        best_interval(0.5)


def test_a_period_never_ends_above_its_restart_by_algebra():
    """The identity behind it: ⟨g, y − x⟩ − ‖g‖²/2L = L/2 ‖y − x‖² − L/2 ‖x' − x‖²."""
    x, y, g, L = sp.symbols("x y g L", positive=True)
    after = y - g / L
    left = g * (y - x) - g**2 / (2 * L)
    assert sp.simplify(left - (L / 2 * (y - x) ** 2 - L / 2 * (after - x) ** 2)) == 0


def test_the_potential_of_step_sizes_by_trial_by_algebra():
    """The change of the potential is the inequality used, A and a times, and nothing else."""
    x, z, star, g, alpha, A, a = sp.symbols("x z star g alpha A a", positive=True)
    f_x, f_next, f_star = sp.symbols("f_x f_next f_star")
    after = A + a
    y = (A * x + a * z) / after

    def gain(f_u, u):
        return f_next - f_u - g * (y - u) + alpha / 2 * g**2

    change = (
        after * (f_next - f_star) + (z - a * g - star) ** 2 / 2
        - A * (f_x - f_star) - (z - star) ** 2 / 2
    )  # fmt: skip
    used = A * gain(f_x, x) + a * gain(f_star, star)
    assert sp.simplify(change - used - (a**2 - alpha * after) * g**2 / 2) == 0


def test_the_gradient_mapping_inequality_by_algebra():
    f_y, f_u, h_u, g, G, y, u, alpha = sp.symbols("f_y f_u h_u g G y u alpha")
    after = y - alpha * G
    right = f_y + g * (after - y) + alpha / 2 * G**2  # the test
    right += f_u + g * (y - u) - f_y  # f is convex
    right += h_u + (G - g) * (after - u)  # h is convex
    assert sp.simplify(right - (f_u + h_u + G * (y - u) - alpha / 2 * G**2)) == 0


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), grow=st.floats(1.0, 2.0))
def test_step_sizes_by_trial_keep_the_bound_of_their_roots(seed, grow):
    problem = SMOOTH["logistic"]
    x0 = np.random.default_rng(seed).standard_normal(len(problem.x_star))
    run = minimize(
        problem, AdaptiveNesterov(), x0, step_size=Backtracking(grow=grow), max_steps=60,
        trace=True,
    )  # fmt: skip
    assert run.trace is not None
    roots = np.sqrt(run.trace.step_sizes)
    least_weights = (roots[0] + np.concatenate(([0.0], np.cumsum(roots[1:]))) / 2) ** 2
    square = float((x0 - problem.x_star) @ (x0 - problem.x_star))
    assert (run.gaps[1:] <= square / (2 * least_weights) + 1e-13).all()


@given(
    last=st.floats(-10, 10), drop=st.floats(1e-3, 10), first_drop=st.floats(0, 10),
    true_drop=st.floats(0, 10),
)  # fmt: skip
def test_a_larger_number_for_the_minimum_never_lowers_the_estimate(
    last, drop, first_drop, true_drop
):
    """(f(r) − v)/(f(r') − v) ≥ (f(r) − f⋆)/(f(r') − f⋆) for f⋆ ≤ v < f(r') ≤ f(r)."""
    v, f_star = last, last - true_drop
    after, before = last + drop, last + drop + first_drop
    exact = (before - f_star) / (after - f_star)
    assert (before - v) / (after - v) >= exact * (1 - 1e-12)


@pytest.mark.parametrize("problem", list(SMOOTH.values())[:4], ids=list(SMOOTH)[:4])
def test_the_estimate_from_restarts_is_an_upper_bound(problem):
    run = minimize(
        problem, Nesterov(), np.zeros_like(problem.x_star), restart=GrowthRestart(),
        max_steps=2000, tol_gap=1e-9,
    )  # fmt: skip
    assert run.mu_estimate is None or run.mu_estimate >= problem.mu


@pytest.mark.parametrize("kappa", [400.0, 1e4])
def test_the_flattest_mode_first_passes_zero_at_the_zero_of_the_bessel_function(kappa):
    """A mode from rest follows 2 J₁(s)/s, s = k √(λ/L), with the first zero 3.8317."""
    run = minimize(
        Quadratic((1 / kappa, 1.0), center=(1.0, 0.0)), Nesterov(), np.zeros(2),
        max_steps=round(8 * math.sqrt(kappa)), trace=True,
    )  # fmt: skip
    error = run.iterates[:, 0] - 1.0
    zero = np.flatnonzero(error[1:] * error[:-1] < 0)[0]
    assert zero / math.sqrt(kappa) == pytest.approx(3.8317, rel=0.06)
    # and the gradient criterion restarts just there
    restarted = minimize(
        Quadratic((1 / kappa, 1.0), center=(1.0, 0.0)), Nesterov(), np.zeros(2),
        restart=GradientRestart(), max_steps=2 * int(zero), trace=True,
    )  # fmt: skip
    assert restarted.trace is not None
    assert restarted.trace.restarts_at[0] == pytest.approx(zero, abs=3)


def test_the_flattest_mode_swings_with_the_period_of_its_eigenvalue():
    kappa = 900.0
    run = minimize(
        Quadratic((1 / kappa, 1.0), center=(1.0, 0.0)), Nesterov(), np.zeros(2), max_steps=2000,
        trace=True,
    )  # fmt: skip
    error = run.iterates[:, 0] - 1.0
    turns = np.flatnonzero(error[1:] * error[:-1] < 0)
    assert np.diff(turns)[5:].mean() == pytest.approx(math.pi * math.sqrt(kappa), rel=0.02)


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_ogm_attains_its_bound_on_the_steepest_quadratic(n):
    """The exercise: x_n = (−1)ⁿ R/θ_n on L x²/2."""
    run = minimize(Quadratic((4.0,)), OGM(steps=n), np.array([3.0]), max_steps=n)
    theta = (1 + math.sqrt(1 + 8 * extrapolation(n - 1) ** 2)) / 2
    assert run.x[0] == pytest.approx((-1) ** n * 3.0 / theta, rel=1e-12)
    assert run.gap is not None
    assert run.gap <= 4.0 * 9.0 / (n + 1) ** 2
