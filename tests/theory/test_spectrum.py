"""Rates on quadratics against roots of the characteristic equations, proofs and long runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagcore.core import (
    GradientDescent,
    HeavyBall,
    Nesterov,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
    tune_nesterov_on_quadratics,
)
from nagcore.errors import UsageError
from nagcore.theory import Quadratic, minimize, spaced_spectrum
from nagcore.theory.spectrum import (
    bound_heavy_ball_on_quadratics,
    convergence_rate,
    critical_momentum_heavy_ball,
    iteration_matrix,
    rate_plane,
    search_best_tuning,
    spectral_radius,
    stability_limit_heavy_ball,
    stability_limit_nesterov,
    with_momenta,
)

momenta = st.floats(0.0, 0.99)
reaches = st.floats(0.0, 4.0)
kappas = pytest.mark.parametrize("kappa", [1.5, 25.0, 1000.0])


@given(momenta, reaches)
def test_eigenvalues_solve_the_equations_of_the_book(momentum, reach):
    equations = {
        HeavyBall: [1, -(1 + momentum - reach), momentum],
        Nesterov: [1, -(1 + momentum) * (1 - reach), momentum * (1 - reach)],
    }
    for rule, coefficients in equations.items():
        matrix = iteration_matrix(rule(momentum), curvature=reach, step_size=1.0)
        assert np.trace(matrix) == pytest.approx(-coefficients[1], abs=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(coefficients[2], abs=1e-12)


def test_gradient_descent_is_one_number():
    assert iteration_matrix(GradientDescent(), curvature=3.0, step_size=0.5).tolist() == [[-0.5]]


@pytest.mark.parametrize("rule", [HeavyBall, Nesterov])
def test_the_matrix_repeats_the_rule(rule):
    method, state = rule(0.7), rule(0.7).init(1.3)
    matrix = iteration_matrix(method, curvature=2.0, step_size=0.3)
    for k in range(10):
        expected = np.linalg.matrix_power(matrix, k) @ [1.3, 0.0]
        np.testing.assert_allclose([state.x, state.displacement], expected, atol=1e-14)
        state = method.step(state, 2.0 * method.query(state), 0.3)


def test_matrices_of_a_plane_are_those_of_its_points():
    betas, alphas = np.array([0.1, 0.8]), np.array([0.2, 1.0, 1.9])
    plane = rate_plane(Nesterov, step_sizes=alphas, momenta=betas, L=1.0, mu=0.1)
    for i, beta in enumerate(betas):
        for j, alpha in enumerate(alphas):
            one = convergence_rate(Nesterov(beta), step_size=alpha, L=1.0, mu=0.1)
            assert plane[i, j] == pytest.approx(float(one), rel=1e-12)


@given(momenta, st.floats(0.01, 4.0), st.floats(0.001, 1.0))
def test_no_inner_eigenvalue_is_worse_than_both_ends(momentum, step_size, mu):
    inner = np.linspace(mu, 1.0, 101)
    for method in (GradientDescent(), HeavyBall(momentum), Nesterov(momentum)):
        radii = spectral_radius(iteration_matrix(method, curvature=inner, step_size=step_size))
        worst = convergence_rate(method, step_size=step_size, L=1.0, mu=mu)
        # a double eigenvalue is known to the root of the rounding error only
        assert radii.max() <= worst + 1e-7


@kappas
def test_search_finds_the_published_tunings(kappa):
    for rule, tune in ((HeavyBall, tune_heavy_ball), (Nesterov, tune_nesterov_on_quadratics)):
        found, published = search_best_tuning(rule, L=kappa, mu=1.0), tune(kappa, 1.0)
        np.testing.assert_allclose(found, published, rtol=1e-9)


@kappas
def test_rates_of_the_tunings_are_the_closed_forms(kappa):
    root = np.sqrt(kappa)
    cases = [
        (lambda momentum: GradientDescent(), tune_gradient_descent, (kappa - 1) / (kappa + 1)),
        (HeavyBall, tune_heavy_ball, (root - 1) / (root + 1)),
        (Nesterov, tune_nesterov, 1 - 1 / root),
        (Nesterov, tune_nesterov_on_quadratics, 1 - 2 / np.sqrt(3 * kappa + 1)),
    ]
    for rule, tune, expected in cases:
        tuning = tune(kappa, 1.0)
        method = rule(tuning.momentum)
        rate = convergence_rate(method, step_size=tuning.step_size, L=kappa, mu=1.0)
        assert rate == pytest.approx(expected, abs=1e-7)


@given(momenta, st.floats(0.1, 10.0))
def test_the_radius_passes_one_at_the_limit_of_stability(momentum, L):
    for rule, limit in (
        (HeavyBall, stability_limit_heavy_ball),
        (Nesterov, stability_limit_nesterov),
    ):
        step_size = float(limit(momentum, L=L))
        for factor in (0.999, 1.001):
            matrix = iteration_matrix(rule(momentum), curvature=L, step_size=factor * step_size)
            assert (spectral_radius(matrix) < 1) == (factor < 1)


@pytest.mark.parametrize("reach", [0.01, 0.3, 1.0])
def test_critical_momentum_separates_real_from_complex_and_is_best(reach):
    critical = critical_momentum_heavy_ball(reach)
    grid = np.linspace(0, 0.999, 2000)
    matrices = iteration_matrix(with_momenta(HeavyBall, grid), curvature=reach, step_size=1.0)
    complex_pair = np.abs(np.linalg.eigvals(matrices).imag).max(axis=-1) > 1e-6
    np.testing.assert_array_equal(complex_pair, grid > critical)
    assert grid[spectral_radius(matrices).argmin()] == pytest.approx(critical, abs=1e-3)


@kappas
def test_heavy_ball_stays_below_its_bound_and_attains_it(kappa):
    problem, k = Quadratic(spaced_spectrum(20, kappa), rotation_seed=1), np.arange(201)
    step_size, momentum = tune_heavy_ball(problem.L, problem.mu)
    method = HeavyBall(momentum)
    vectors = np.linalg.eigh(problem.hessian)[1]
    starts = [*np.random.default_rng(0).normal(size=(5, 20)), vectors[:, 0], vectors[:, -1]]
    for x0 in starts:
        run = minimize(problem, method, x0, step_size=step_size, max_steps=200, trace=True)
        gaps = run.gaps
        bound = bound_heavy_ball_on_quadratics(k, L=problem.L, mu=problem.mu, first_gap=gaps[0])
        # ends early where the gradient is exactly zero
        assert (gaps <= bound[: len(gaps)] * (1 + 1e-9) + 1e-25).all()
    seen = gaps > 1e-12 * gaps[0]
    np.testing.assert_allclose(gaps[seen], bound[: len(gaps)][seen], rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: convergence_rate(GradientDescent(), step_size=1.0, L=1.0, mu=2.0), "mu is 2.0"),
        (lambda: search_best_tuning(HeavyBall, L=1.0, mu=0.0), "mu is 0.0"),
        (lambda: stability_limit_heavy_ball(0.5, L=-1.0), "L is -1.0"),
        (lambda: stability_limit_nesterov(0.5, L=0.0), "L is 0.0"),
        (lambda: critical_momentum_heavy_ball(4.0), "reach is 4.0"),
        (lambda: critical_momentum_heavy_ball(-1.0), "reach is -1.0"),
    ],
)
def test_bad_input_is_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()
