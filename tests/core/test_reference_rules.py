"""Adam, NAdam, Adan and L-BFGS against torch, against the papers written out, and SciPy."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipy_minimize

from nagcore.core.adam import Adam
from nagcore.core.adan import Adan
from nagcore.core.lbfgs import LBFGS
from nagcore.core.nadam import NAdam, PrintedNAdam, TensorFlowNAdam
from nagcore.errors import UsageError

rng = np.random.default_rng(0)
ROOT = rng.normal(size=(6, 6))
HESSIAN = ROOT @ ROOT.T + np.eye(6)
START = rng.normal(size=6)


def grad(x):
    return HESSIAN @ x + 0.5 * np.sin(x)


def run(method, steps, step_size):
    state = method.init(START)
    path = [state.x]
    for _ in range(steps):
        state = method.step(state, grad(method.query(state)), step_size)
        path.append(state.x)
    return np.array(path)


@pytest.mark.parametrize(
    ("rule", "make"),
    [
        (Adam(), lambda p: torch.optim.Adam(p, lr=0.05)),
        (Adam(0.5, 0.9, 1e-3), lambda p: torch.optim.Adam(p, 0.05, betas=(0.5, 0.9), eps=1e-3)),
        (NAdam(), lambda p: torch.optim.NAdam(p, lr=0.05)),
        (NAdam(decay=0.1), lambda p: torch.optim.NAdam(p, lr=0.05, momentum_decay=0.1)),
    ],
    ids=["Adam", "Adam, other constants", "NAdam", "NAdam, fast schedule"],
)
def test_adam_and_nadam_follow_torch(rule, make, monkeypatch):
    # torch's NAdam keeps the product of its momenta in the default type, which is float32
    module = sys.modules["torch.optim.nadam"]
    monkeypatch.setattr(module, "_get_scalar_dtype", lambda *_, **__: torch.float64)
    p = torch.tensor(START, requires_grad=True)
    optimizer, path = make([p]), [START]
    for _ in range(100):
        p.grad = torch.tensor(grad(p.detach().numpy()))
        optimizer.step()
        path.append(p.detach().numpy().copy())
    np.testing.assert_allclose(run(rule, 100, 0.05), path, rtol=1e-10, atol=1e-12)


def test_adan_follows_the_paper_written_out_coordinate_by_coordinate():
    b1, b2, b3, eps, lr = 0.9, 0.8, 0.95, 1e-8, 0.03
    path = run(Adan(b1, b2, b3, eps), 50, lr)
    x, before = START.copy(), None
    m, d, n = np.zeros(6), np.zeros(6), np.zeros(6)
    for k in range(1, 51):
        g = grad(x)
        for i in range(6):
            change = 0.0 if before is None else g[i] - before[i]
            m[i] += (1 - b1) * (g[i] - m[i])
            d[i] += (1 - b2) * (change - d[i])
            n[i] += (1 - b3) * ((g[i] + b2 * change) ** 2 - n[i])
            numerator = m[i] / (1 - b1**k) + b2 * d[i] / (1 - b2**k)
            x[i] -= lr * numerator / (np.sqrt(n[i] / (1 - b3**k)) + eps)
        before = g
        np.testing.assert_allclose(path[k], x, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("method", [Adam(), NAdam(), Adan()], ids=lambda m: type(m).__name__)
def test_numpy_and_torch_give_the_same_numbers(method):
    ours = run(method, 30, 0.05)
    state = method.init(torch.tensor(START))
    for k in range(30):
        g = torch.tensor(grad(method.query(state).numpy()))
        state = method.step(state, g, 0.05)
        np.testing.assert_allclose(state.x.numpy(), ours[k + 1], rtol=1e-12, atol=1e-13)


def test_the_direction_of_lbfgs_is_that_of_dense_bfgs():
    """With memory for all steps the recursion multiplies by the BFGS matrix, built up densely."""
    method, state = LBFGS(memory=50), LBFGS(memory=50).init(START)
    seen = []
    for _ in range(8):
        g = grad(state.x)
        seen.append((state.x, g))
        state = method.step(state, g, 0.05)
        expected = seen[-1][0] - 0.05 * _dense_bfgs(seen) @ g
        np.testing.assert_allclose(state.x, expected, rtol=1e-8, atol=1e-10)


def _dense_bfgs(seen):
    changes = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(seen)]
    if not changes:
        return np.eye(6)
    s, u = changes[-1]
    inverse = (s @ u) / (u @ u) * np.eye(6)
    for s, u in changes:
        left = np.eye(6) - np.outer(s, u) / (s @ u)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ u)
    return inverse


def test_lbfgs_reaches_what_scipy_reaches_and_faster_than_descent():
    def value(x):
        return 0.5 * x @ HESSIAN @ x + 0.5 * np.sum(1 - np.cos(x))

    options = {"gtol": 1e-10, "ftol": 0.0}
    best = scipy_minimize(value, START, jac=grad, method="L-BFGS-B", options=options).x
    state, method = LBFGS().init(START), LBFGS()
    state = method.step(state, grad(START), 0.05)
    for _ in range(40):
        state = method.step(state, grad(state.x), 1.0)
    assert np.abs(state.x - best).max() < 1e-7
    assert np.linalg.norm(grad(state.x)) < 1e-8


def test_a_pair_without_curvature_is_not_kept():
    method = LBFGS()
    state = method.step(method.init(np.array([1.0])), np.array([1.0]), 0.1)
    state = method.step(state, np.array([2.0]), 0.1)  # the gradient grew while x went down
    assert state.pairs == ()


def test_only_the_latest_pairs_are_kept():
    method = LBFGS(memory=3)
    state = method.init(START)
    for _ in range(10):
        state = method.step(state, grad(state.x), 0.05)
    assert len(state.pairs) == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Adam(beta1=1.0), r"beta1 is 1\.0"),
        (lambda: Adam(beta2=-0.1), r"beta2 is -0\.1"),
        (lambda: Adam(eps=-1.0), r"eps is -1\.0"),
        (lambda: NAdam(decay=-1.0), r"decay is -1\.0"),
        (lambda: NAdam(decay=float("nan")), "decay is nan"),
        (lambda: PrintedNAdam(beta1=1.0), r"beta1 is 1\.0"),
        (lambda: TensorFlowNAdam(eps=-1.0), r"eps is -1\.0"),
        (lambda: Adan(beta3=1.5), r"beta3 is 1\.5"),
        (lambda: Adan(weight_decay=-0.1), r"weight_decay is -0\.1"),
        (lambda: LBFGS(memory=0), "memory is 0"),
        (lambda: LBFGS(memory=2.5), r"memory is 2\.5"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_bad_constants_are_refused_by_value(make, words):
    with pytest.raises(UsageError, match=words):
        make()


def test_l_bfgs_takes_points_of_any_shape():
    """The same run with the point as a matrix, as a vector, and as a tensor."""
    scale = np.array([1.0, 3.0, 10.0, 2.0, 5.0, 7.0])
    ends = []
    for point, factor in (
        (np.ones(6), scale),
        (np.ones((2, 3)), scale.reshape(2, 3)),
        (torch.ones(2, 3, dtype=torch.float64), torch.tensor(scale.reshape(2, 3))),
    ):
        method = LBFGS()
        state = method.init(point)
        for _ in range(6):
            state = method.step(state, factor * state.x, 0.3)
        ends.append(np.asarray(state.x).reshape(-1))
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ends[2], ends[0], rtol=1e-12, atol=1e-15)
