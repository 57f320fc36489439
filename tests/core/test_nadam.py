"""Conventions of NAdam against their owners; TensorFlow's: tests/optim/test_frameworks.py."""

from __future__ import annotations

import sys

import jax
import numpy as np
import optax
import pytest
import torch

from nagcore.core.nadam import NADAM_CONVENTIONS, NAdam

STEPS, LR = 200, 0.03
GRADS = np.random.default_rng(0).normal(size=(STEPS, 5)) * np.array([1.0, 10.0, 0.1, 1e-4, 3.0])
START = np.arange(5.0)


def follow(rule):
    """Return the iterates of a rule along the gradients given."""
    state, path = rule.init(START), []
    for grad in GRADS:
        state = rule.step(state, grad, LR)
        path.append(state.x)
    return np.array(path)


def torch_path():
    p = torch.tensor(START, requires_grad=True)
    optimizer, path = torch.optim.NAdam([p], lr=LR), []
    for grad in GRADS:
        p.grad = torch.tensor(grad)
        optimizer.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)


def test_torch_with_its_product_of_momenta_kept_in_double_precision(monkeypatch):
    module = sys.modules["torch.optim.nadam"]
    monkeypatch.setattr(module, "_get_scalar_dtype", lambda *_, **__: torch.float64)
    ours = follow(NADAM_CONVENTIONS["torch"])
    np.testing.assert_allclose(ours, torch_path(), rtol=1e-12, atol=1e-13)


def test_torch_as_it_is_departs_by_the_rounding_of_that_product():
    """The product is a float32, whose last bit is 6e-8; it matters while the product is near 1."""
    apart = np.abs(follow(NADAM_CONVENTIONS["torch"]) - torch_path()).max()
    assert 1e-12 < apart < 1e-7


def test_optax_has_a_constant_momentum():
    with jax.enable_x64(True):
        solver = optax.nadam(LR)
        x = jax.numpy.asarray(START)
        state, path = solver.init(x), []
        for grad in GRADS:
            updates, state = solver.update(jax.numpy.asarray(grad), state)
            x = optax.apply_updates(x, updates)
            path.append(np.asarray(x))
    ours = follow(NADAM_CONVENTIONS["constant"])
    np.testing.assert_allclose(ours, path, rtol=1e-12, atol=1e-13)
    assert np.abs(ours - follow(NADAM_CONVENTIONS["torch"])).max() > 1e-3


def test_the_paper_written_out():
    """Algorithm 2 of Dozat, coordinate by coordinate, with the products taken anew each time."""
    mu = [0.9 * (1 - 0.5 * 0.96 ** (j / 250)) for j in range(STEPS + 2)]
    nu, eps = 0.999, 1e-8
    theta, m, n, path = START.copy(), np.zeros(5), np.zeros(5), []
    for t in range(1, STEPS + 1):
        until_now, until_next = np.prod(mu[1 : t + 1]), np.prod(mu[1 : t + 2])
        for i, g in enumerate(GRADS[t - 1]):
            m[i] = mu[t] * m[i] + (1 - mu[t]) * g
            n[i] = nu * n[i] + (1 - nu) * g * g
            m_hat = mu[t + 1] * m[i] / (1 - until_next) + (1 - mu[t]) * g / (1 - until_now)
            n_hat = nu * n[i] / (1 - nu**t)
            theta[i] -= LR / (np.sqrt(n_hat) + eps) * m_hat
        path.append(theta.copy())
    ours = follow(NADAM_CONVENTIONS["dozat"])
    np.testing.assert_allclose(ours, path, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", NADAM_CONVENTIONS)
def test_no_two_conventions_are_the_same_method(name):
    ours = follow(NADAM_CONVENTIONS[name])
    for other, rule in NADAM_CONVENTIONS.items():
        assert (np.abs(follow(rule) - ours).max() > 1e-3) == (other != name), other


def test_the_default_is_that_of_torch():
    assert NAdam() == NADAM_CONVENTIONS["torch"]
    defaults = torch.optim.NAdam([torch.zeros(1)]).defaults
    assert (*defaults["betas"], defaults["eps"]) == (0.9, 0.999, 1e-8)
    assert defaults["momentum_decay"] == NAdam().decay
