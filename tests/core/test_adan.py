"""Adan against the authors' convention in pytorch_optimizer, and against Optax where it agrees."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
import pytorch_optimizer
import torch

from nagcore.core.adan import Adan

STEPS, LR = 200, 0.03
GRADS = np.random.default_rng(1).normal(size=(STEPS, 4)) * np.array([1.0, 10.0, 0.1, 1e-3])
START = np.arange(4.0) - 1


def follow(rule):
    state, path = rule.init(START), []
    for grad in GRADS:
        state = rule.step(state, grad, LR)
        path.append(state.x)
    return np.array(path)


@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
@pytest.mark.parametrize("betas", [(0.98, 0.92, 0.99), (0.5, 0.8, 0.9)])
def test_pytorch_optimizer(betas, weight_decay):
    """Its plain weight decay, not the one it calls decoupled, is the proximal one of the paper."""
    p = torch.tensor(START, requires_grad=True)
    options = {"lr": LR, "betas": betas, "weight_decay": weight_decay, "foreach": False}
    optimizer, path = pytorch_optimizer.Adan([p], **options), []
    for grad in GRADS:
        p.grad = torch.tensor(grad)
        optimizer.step()
        path.append(p.detach().numpy().copy())
    ours = follow(Adan(*betas, weight_decay=weight_decay))
    np.testing.assert_allclose(ours, path, rtol=1e-12, atol=1e-13)


def optax_path(betas):
    with jax.enable_x64(True):
        solver = optax.adan(LR, *betas, eps_root=0.0)
        x = jax.numpy.asarray(START)
        state, path = solver.init(x), []
        for grad in GRADS:
            updates, state = solver.update(jax.numpy.asarray(grad), state, x)
            x = optax.apply_updates(x, updates)
            path.append(np.asarray(x))
    return np.array(path)


def test_optax_gives_the_change_the_factor_of_the_paper_with_the_weights_of_the_program():
    """There β₂ weighs the old average, so the factor 1 − β₂ is small; at ½ both are the same."""
    ours = follow(Adan(0.98, 0.5, 0.99))
    np.testing.assert_allclose(ours, optax_path((0.98, 0.5, 0.99)), rtol=1e-12, atol=1e-13)
    assert np.abs(follow(Adan()) - optax_path((0.98, 0.92, 0.99))).max() > 1e-2


def test_weights_decay_after_the_step():
    """The proximal step is the minimizer of ‖u − (x − α d)‖²/2 + α λ ‖u‖²/2."""
    plain, decayed = Adan(), Adan(weight_decay=0.5)
    state = plain.init(START)
    moved = plain.step(state, GRADS[0], LR).x
    u = decayed.step(state, GRADS[0], LR).x
    np.testing.assert_allclose(u - moved + LR * 0.5 * u, 0.0, atol=1e-15)


def test_the_first_gradient_may_be_handed_in_as_the_one_before():
    method = Adan()
    at_rest = method.init(START)
    told = at_rest._replace(last_grad=GRADS[0])
    one, other = (method.step(state, GRADS[0], LR) for state in (at_rest, told))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
