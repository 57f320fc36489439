"""Every scheduler of torch, plugged in, acts as in a plain loop."""

from __future__ import annotations

import inspect
from functools import partial

import pytest
import torch
from rate_runs import make_optimizer, rates_of, report, through_a_file, walk
from torch.optim import lr_scheduler

from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.training.rates import Cosine, GradientRangeLimiter, RateSetter, TorchSchedule

STEPS = 12


def in_turn(optimizer):
    first = lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=3)
    then = lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    return lr_scheduler.SequentialLR(optimizer, [first, then], milestones=[4])


def chained(optimizer):
    first = lr_scheduler.LinearLR(optimizer, start_factor=0.3, total_iters=5)
    return lr_scheduler.ChainedScheduler([first, lr_scheduler.StepLR(optimizer, 4)], optimizer)


SCHEDULERS = {
    "LambdaLR": partial(
        lr_scheduler.LambdaLR, lr_lambda=[lambda k: 0.95**k, lambda k: 1 / (1 + k)]
    ),
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
    "OneCycleLR": partial(lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=STEPS),
}
CYCLES_MOMENTUM = {"CyclicLR", "OneCycleLR"}
OPTIMIZERS = {
    "SGD": partial(make_optimizer, 0.3, 0.05, momentum=0.9),
    "SGD, tensors": partial(make_optimizer, 0.3, 0.05, momentum=0.9, tensors=True),
    "Adam": lambda: torch.optim.Adam(_groups(), lr=0.1),
    "NAG": lambda: NAG(_groups(), lr=0.1, momentum=0.9),
}

walked = pytest.mark.parametrize("name", SCHEDULERS)
with_optimizers = pytest.mark.parametrize("kind", OPTIMIZERS)


def _groups():
    return [
        {"params": [torch.nn.Parameter(torch.ones(2, dtype=torch.float64))], "lr": lr}
        for lr in (0.3, 0.05)
    ]


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


def judges(name):
    return name == "ReduceLROnPlateau"


def plug_in(scheduler, name, per):
    return TorchSchedule(scheduler, per, metric="eval_loss" if judges(name) else None)


def settings(optimizer):
    return [
        (float(group["lr"]), group["betas"][0] if "betas" in group else group["momentum"])
        for group in optimizer.param_groups
    ]


def move(optimizer, k):
    """Take a step along gradients of its own and return all that was moved and set."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for p in parameters:
        p.grad = p.detach() * (k % 3) - 0.1
    optimizer.step()
    return settings(optimizer), [p.detach().tolist() for p in parameters]


def in_a_plain_loop(kind, name):
    optimizer = OPTIMIZERS[kind]()
    scheduler, seen = SCHEDULERS[name](optimizer), []
    for k in range(STEPS):
        seen.append(move(optimizer, k))
        scheduler.step(*([float(k % 4)] if judges(name) else []))
    return seen


class Resumable:
    """A run with the setter, whose parts can be built again and restored."""

    def __init__(self, kind, name, per):
        self.optimizer, self.per = OPTIMIZERS[kind](), per
        schedule = plug_in(SCHEDULERS[name](self.optimizer), name, per)
        self.setter = RateSetter(schedule)

    def go(self, begin, end, scale=1.0):
        seen = []
        for k in range(begin, end):
            self.setter.before_step(k)
            seen.append(move(self.optimizer, k))
            if self.per == "epoch":
                self.setter.after_epoch(report(float(k % 4)))
        return seen


def pers(name):
    return ["epoch"] if judges(name) else ["step", "epoch"]


@with_optimizers
@walked
def test_plugged_in_it_gives_what_it_gives_in_a_plain_loop_to_the_bit(kind, name):
    expected = in_a_plain_loop(kind, name)
    for per in pers(name):
        run = Resumable(kind, name, per)
        run.setter.attach(run.optimizer)
        assert run.go(0, STEPS) == expected
    rates = {rate for (first, _), _ in expected for rate in first[:1]}
    momenta = {momentum for (first, _), _ in expected for momentum in first[1:]}
    assert len(rates) > 1
    assert (len(momenta) > 1) == (name in CYCLES_MOMENTUM)


@pytest.mark.parametrize("attach_first", [False, True])
@with_optimizers
@walked
def test_a_run_is_resumed_to_the_bit(kind, name, attach_first):
    expected = in_a_plain_loop(kind, name)
    for per in pers(name):
        stopped = Resumable(kind, name, per)
        stopped.setter.attach(stopped.optimizer)
        assert stopped.go(0, 5) == expected[:5]
        saved = through_a_file(
            {
                "rate": stopped.setter.state_dict(),
                "optimizer": stopped.optimizer.state_dict(),
                "parameters": [g["params"] for g in stopped.optimizer.param_groups],
            }
        )
        again = Resumable(kind, name, per)
        if attach_first:
            again.setter.attach(again.optimizer)
        again.setter.load_state_dict(saved["rate"])
        with torch.no_grad():
            for group, values in zip(
                again.optimizer.param_groups, saved["parameters"], strict=True
            ):
                group["params"][0].copy_(values[0])
        again.optimizer.load_state_dict(saved["optimizer"])
        if not attach_first:
            again.setter.attach(again.optimizer)
        assert again.go(5, STEPS) == expected[5:]


@walked
def test_what_the_setter_is_told_comes_on_top_and_the_scheduler_does_not_see_it(name):
    expected = [[rate for rate, _ in groups] for groups, _ in in_a_plain_loop("SGD", name)]
    for per in pers(name):
        run = Resumable("SGD", name, per)
        setter, optimizer = run.setter, run.optimizer
        setter.attach(optimizer)
        run.go(0, 3)
        setter.lower(0.5)
        run.go(3, 4)
        assert rates_of(optimizer) == [rate * 0.5 for rate in expected[3]]
        setter.set(0.25)
        run.go(4, 5)
        assert rates_of(optimizer)[0] == 0.25
        run.go(5, 9)
        of_set = 0.25 / expected[4][0]
        assert rates_of(optimizer) == pytest.approx([rate * of_set for rate in expected[8]])
        setter.add_warm_up(4)
        run.go(9, 10)
        assert rates_of(optimizer) == pytest.approx([rate * of_set / 4 for rate in expected[9]])
        setter.hold(0.125)
        run.go(10, 11)
        assert rates_of(optimizer)[0] == 0.125


def test_a_limiter_comes_on_top_too():
    optimizer = make_optimizer(1.0)
    scheduler = lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    setter = RateSetter(TorchSchedule(scheduler), limiter=GradientRangeLimiter(1.0, most=0.25))
    setter.attach(optimizer)
    seen = []
    for step in range(5):
        setter.before_step(step, 0.5)
        optimizer.step()
        seen.append(rates_of(optimizer)[0])
    assert seen == [1.0, 1.0, 0.75, 0.5625, 0.421875]
    assert setter.history_frame()["demanded"].tolist() == [1.0, 0.5, 0.5, 0.25]


def test_a_hold_has_the_proportions_of_the_first_rates():
    optimizer = make_optimizer(0.4, 0.1)
    setter = RateSetter(TorchSchedule(lr_scheduler.LinearLR(optimizer, 0.5)))
    setter.attach(optimizer)
    setter.hold(0.2)
    walk(setter, optimizer, 0, 1)
    assert rates_of(optimizer) == [0.2, 0.05]


def test_a_rate_that_cannot_be_set_is_left_and_the_log_says_so():
    """What torch's scheduler gives at the next step is known only then."""
    optimizer = make_optimizer(1.0)
    setter = RateSetter(TorchSchedule(lr_scheduler.LambdaLR(optimizer, lambda k: float(k < 2))))
    setter.attach(optimizer)
    walk(setter, optimizer, 0, 2)
    setter.set(0.5)
    assert walk(setter, optimizer, 2, 3) == [0.0]
    (change,) = setter.changes
    assert (change.before, change.after) == (0.0, 0.0)
    assert "not done: the schedule is 0 here; use hold" in change.why


