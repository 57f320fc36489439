"""Momentum sequences against their published definitions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagcore.core import (
    HeavyBall,
    Momentum1983,
    Schedule2013,
    SimplifiedMomentum,
    StronglyConvexMomentum,
    extrapolation,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
    tune_nesterov_on_quadratics,
)
from nagcore.core.momentum import ChambolleDossalMomentum, VariableStronglyConvexMomentum
from nagcore.errors import UsageError


def test_extrapolation_solves_its_quadratic_equation():
    for k in range(1, 200):
        t, before = extrapolation(k), extrapolation(k - 1)
        assert t * t - t == pytest.approx(before * before, rel=1e-12)


def test_extrapolation_grows_at_least_like_half_the_index():
    assert all(extrapolation(k) >= (k + 2) / 2 for k in range(500))


def test_the_sequence_of_1983_and_its_simplification_agree_in_the_limit():
    k = 5000
    assert Momentum1983()(k) == pytest.approx(SimplifiedMomentum()(k), abs=1e-5)


def test_schedule_2013_equals_the_formula_of_the_paper():
    schedule = Schedule2013(maximum=0.999)
    for k in range(0, 130_000, 97):
        published = min(1 - 2 ** (-1 - math.log2(k // 250 + 1)), 0.999)
        assert schedule(k) == pytest.approx(published, rel=1e-14)


def test_schedule_2013_reaches_0_999_at_the_published_step():
    schedule = Schedule2013(maximum=0.9999)
    assert schedule(124_749) < 0.999 <= schedule(124_750)


@given(st.integers(0, 10_000))
def test_every_sequence_stays_in_range(k):
    for sequence in (
        Momentum1983(),
        SimplifiedMomentum(),
        Schedule2013(),
        StronglyConvexMomentum(10.0, 1.0),
        VariableStronglyConvexMomentum(10.0, 1.0),
        VariableStronglyConvexMomentum(10.0, 0.0),
        ChambolleDossalMomentum(4.0),
    ):
        assert 0 <= sequence(k) < 1


def test_the_variable_sequence_without_strong_convexity_is_that_of_1983():
    sequence = VariableStronglyConvexMomentum(3.0, 0.0)
    assert [sequence(k) for k in range(300)] == pytest.approx(
        [Momentum1983()(k) for k in range(300)], rel=1e-12
    )


@pytest.mark.parametrize("condition_number", [1.5, 10.0, 1e4])
def test_the_variable_sequence_tends_to_the_constant_and_solves_its_equation(condition_number):
    q = 1 / condition_number
    sequence = VariableStronglyConvexMomentum(1.0, q)
    constant = StronglyConvexMomentum(1.0, q)
    assert sequence(4000) == pytest.approx(constant(0), rel=1e-9)
    for k in range(1, 100):
        t, before = sequence.t(k), sequence.t(k - 1)
        assert t * t - t == pytest.approx((1 - q * t) * before * before, rel=1e-9)
        # Nesterov's own form of it, with a = 1/t
        a, b = 1 / before, 1 / t
        assert sequence(k) == pytest.approx(a * (1 - a) / (a * a + b), rel=1e-9, abs=1e-12)


def test_chambolle_and_dossal_keep_the_inequality_that_the_bound_needs():
    for a in (2.0, 2.5, 3.0, 10.0):
        t = [(k + a) / a for k in range(200)]
        assert all(t[k] ** 2 - t[k] <= t[k - 1] ** 2 + 1e-9 for k in range(1, 200))
        sequence = ChambolleDossalMomentum(a)
        for k in range(1, 199):
            assert sequence(k) == pytest.approx((t[k - 1] - 1) / t[k], abs=1e-15)
    assert [ChambolleDossalMomentum(2)(k) for k in range(50)] == [
        SimplifiedMomentum()(k) for k in range(50)
    ]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ChambolleDossalMomentum(1.9), r"a is 1\.9, expected 2 or more"),
        (lambda: ChambolleDossalMomentum(math.nan), "a is nan"),
        (lambda: VariableStronglyConvexMomentum(1.0, 2.0), "expected mu <= L"),
        (lambda: VariableStronglyConvexMomentum(1.0, 1.0), "expected mu < L"),
        (lambda: VariableStronglyConvexMomentum(0.0, 0.0), r"L is 0\.0"),
        (lambda: VariableStronglyConvexMomentum(1.0, -0.5), r"mu is -0\.5"),
    ],
)
def test_bad_sequences_are_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()


@given(st.floats(1e-3, 1e3), st.floats(1.0, 1e6))
def test_tunings_make_every_eigenvalue_contract(L, condition_number):
    """Heavy ball and Nesterov on a quadratic are 2×2 linear maps; their spectral radii decide."""
    mu = L / condition_number
    for eigenvalue in (mu, L, math.sqrt(mu * L)):
        alpha, _ = tune_gradient_descent(L, mu)
        assert abs(1 - alpha * eigenvalue) <= (L - mu) / (L + mu) + 1e-12
        alpha, beta = tune_heavy_ball(L, mu)
        assert _radius(1 + beta - alpha * eigenvalue, beta) <= math.sqrt(beta) + 1e-6
        alpha, beta = tune_nesterov_on_quadratics(L, mu)
        rate = 1 - 2 / math.sqrt(3 * L / mu + 1)
        factor = 1 - alpha * eigenvalue
        assert _radius((1 + beta) * factor, beta * factor) <= rate + 1e-6
        alpha, beta = tune_nesterov(L, mu)
        factor = 1 - alpha * eigenvalue
        assert _radius((1 + beta) * factor, beta * factor) <= 1 - math.sqrt(mu / L) + 1e-6


def _radius(trace: float, determinant: float) -> float:
    """Return the spectral radius of [[trace, −determinant], [1, 0]]."""
    discriminant = trace * trace - 4 * determinant
    if discriminant < 0:
        return math.sqrt(determinant)
    return max(abs(trace + math.sqrt(discriminant)), abs(trace - math.sqrt(discriminant))) / 2


@pytest.mark.parametrize(("L", "mu"), [(1.0, 2.0), (1.0, 0.0), (-1.0, -2.0), (math.inf, 1.0)])
@pytest.mark.parametrize(
    "make", [tune_gradient_descent, tune_heavy_ball, tune_nesterov, StronglyConvexMomentum]
)
def test_constants_in_the_wrong_order_are_refused(make, L, mu):
    with pytest.raises(UsageError, match="expected 0 < mu <= L"):
        make(L, mu)


@pytest.mark.parametrize("arguments", [{"maximum": 1.0}, {"period": 0}])
def test_a_bad_schedule_is_refused(arguments):
    with pytest.raises(UsageError, match=next(iter(arguments))):
        Schedule2013(**arguments)


@pytest.mark.parametrize("condition_number", [25.0, 1e4])
def test_tuned_heavy_ball_grows_along_the_steepest_direction_before_it_decays(condition_number):
    """The closed form that chapter 03 states, with its peak near √κ/2 steps."""
    alpha, beta = tune_heavy_ball(1.0, 1 / condition_number)
    method = HeavyBall(beta)
    state = method.init(1.0)
    root, errors = math.sqrt(condition_number), [1.0]
    for k in range(1, int(3 * root)):
        state = method.step(state, method.query(state), alpha)
        closed = (-math.sqrt(beta)) ** k * (1 + 2 * k / (1 + 1 / root))
        assert state.x == pytest.approx(closed, rel=1e-6, abs=1e-9)
        errors.append(abs(state.x))
    assert max(errors) > 1.5
    assert errors.index(max(errors)) == pytest.approx(root / 2, abs=2)
