"""Proximal operators against a conic solver, their variational inequality and Moreau's identity."""

from __future__ import annotations

import math

import cvxpy
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nagcore.core.regularizers import L1, Box, ElasticNet, GroupNorm, Simplex, Zero
from nagcore.errors import UsageError

SIZE = 5
GROUPS = ((0, 3), (1,), (4, 2))
REGULARIZERS = {
    "zero": Zero(),
    "l1": L1(0.7),
    "elastic net": ElasticNet(l1=0.7, l2=1.5),
    "box": Box(-0.4, 1.3),
    "box of arrays": Box(np.linspace(-1, 0, SIZE), np.linspace(0, 3, SIZE)),
    "not negative": Box(0.0),
    "simplex": Simplex(2.0),
    "groups": GroupNorm(0.8, GROUPS),
    "weighted groups": GroupNorm((0.2, 0.0, 2.0), GROUPS),
}
SETS = ("box", "box of arrays", "not negative", "simplex")
regularizers = pytest.mark.parametrize("h", REGULARIZERS.values(), ids=REGULARIZERS.keys())
points = arrays(float, SIZE, elements=st.floats(-10, 10, allow_subnormal=False))
step_sizes = st.floats(1e-3, 10)


def as_cvxpy(h, u):
    """Return h(u) and its constraints, written anew in the modelling language."""
    match h:
        case Zero():
            return 0, []
        case L1():
            return h.weight * cvxpy.norm1(u), []
        case ElasticNet():
            return h.l1 * cvxpy.norm1(u) + h.l2 / 2 * cvxpy.sum_squares(u), []
        case Box():
            return 0, [u >= h.low] + ([u <= h.high] if np.isfinite(h.high).all() else [])
        case Simplex():
            return 0, [u >= 0, cvxpy.sum(u) == h.total]
        case GroupNorm():
            weights = np.broadcast_to(h.weight, len(h.groups))
            parts = zip(weights, h.groups, strict=True)
            return sum(w * cvxpy.norm2(u[list(g)]) for w, g in parts), []
    raise AssertionError(h)


@regularizers
@pytest.mark.parametrize("seed", range(3))
def test_prox_is_what_a_conic_solver_finds(h, seed):
    v, step_size = np.random.default_rng(seed).normal(scale=1.5, size=SIZE), 0.5 + seed
    u = cvxpy.Variable(SIZE)
    value, constraints = as_cvxpy(h, u)
    objective = cvxpy.Minimize(value + cvxpy.sum_squares(u - v) / (2 * step_size))
    tolerances = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-12)
    cvxpy.Problem(objective, constraints).solve(solver=cvxpy.CLARABEL, **tolerances)
    minimum = np.array(objective.value, dtype=float)
    ours = h.prox(v, step_size)
    np.testing.assert_allclose(ours, np.array(u.value, dtype=float), atol=2e-6)
    assert h.value(ours) + (ours - v) @ (ours - v) / (2 * step_size) <= minimum + 1e-10


@regularizers
@given(v=points, other=points, step_size=step_sizes)
def test_prox_solves_its_variational_inequality(h, v, other, step_size):
    """(v − p)/α is a subgradient of the μ-strongly convex h at p, which only the prox fulfils."""
    p = h.prox(v, step_size)
    u = h.prox(other, 1.0)  # in the domain of h
    bound = h.value(p) + (v - p) @ (u - p) / step_size + h.mu / 2 * (u - p) @ (u - p)
    assert h.value(u) >= bound - 1e-9 * (1 + abs(bound)) / step_size


@regularizers
@given(v=points, w=points, step_size=step_sizes)
def test_prox_is_firmly_non_expansive_and_contracts_by_mu(h, v, w, step_size):
    p, q = h.prox(v, step_size), h.prox(w, step_size)
    contraction = (1 + step_size * h.mu) * (p - q) @ (p - q)
    assert contraction <= (p - q) @ (v - w) + 1e-9 * (1 + contraction)


