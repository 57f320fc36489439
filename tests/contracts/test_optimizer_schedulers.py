"""Every scheduler of torch drives every optimizer, those that cycle the momentum included."""

from __future__ import annotations

import inspect
from functools import partial

import pytest
import torch
from optimizer_table import ROWS
from torch.optim import lr_scheduler
from walking import Follower, advance, build, equal, make_parameters, rows, set_gradients

STEPS = 12


def in_turn(optimizer):
    first = lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=3)
    then = lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    return lr_scheduler.SequentialLR(optimizer, [first, then], milestones=[4])


def chained(optimizer):
    first = lr_scheduler.LinearLR(optimizer, start_factor=0.3, total_iters=5)
    return lr_scheduler.ChainedScheduler([first, lr_scheduler.StepLR(optimizer, 4)], optimizer)


SCHEDULERS = {
    "LambdaLR": partial(lr_scheduler.LambdaLR, lr_lambda=lambda k: 0.95**k),
    "MultiplicativeLR": partial(lr_scheduler.MultiplicativeLR, lr_lambda=lambda _: 0.95),
    "StepLR": partial(lr_scheduler.StepLR, step_size=3),
    "MultiStepLR": partial(lr_scheduler.MultiStepLR, milestones=[2, 7]),
    "ConstantLR": partial(lr_scheduler.ConstantLR, factor=0.5, total_iters=3),
    "LinearLR": partial(lr_scheduler.LinearLR, start_factor=0.1, total_iters=5),
    "ExponentialLR": partial(lr_scheduler.ExponentialLR, gamma=0.9),
    "SequentialLR": in_turn,
    "PolynomialLR": partial(lr_scheduler.PolynomialLR, total_iters=8, power=2.0),
    "CosineAnnealingLR": partial(lr_scheduler.CosineAnnealingLR, T_max=6, eta_min=0.001),
    "ChainedScheduler": chained,
    "ReduceLROnPlateau": partial(lr_scheduler.ReduceLROnPlateau, patience=1, factor=0.5),
    "CyclicLR": partial(lr_scheduler.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=3),
    "CosineAnnealingWarmRestarts": partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=4),
    "OneCycleLR": partial(lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=STEPS + 1),
}
CYCLES_MOMENTUM = {"CyclicLR", "OneCycleLR"}

walked = pytest.mark.parametrize("name", SCHEDULERS)


def test_all_schedulers_that_torch_has_are_walked():
    """A scheduler that is new in torch fails here, and wants a line in `SCHEDULERS`."""
    public = {
        name
        for name, value in vars(lr_scheduler).items()
        if inspect.isclass(value)
        and issubclass(value, lr_scheduler.LRScheduler)
        and value is not lr_scheduler.LRScheduler
        and not name.startswith("_")
    }
    assert public == set(SCHEDULERS)


def go_on(scheduler, k):
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        scheduler.step(float(k % 4))
    else:
        scheduler.step()


def momentum_of(group):
    return group["betas"][0] if "betas" in group else group["momentum"]


def torchs_own(optimizer):
    """Return an optimizer of torch with the same groups: lr, and what cycles as momentum."""
    groups = [
        {"params": make_parameters(), "lr": group["lr"], "momentum": momentum_of(group)}
        for group in optimizer.param_groups
    ]
    if "betas" not in optimizer.param_groups[0]:
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True)
    for group in groups:
        group["betas"] = (group.pop("momentum"), 0.999)
    return torch.optim.Adam(groups)


@rows
@walked
def test_a_scheduler_gives_what_it_gives_torchs_own_and_every_step_follows(row, name):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    own = torchs_own(optimizer)
    schedulers = [SCHEDULERS[name](one) for one in (optimizer, own)]
    follower = Follower(row, optimizer)
    seen = []
    for k in range(STEPS):
        set_gradients(parameters, k)
        follower.step()
        optimizer.step()
        follower.check(rtol=1e-11, atol=1e-12)
        own.step()
        for scheduler in schedulers:
            go_on(scheduler, k)
        for group, other in zip(optimizer.param_groups, own.param_groups, strict=True):
            assert group["lr"] == other["lr"]
            assert momentum_of(group) == momentum_of(other)
        seen.append((optimizer.param_groups[0]["lr"], momentum_of(optimizer.param_groups[0])))
    assert len({lr for lr, _ in seen}) > 1
    assert (len({momentum for _, momentum in seen}) > 1) == (name in CYCLES_MOMENTUM)


@rows
@walked
def test_a_run_under_a_scheduler_is_resumed_to_the_bit(row, name):
    def start(parameters):
        optimizer = build(row, parameters)
        return optimizer, SCHEDULERS[name](optimizer)

    def go(optimizer, scheduler, parameters, begin, end):
        for k in range(begin, end):
            advance(optimizer, parameters, 1, start=k)
            go_on(scheduler, k)

    straight, stopped = make_parameters(), make_parameters()
    go(*start(straight), straight, 0, STEPS)
    optimizer, scheduler = start(stopped)
    go(optimizer, scheduler, stopped, 0, 5)
    again, its_scheduler = start(stopped)
    its_scheduler.load_state_dict(scheduler.state_dict())
    again.load_state_dict(optimizer.state_dict())
    go(again, its_scheduler, stopped, 5, STEPS)
    assert equal(straight, stopped)


@rows
@pytest.mark.parametrize("capturable", [False, True])
def test_a_scheduler_writes_over_a_tensor_as_lr(row, capturable):
    with_number, with_tensor = make_parameters(), make_parameters()
    lr = torch.tensor(row.plain["lr"], dtype=torch.float64)
    first, second = (
        build(row, with_number, capturable=capturable),
        build(row, with_tensor, lr=lr, capturable=capturable),
    )
    schedulers = [lr_scheduler.ExponentialLR(one, gamma=0.8) for one in (first, second)]
    for k in range(5):
        advance(first, with_number, 1, start=k)
        advance(second, with_tensor, 1, start=k)
        for scheduler in schedulers:
            scheduler.step()
    for p, q in zip(with_number, with_tensor, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-13)
    assert lr.item() == pytest.approx(row.plain["lr"] * 0.8**5, rel=1e-12)


@rows
def test_an_average_of_weights_may_be_kept_beside_it(row):
    model = torch.nn.Linear(2, 2)
    optimizer = build(row, model.parameters())
    averaged = torch.optim.swa_utils.AveragedModel(model)
    scheduler = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.01, anneal_epochs=3)
    for k in range(4):
        advance(optimizer, list(model.parameters()), 1, start=k)
        averaged.update_parameters(model)
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    assert not equal(averaged.module.parameters(), model.parameters())


def test_the_rows_hold_optimizers_with_a_momentum_and_with_betas():
    kinds = {name for row in ROWS.values() for name in row.scheduled}
    assert kinds == {"lr", "momentum", "betas"}
