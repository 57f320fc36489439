"""Muon against torch.optim.Muon, the singular value decomposition, and its two momenta."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from nagcore.core import Schedule2013
from nagcore.core.muon import COEFFICIENTS, MUON_SCALES, Muon, orthogonalize
from nagcore.errors import UsageError

SHAPES = [(4, 4), (6, 3), (3, 7)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape)


def follow(rule, grads, lr=0.02):
    state = rule.init(np.zeros(grads.shape[1:]))
    path = []
    for grad in grads:
        state = rule.step(state, grad, lr)
        path.append(state.x)
    return np.array(path)


def torch_path(grads, scale, lr=0.02):
    p = torch.zeros(*grads.shape[1:], dtype=torch.float64)
    options = {"momentum": 0.9, "weight_decay": 0.0, "adjust_lr_fn": scale}
    optimizer, path = torch.optim.Muon([p], lr=lr, **options), []
    for grad in grads:
        p.grad = torch.tensor(grad)
        optimizer.step()
        path.append(p.numpy().copy())
    return np.array(path)


@shapes
@pytest.mark.parametrize("scale", MUON_SCALES)
def test_torch_with_its_orthogonalization_in_double_precision(shape, scale, monkeypatch):
    def in_double(grad, coefficients, steps, eps):
        assert (coefficients, steps, eps) == (COEFFICIENTS, 5, 1e-7)
        return orthogonalize(grad, steps)

    module = sys.modules["torch.optim._muon"]
    monkeypatch.setattr(module, "_zeropower_via_newtonschulz", in_double)
    grads = normal(50, *shape)
    ours = follow(Muon(0.9, scale=scale), grads)
    np.testing.assert_allclose(ours, torch_path(grads, scale), rtol=1e-12, atol=1e-14)


@shapes
def test_torch_as_it_is_to_the_precision_of_bfloat16(shape):
    """It orthogonalizes in bfloat16, whose last bit is 2⁻⁸; the iteration enlarges that."""
    grads = normal(1, *shape)
    ours, torchs = follow(Muon(0.9), grads), torch_path(grads, "original")
    size = np.linalg.norm(ours[0], 2)
    assert 1e-6 * size < np.linalg.norm(ours[0] - torchs[0], 2) < 0.1 * size


@shapes
def test_singular_vectors_stay_and_singular_values_come_near_one(shape):
    matrix = normal(*shape)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    assert values[0] / values[-1] < 100
    expected = values / (np.linalg.norm(matrix) + 1e-7)
    for _ in range(5):
        a, b, c = COEFFICIENTS
        expected = a * expected + b * expected**3 + c * expected**5
    np.testing.assert_allclose(orthogonalize(matrix), left * expected @ right, atol=1e-12)
    assert 0.68 < expected.min() <= expected.max() < 1.21
    distance = np.linalg.norm(orthogonalize(matrix) - left @ right, 2)  # from the polar factor
    assert distance < 0.33


@shapes
def test_numpy_and_torch_give_the_same_matrix(shape):
    matrix = normal(*shape)
    with_torch = orthogonalize(torch.tensor(matrix)).numpy()
    np.testing.assert_allclose(orthogonalize(matrix), with_torch, rtol=1e-12, atol=1e-14)


def test_the_zero_matrix_stays_zero():
    assert not orthogonalize(np.zeros((3, 2))).any()


@shapes
def test_sum_and_average_give_one_path_while_the_momentum_is_constant(shape):
    grads = normal(40, *shape)
    averaged, summed = (follow(Muon(0.9, c), grads) for c in ("averaged", "sum"))
    np.testing.assert_allclose(averaged, summed, rtol=0, atol=1e-6 * np.abs(summed).max())


def test_sum_and_average_part_when_the_momentum_changes():
    """Up to the first change they agree; from then on the sum is no multiple of the average."""
    grads = normal(40, 4, 4)
    momentum = Schedule2013(maximum=0.95, period=20)
    averaged, summed = (follow(Muon(momentum, c), grads) for c in ("averaged", "sum"))
    np.testing.assert_allclose(averaged[:20], summed[:20], rtol=0, atol=1e-6)
    assert np.abs(averaged[-1] - summed[-1]).max() > 1e-3


def test_the_size_of_an_entry_is_about_that_of_adamw_with_the_second_scale():
    """Which the paper measured at 0.2 to 0.4 of the step size."""
    for shape in ((64, 64), (128, 32), (32, 128)):
        step = follow(Muon(0.9, scale="match_rms_adamw"), normal(1, *shape), lr=1.0)[0]
        assert np.sqrt(np.mean(step**2)) == pytest.approx(0.2, rel=0.2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Muon(momentum=1.0), r"momentum is 1\.0"),
        (lambda: Muon(convention="ema"), "convention is 'ema', expected one of averaged, sum"),
        (lambda: Muon(scale="rms"), "scale is 'rms', expected one of original, match_rms_adamw"),
        (lambda: Muon(steps=-1), "steps is -1"),
        (lambda: Muon().init(np.zeros(3)), r"x0 has shape \(3,\), expected a matrix"),
    ],
)
def test_bad_values_are_refused(make, words):
    with pytest.raises(UsageError, match=words):
        make()