@given(v=points, step_size=step_sizes, weight=st.floats(0, 5))
def test_l1_and_the_box_are_conjugate(v, step_size, weight):
    """Moreau: v = prox_{αh}(v) + α prox_{h*/α}(v/α); h* of λ‖·‖₁ is the box of half-width λ."""
    rest = step_size * Box(-weight, weight).prox(v / step_size, 1 / step_size)
    np.testing.assert_allclose(L1(weight).prox(v, step_size) + rest, v, atol=1e-12)


@given(v=points, step_size=step_sizes)
def test_the_largest_entry_and_the_simplex_are_conjugate(v, step_size):
    """prox of α max(·) is v − α (projection of v/α on the simplex): levels the largest entries."""
    prox_of_max = v - step_size * Simplex().prox(v / step_size, 1.0)
    levelled = abs(prox_of_max - v) > 1e-9
    np.testing.assert_allclose(prox_of_max[levelled], prox_of_max.max(), atol=1e-9)
    assert (v - prox_of_max).sum() == pytest.approx(step_size)


@regularizers
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_tensors_and_arrays_give_the_same(h, dtype):
    v = np.random.default_rng(5).normal(size=SIZE).astype(str(dtype).removeprefix("torch."))
    if isinstance(h, Box) and isinstance(h.low, np.ndarray):
        twin = Box(torch.tensor(h.low, dtype=dtype), torch.tensor(h.high, dtype=dtype))
    else:
        twin = h
    ours, theirs = h.prox(v, 0.3), twin.prox(torch.tensor(v), 0.3)
    assert theirs.dtype == dtype
    rounding = 1e-15 if dtype == torch.float64 else 1e-6
    np.testing.assert_allclose(ours, theirs.numpy(), atol=rounding)
    assert isinstance(twin.value(theirs), float)
    assert twin.value(theirs) == pytest.approx(h.value(ours), rel=10 * rounding)


def test_a_tensor_as_one_bound_only():
    v = torch.tensor([-1.0, 0.5, 2.0])
    assert Box(low=torch.tensor([0.0, 1.0, 0.0])).prox(v, 1.0).tolist() == [0.0, 1.0, 2.0]


@regularizers
def test_a_prox_leaves_its_argument_alone(h):
    v = np.linspace(-2, 2, SIZE)
    h.prox(v, 0.5)
    np.testing.assert_array_equal(v, np.linspace(-2, 2, SIZE))


@pytest.mark.parametrize("name", SETS)
@given(v=points)
def test_indicators_are_zero_on_projections_and_infinite_outside(name, v):
    h = REGULARIZERS[name]
    p = h.prox(v, 1.0)
    assert h.value(p) == 0.0
    assert h.value(v) in (0.0, math.inf)
    distance = np.linalg.norm(v - p)
    if distance > 1e-3:
        assert h.value(p + 1e-3 * (v - p) / distance) == math.inf


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e12])
def test_simplex_keeps_its_sum_on_many_entries_of_any_scale(scale):
    v = scale * np.random.default_rng(0).normal(size=20_000) + 1e3 * scale
    p = Simplex(scale).prox(v, 1.0)
    assert p.min() >= 0
    assert p.sum() == pytest.approx(scale, rel=1e-12)
    assert Simplex(scale).value(p) == 0.0


@regularizers
def test_a_point_that_is_not_finite_is_handed_through(h):
    """So that a solver sees the divergence instead of an error of ours."""
    assert not np.isfinite(h.prox(np.array([np.nan] * SIZE), 1.0)).any()


