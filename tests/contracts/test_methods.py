"""What every rule of nagcore.core must do, walked over one table."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from nagcore.core import (
    GradientDescent,
    HeavyBall,
    Nesterov,
    Schedule2013,
    SimplifiedMomentum,
    StronglyConvexMomentum,
    extrapolation,
)
from nagcore.core.adam import Adam
from nagcore.core.adan import Adan
from nagcore.core.exact import ITEM
from nagcore.core.lbfgs import LBFGS
from nagcore.core.momentum import ChambolleDossalMomentum, VariableStronglyConvexMomentum
from nagcore.core.nadam import NADAM_CONVENTIONS
from nagcore.core.optimized import OGM, OGMG
from nagcore.core.proximal import FISTA, ProximalGradient
from nagcore.core.regularizers import Zero
from nagcore.core.restart import GradientRestart, Restarted
from nagcore.core.schedule_free import ScheduleFree, ScheduleFreeAdamW, ScheduleFreeOffset
from nagcore.core.three_sequences import ThreeSequences
from nagcore.core.tuning import tune_robust_momentum, tune_triple_momentum
from nagcore.errors import UsageError

STEPS = 400

PURE = {
    "gradient descent": GradientDescent(),
    "heavy ball": HeavyBall(0.5),
    "heavy ball, 2013": HeavyBall(Schedule2013(maximum=0.9, period=3)),
    "Nesterov, 1983": Nesterov(),
    "Nesterov, simplified": Nesterov(SimplifiedMomentum()),
    "Nesterov, constant": Nesterov(0.5),
    "Nesterov, from L and mu": Nesterov(StronglyConvexMomentum(L=4.0, mu=1.0)),
    "Nesterov, variable": Nesterov(VariableStronglyConvexMomentum(L=4.0, mu=1.0)),
    "Nesterov, Chambolle–Dossal": Nesterov(ChambolleDossalMomentum(3.0)),
    "Nesterov, 2013": Nesterov(Schedule2013(maximum=0.9, period=3)),
    "three sequences": ThreeSequences(L=4.0, mu=0.0),
    "three sequences, strongly convex": ThreeSequences(L=4.0, mu=1.0),
    "OGM": OGM(STEPS),
    "OGM, any number of steps": OGM(),
    "OGM-G": OGMG(STEPS),
    "triple momentum": tune_triple_momentum(4.0, 1.0).method,
    "robust momentum": tune_robust_momentum(4.0, 1.0).method,
    "ITEM": ITEM(4.0, 1.0),
    "proximal gradient": ProximalGradient(Zero().prox),
    "FISTA": FISTA(Zero().prox),
    "schedule-free": ScheduleFree(0.5),
    "schedule-free, offset": ScheduleFreeOffset(ScheduleFree(0.5)),
}
ADAPTIVE = {
    "Adam": Adam(),
    **{f"NAdam, {name}": rule for name, rule in NADAM_CONVENTIONS.items()},
    "Adan": Adan(),
    "schedule-free AdamW": ScheduleFreeAdamW(),
    "schedule-free AdamW, offset": ScheduleFreeAdamW(ScheduleFreeOffset(ScheduleFree())),
    "L-BFGS": LBFGS(),
    "restarted": Restarted(Nesterov(), GradientRestart()),
}
METHODS = PURE | ADAPTIVE
# what the first step is: a gradient step, or one whose length the method scales
PLAIN = [name for name in PURE if not name.startswith(("OGM", "triple", "robust", "ITEM"))]
pure_methods = pytest.mark.parametrize("method", PURE.values(), ids=PURE.keys())
methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())

CURVATURE = (1.0, 4.0)
START = (3.0, -2.0)


def run(method, x0, gradient, step_sizes):
    """Return the iterates of `method`, one for each step size, from x0 on."""
    state = method.init(x0)
    iterates = [state.x]
    for step_size in step_sizes:
        state = method.step(state, gradient(method.query(state)), step_size)
        iterates.append(state.x)
    return iterates


def assert_same_state(one, other):
    if isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same_state(a, b)
    else:
        assert np.array_equal(one, other)


CHANGING_STEPS = [0.25 / (1 + 0.1 * k) for k in range(12)]


@methods
def test_numpy_and_torch_give_the_same_numbers(method):
    with_numpy = run(method, np.array(START), lambda y: np.array(CURVATURE) * y, CHANGING_STEPS)
    curvature = torch.tensor(CURVATURE, dtype=torch.float64)
    start = torch.tensor(START, dtype=torch.float64)
    with_torch = run(method, start, lambda y: curvature * y, CHANGING_STEPS)
    # torch's power of a half is not NumPy's square root to the last bit
    tolerance = 0 if method in PURE.values() else 1e-13
    for a, b in zip(with_numpy, with_torch, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=tolerance, atol=0)


@pure_methods
def test_exact_arithmetic_agrees_to_rounding(method):
    """Fractions have no norm, no shape and no float: only +, − and products with numbers."""

    class Exact(Fraction):
        def __mul__(self, other):  # pyright: ignore[reportIncompatibleMethodOverride]
            return Exact(Fraction(self) * Fraction(other))

        __rmul__ = __mul__  # pyright: ignore[reportAssignmentType]

        def __add__(self, other):  # pyright: ignore[reportIncompatibleMethodOverride]
            return Exact(Fraction(self) + other)

        def __sub__(self, other):  # pyright: ignore[reportIncompatibleMethodOverride]
            return Exact(Fraction(self) - other)

    exact = run(method, Exact(3), lambda y: Exact(2) * y, CHANGING_STEPS)
    rounded = run(method, 3.0, lambda y: 2.0 * y, CHANGING_STEPS)
    assert [float(x) for x in exact] == pytest.approx(rounded, rel=1e-12, abs=1e-14)


@methods
def test_a_step_changes_nothing_but_what_it_returns(method):
    x0, grad = np.array(START), np.array([0.5, 0.25])
    state = method.step(method.init(x0), grad, 0.1)
    before = copy.deepcopy(state)
    first = method.step(state, grad, 0.1)
    second = method.step(state, grad, 0.1)
    assert_same_state(before, state)
    assert_same_state(first, second)
    assert x0.tolist() == list(START)
    assert grad.tolist() == [0.5, 0.25]


@pytest.mark.parametrize("method", [PURE[name] for name in PLAIN], ids=PLAIN)
def test_the_first_step_is_a_gradient_step(method):
    state = method.init(np.array(START))
    assert np.array_equal(method.query(state), START)
    after = method.step(state, np.array([1.0, 2.0]), 0.25)
    assert after.x.tolist() == [2.75, -2.5]
    assert after.k == 1


FAST = [name for name in METHODS if name not in ("OGM", "OGM-G")]


@pytest.mark.parametrize("method", [METHODS[name] for name in FAST], ids=FAST)
def test_converges_on_a_quadratic(method):
    last = run(method, np.array(START), lambda y: np.array(CURVATURE) * y, [0.25] * STEPS)[-1]
    assert np.abs(last).max() < 1e-3


@pytest.mark.parametrize("method", [OGM(STEPS), OGMG(STEPS)], ids=["OGM", "OGM-G"])
def test_the_optimal_method_attains_its_worst_case_along_the_steepest_direction(method):
    """Along it the gradient is L x, and the gap falls no faster than the bound L R²/(2 θ_n²)."""
    last = run(method, np.array(START), lambda y: np.array(CURVATURE) * y, [0.25] * STEPS)[-1]
    assert abs(last[0]) < 1e-12
    theta = (1 + math.sqrt(1 + 8 * extrapolation(STEPS - 1) ** 2)) / 2
    assert abs(last[1]) == pytest.approx(abs(START[1]) / theta, rel=1e-9)


@methods
def test_translation_of_the_problem_translates_the_iterates(method):
    shift = np.array([10.0, -5.0])
    here = run(method, np.array(START), lambda y: np.array(CURVATURE) * y, [0.2] * 10)
    there = run(
        method, np.array(START) + shift, lambda y: np.array(CURVATURE) * (y - shift), [0.2] * 10
    )
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(a + shift, b, atol=1e-12)


@pytest.mark.parametrize("make", [HeavyBall, Nesterov])
@pytest.mark.parametrize("momentum", [1.0, -0.1, float("nan"), 2, True, "0.9"])
def test_a_momentum_outside_its_range_is_refused_by_value(make, momentum):
    with pytest.raises(UsageError, match=r"momentum is .*expected a number in \[0, 1\)") as error:
        make(momentum)
    assert repr(momentum) in str(error.value)
