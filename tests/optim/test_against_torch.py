"""NAG and NAdam against torch's: equal where they should be, and where they are not."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nagcore.core import HeavyBall, Nesterov
from nagcore.errors import UsageError
from nagcore.optim import NAG, OPTIMIZERS, NAdam, make_optimizer


def descend(build, steps=50, schedule=None):
    """Return the path of a two-parameter, non-convex problem under an optimizer."""
    p = torch.nn.Parameter(torch.tensor([1.5, -2.0], dtype=torch.float64))
    optimizer = build([p])
    path = []
    for k in range(steps):
        if schedule:
            optimizer.param_groups[0].update(schedule(k))
        optimizer.zero_grad()
        (0.5 * p[0] ** 2 + 5 * p[1] ** 2 + torch.cos(p).sum()).backward()
        optimizer.step()
        path.append(p.detach().clone())
    return torch.stack(path)


@pytest.mark.parametrize("momentum", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_equals_torch_while_lr_and_momentum_are_constant(momentum, weight_decay):
    settings = {"lr": 0.03, "momentum": momentum, "weight_decay": weight_decay}
    ours = descend(lambda p: NAG(p, **settings))
    torchs = descend(lambda p: torch.optim.SGD(p, nesterov=True, **settings))
    torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-12)


def test_without_momentum_it_is_plain_sgd():
    ours = descend(lambda p: NAG(p, lr=0.03, momentum=0.0))
    torch.testing.assert_close(ours, descend(lambda p: torch.optim.SGD(p, lr=0.03)))


def test_parts_from_torch_after_a_drop_of_lr_and_follows_the_rule():
    """torch's buffer sums gradients: a smaller lr shrinks past displacements in retrospect."""

    def schedule(k):
        return {"lr": 0.05 if k < 10 else 0.005}

    ours = descend(lambda p: NAG(p, lr=0.05, momentum=0.9), schedule=schedule)
    torchs = descend(
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True), schedule=schedule
    )
    method = Nesterov(0.9)
    state = method.init(torch.tensor([1.5, -2.0], dtype=torch.float64))
    curvature = torch.tensor([1.0, 10.0], dtype=torch.float64)
    path = []
    for k in range(50):
        y = method.query(state)
        state = method.step(state, curvature * y - torch.sin(y), schedule(k)["lr"])
        path.append(method.query(state))
    torch.testing.assert_close(ours, torch.stack(path), rtol=1e-10, atol=1e-12)
    assert (ours - torchs).abs().max() > 1e-2


def test_the_heavy_ball_rule_equals_torch_while_lr_is_constant():
    """An independent judge of the rule: torch's SGD without nesterov."""
    method = HeavyBall(0.9)
    state = method.init(torch.tensor([1.5, -2.0], dtype=torch.float64))
    curvature = torch.tensor([1.0, 10.0], dtype=torch.float64)
    path = []
    for _ in range(50):
        y = method.query(state)
        state = method.step(state, curvature * y - torch.sin(y), 0.03)
        path.append(state.x)
    torchs = descend(lambda p: torch.optim.SGD(p, lr=0.03, momentum=0.9))
    torch.testing.assert_close(torch.stack(path), torchs, rtol=1e-10, atol=1e-12)


@pytest.fixture
def numbers_in_double_precision():
    """torch keeps the product of momenta in the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weight_decay": 0.05},
        {"weight_decay": 0.05, "decoupled_weight_decay": True},
        {"momentum_decay": 0.1, "betas": (0.8, 0.95), "eps": 1e-3},
    ],
    ids=str,
)
def test_nadam_equals_torchs(settings, numbers_in_double_precision):
    ours = descend(lambda p: NAdam(p, lr=0.03, **settings))
    torchs = descend(lambda p: torch.optim.NAdam(p, lr=0.03, **settings))
    torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-12)


def test_nadam_equals_torchs_while_lr_changes(numbers_in_double_precision):
    def schedule(k):
        return {"lr": 0.05 / (1 + k)}

    ours = descend(lambda p: NAdam(p, lr=0.05), schedule=schedule)
    torchs = descend(lambda p: torch.optim.NAdam(p, lr=0.05), schedule=schedule)
    torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_named_optimizer_lowers_a_loss(name):
    """On a matrix, by a closure, with the table's own defaults and a step size for this problem."""
    p = torch.nn.Parameter(torch.tensor([[1.5, -2.0]], dtype=torch.float64))
    optimizer: Any = make_optimizer(name, [p], lr=0.02)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * p[0, 0] ** 2 + 5 * p[0, 1] ** 2 + torch.cos(p).sum()
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(200):
        optimizer.step(closure)
    assert losses[-1] < losses[0] / 5  # from above 20; the minimum is 2


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("nesterof", {"lr": 0.1}, "'nesterof' is not known"),
        ("adm", {"lr": 0.1}, "known: adam,"),
        ("nag", {"lr": -0.1}, "lr is -0.1"),
        ("adam", {"lr": -0.1}, "lr is -0.1"),
        ("nag", {"lr": 0.1, "momentum": 1.5}, "momentum is 1.5"),
        ("nag", {"lr": 0.1, "betas": (0.9, 0.99)}, "nag takes no option 'betas'"),
        ("heavy-ball", {"lr": 0.1, "momentum": -1.0}, "momentum is -1.0"),
        ("heavy-ball", {"lr": 0.1, "momentum": 1.0}, "momentum is 1.0"),
        ("adam", {"lr": 0.1, "betas": 3}, "adam cannot be made"),
        ("adam", {"lr": 0.1, "eps": -1.0}, "adam cannot be made"),
    ],
)
def test_bad_names_and_values_are_refused(name, arguments, words):
    with pytest.raises(UsageError, match=words):
        make_optimizer(name, [torch.nn.Parameter(torch.zeros(1))], **arguments)