def test_a_first_step_that_was_left_out_brings_no_warning():
    """A gradient that overflows makes the scaler of float16 leave out the optimizer's step."""
    optimizer = make_optimizer(1.0)
    setter = RateSetter(TorchSchedule(lr_scheduler.StepLR(optimizer, 1, gamma=0.5)))
    setter.attach(optimizer)
    assert walk(setter, optimizer, 0, 3) == [1.0, 0.5, 0.25]


def test_what_is_saved_as_a_plain_dictionary_comes_back_as_what_it_was():
    """Such as the milestones of MultiStepLR, which its closed form counts."""

    def make():
        optimizer = make_optimizer(1.0)
        inner = lr_scheduler.MultiStepLR(optimizer, [2, 2, 5])
        then = lr_scheduler.StepLR(optimizer, 3)
        return inner, lr_scheduler.SequentialLR(optimizer, [inner, then], [7])

    (inner, scheduler), (other, again) = make(), make()
    other.milestones.clear()
    state = through_a_file(TorchSchedule(scheduler).state_dict())
    TorchSchedule(again).load_state_dict(state)
    assert sorted(other.milestones.elements()) == [2, 2, 5] == sorted(inner.milestones.elements())


def test_misfits_are_refused():
    optimizer, other = make_optimizer(1.0), make_optimizer(1.0)
    step, plateau = lr_scheduler.StepLR(optimizer, 1), lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(UsageError, match="StepLR was made for another optimizer"):
        RateSetter(TorchSchedule(step)).attach(other)
    for arguments in ({}, {"per": "epoch"}, {"metric": "eval_loss"}):
        with pytest.raises(UsageError, match="judges a metric after each epoch"):
            TorchSchedule(plateau, **arguments)
    with pytest.raises(UsageError, match="metric='eval_loss' is not for StepLR"):
        TorchSchedule(step, "epoch", "eval_loss")
    with pytest.raises(UsageError, match="per='batch' is not known; expected one of step, epoch"):
        TorchSchedule(step, "batch")
    with pytest.raises(UsageError, match="is not a scheduler of torch"):
        TorchSchedule(Cosine(5))  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match=r"parse_schedule\('cosine\(steps=1000\)'\), or Torch"):
        RateSetter(step)  # pyright: ignore[reportArgumentType]
    assert RateSetter(TorchSchedule(plateau, "epoch", "eval_loss")).metrics == {"eval_loss"}