@regularizers
@pytest.mark.parametrize("step_size", [0.0, -1.0, math.nan])
def test_a_step_size_that_is_not_positive_is_refused(h, step_size):
    with pytest.raises(UsageError, match="step_size is"):
        h.prox(np.ones(SIZE), step_size)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: L1(-1.0), "weight is -1.0"),
        (lambda: L1(math.nan), "weight is nan"),
        (lambda: ElasticNet(-1.0, 1.0), "l1 is -1.0"),
        (lambda: ElasticNet(1.0, math.inf), "l2 is inf"),
        (lambda: Box(1.0, 0.0), "low is 1.0 and high is 0.0"),
        (lambda: Box(np.zeros(2), np.array([1.0, -1.0])), "expected low <= high"),
        (lambda: Box(np.zeros(2), np.ones(3)), "of one shape"),
        (lambda: Box("a", 1.0), "low is 'a'"),
        (lambda: Box(math.nan), "low is nan"),
        (lambda: Simplex(0.0), "total is 0.0"),
        (lambda: GroupNorm(-1.0, GROUPS), "weight is -1.0"),
        (lambda: GroupNorm((1.0, 2.0), GROUPS), "weight has 2 entries and groups has 3"),
        (lambda: GroupNorm(1.0, ()), "at least one group"),
        (lambda: GroupNorm(1.0, ((0,), ())), "none empty"),
        (lambda: GroupNorm(1.0, (0, 1)), "lists of indices"),  # pyright: ignore[reportArgumentType]
        (lambda: GroupNorm(1.0, ((0, 1), (1, 2))), "index 1 stands in groups twice"),
        (lambda: GroupNorm(1.0, ((-1,),)), "an index of groups is -1"),
        (lambda: GroupNorm(1.0, ((0, 7),)).prox(np.ones(3), 1.0), r"shape \(3,\).*at least 8"),
    ],
)
def test_bad_regularizers_are_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()


def test_groups_of_whole_numbers_are_shortened_as_floats():
    h = GroupNorm(1.0, ((0, 1), (2,)))
    for make in (np.array, torch.tensor):
        shorter = h.prox(make([3, 4, 0]), 1.0)
        np.testing.assert_allclose(np.asarray(shorter), [2.4, 3.2, 0.0], rtol=1e-6)


@pytest.mark.parametrize("weights", [(0.2, 0.0, 2.0), [0.2, 0.0, 2.0], np.array([0.2, 0.0, 2.0])])
def test_weights_of_groups_may_come_in_any_sequence(weights):
    h, v = GroupNorm(weights, GROUPS), np.arange(SIZE) - 1.5
    np.testing.assert_array_equal(h.prox(v, 0.5), GroupNorm((0.2, 0.0, 2.0), GROUPS).prox(v, 0.5))
    assert hash(h) == hash(GroupNorm((0.2, 0.0, 2.0), GROUPS))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Box([0.0, 0.0], [1.0, 1.0]), r"low is \[0.0, 0.0\].*np\.array"),
        (lambda: Box(0.0, (1.0, 1.0)), r"high is \(1.0, 1.0\).*np\.array"),
        (lambda: Box("0", 1.0), "low is '0'"),
        (lambda: Box(np.empty(0), 1.0), "without entries"),
        (lambda: Box(math.inf, math.inf), "the box is empty"),
        (lambda: Box(high=-math.inf), "the box is empty"),
        (lambda: Box(np.zeros(2), np.ones(3)), "expected numbers or arrays of"),
        (lambda: Box(np.zeros(2), np.ones(1)), r"low has shape \(2,\) and high \(1,\)"),
        (lambda: Box(np.zeros(2), 1.0).prox(np.zeros(3), 1.0), r"shape \(3,\) and low \(2,\)"),
        (lambda: Box(0.0, np.ones(1)).prox(np.zeros(3), 1.0), r"shape \(3,\) and high \(1,\)"),
        (lambda: Box(0.0, np.ones(1)).value(np.zeros(3)), r"shape \(3,\) and high \(1,\)"),
        (lambda: GroupNorm("ab", ((0,), (1,))), "weight is 'ab'"),
        (lambda: GroupNorm(None, ((0,), (1,))), "weight is None"),
        (lambda: GroupNorm(np.ones(3), ((0,), (1,))), "weight has 3 entries and groups has 2"),
    ],
)
def test_bounds_and_weights_of_a_wrong_kind_are_refused(make, words):
    with pytest.raises(UsageError, match=words):
        make()
