"""The schedule-free rules against their authors' package, and the three sequences against two."""

from __future__ import annotations

import numpy as np
import pytest
import schedulefree
import torch

from nagcore.core.schedule_free import ScheduleFree, ScheduleFreeAdamW, ScheduleFreeOffset
from nagcore.errors import UsageError

STEPS = 200
rng = np.random.default_rng(2)
ROOT = rng.normal(size=(5, 5)) / 3
HESSIAN = ROOT @ ROOT.T + 0.1 * np.eye(5)
START = rng.normal(size=5)
# warmed up from 0, and down again, and up: the largest step size so far stays in the weights
SIZES = 0.1 * np.concatenate(
    [np.linspace(0, 1, 40), np.linspace(1, 0.05, 100), np.linspace(0.05, 2, 60)]
)
constants = pytest.mark.parametrize(("power", "r"), [(2.0, 0.0), (0.0, 0.0), (1.0, 2.0)])


def grad(y):
    return HESSIAN @ y + 0.5 * np.sin(y)


def follow(method, sizes=SIZES):
    """Return the query points and the averages after each step."""
    state, queries, averages = method.init(START), [], []
    for size in sizes:
        state = method.step(state, grad(method.query(state)), float(size))
        queries.append(method.query(state))
        averages.append(state.x)
    return np.array(queries), np.array(averages)


def follow_owner(make):
    p = torch.tensor(START)
    optimizer, queries, averages = make([p]), [], []
    optimizer.train()
    for size in SIZES:
        optimizer.param_groups[0]["lr"] = float(size)
        p.grad = torch.tensor(grad(p.numpy()))
        optimizer.step()
        queries.append(p.numpy().copy())
        optimizer.eval()
        averages.append(p.numpy().copy())
        optimizer.train()
        p.copy_(torch.tensor(queries[-1]))  # it comes back with a rounding error
    return np.array(queries), np.array(averages)


def both_forms(inner, wrap=lambda method: method):
    return [wrap(inner), wrap(ScheduleFreeOffset(inner))]


@constants
@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_sgd_of_the_authors(momentum, power, r):
    options = {"lr": 1.0, "momentum": momentum, "weight_lr_power": power, "r": r}
    owner = follow_owner(
        lambda p: schedulefree.SGDScheduleFree(p, weight_decay=0.0, foreach=False, **options)
    )
    for method in both_forms(ScheduleFree(momentum, power, r)):
        for ours, theirs in zip(follow(method), owner, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


@constants
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adamw_of_the_authors(weight_decay, power, r):
    options = {"betas": (0.8, 0.99), "weight_decay": weight_decay, "r": r}
    owner = follow_owner(
        lambda p: schedulefree.AdamWScheduleFree(
            p, lr=1.0, eps=1e-6, weight_lr_power=power, foreach=False, **options
        )
    )
    adamw = {"beta2": 0.99, "eps": 1e-6, "weight_decay": weight_decay}
    for method in both_forms(
        ScheduleFree(0.8, power, r), lambda inner: ScheduleFreeAdamW(inner, **adamw)
    ):
        for ours, theirs in zip(follow(method), owner, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def test_weight_decay_of_the_authors_sgd_is_that_of_the_gradient():
    owner = follow_owner(
        lambda p: schedulefree.SGDScheduleFree(p, lr=1.0, weight_decay=0.1, foreach=False)
    )
    method = ScheduleFree()
    state = method.init(START)
    for size, theirs in zip(SIZES, owner[0], strict=True):
        y = method.query(state)
        state = method.step(state, grad(y) + 0.1 * y, float(size))
        np.testing.assert_allclose(method.query(state), theirs, rtol=1e-12, atol=1e-13)


def test_two_sequences_are_the_three_ones_whatever_changes():
    """Momentum and step size at every step, translated there and back on the way."""
    inner = ScheduleFree(lambda k: 0.9 - 0.4 * np.cos(k) ** 2)
    offset = ScheduleFreeOffset(inner)
    state = inner.init(START)
    other = offset.init(START)
    for size in SIZES:
        g = grad(inner.query(state))
        state = inner.step(state, g, float(size))
        other = offset.step(other, g, float(size))
        ours, query = offset.query(other), inner.query(state)
        np.testing.assert_allclose(ours, query, rtol=1e-12, atol=1e-13)
        for back in (offset.leave(other), offset.leave(offset.enter(state))):
            for a, b in zip(state, back, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
        other = offset.enter(offset.leave(other))


def test_the_average_is_the_weighted_mean_of_the_base_iterates():
    method = ScheduleFree(0.9, power=1.5, r=0.5)
    state, bases = method.init(START), []
    for size in SIZES:
        state = method.step(state, grad(method.query(state)), float(size))
        bases.append(state.z)
    weights = np.arange(1, STEPS + 1) ** 0.5 * np.maximum.accumulate(SIZES) ** 1.5
    np.testing.assert_allclose(state.x, weights @ np.array(bases) / weights.sum(), rtol=1e-12)


def test_a_step_of_size_zero_leaves_everything_where_it_was():
    for method in both_forms(ScheduleFree(0.9)):
        state = method.step(method.init(START), grad(START), 0.0)
        assert np.array_equal(state.x, START)
        assert np.array_equal(method.query(state), START)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ScheduleFree(momentum=1.0), r"momentum is 1\.0"),
        (lambda: ScheduleFree(power=-1.0), r"power is -1\.0"),
        (lambda: ScheduleFree(r=float("inf")), "r is inf"),
        (lambda: ScheduleFreeAdamW(beta2=1.0), r"beta2 is 1\.0"),
        (lambda: ScheduleFreeAdamW(eps=-1e-8), "eps is -1e-08"),
        (lambda: ScheduleFreeAdamW(weight_decay=-0.1), r"weight_decay is -0\.1"),
    ],
)
def test_bad_values_are_refused(make, words):
    with pytest.raises(UsageError, match=words):
        make()
