"""Schedules against torch's schedulers, and their texts."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from nagcore.errors import UsageError
from nagcore.training.rates import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    Linear,
    OneCycle,
    Piecewise,
    StepDecay,
    parse_schedule,
)

STEPS = 30
LR = 0.3


def torchs_rates(make, steps=STEPS):
    """Return the lr at each step of a plain loop with a scheduler of torch, over the first lr."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"] / LR)
        optimizer.step()
        scheduler.step()
    return rates


PAIRS = {
    "constant": (Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
    "linear, down": (Linear(20), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, 20)),
    "linear, up": (Linear(20, 0.1, 0.7), lambda o: lr_scheduler.LinearLR(o, 0.1, 0.7, 20)),
    "polynomial": (Linear(20), lambda o: lr_scheduler.PolynomialLR(o, 20, power=1.0)),
    "cosine": (Cosine(40), lambda o: lr_scheduler.CosineAnnealingLR(o, 40)),
    "cosine, not to 0": (
        Cosine(29, final=0.1),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 29, eta_min=0.1 * LR),
    ),
    "step decay": (StepDecay(7, 0.3), lambda o: lr_scheduler.StepLR(o, 7, gamma=0.3)),
    "exponential": (Exponential(0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "inverse square root": (
        InverseSquareRoot(4),
        lambda o: lr_scheduler.LambdaLR(o, lambda k: (1 + k / 4) ** -0.5),
    ),
    "one cycle": (
        OneCycle(STEPS),
        lambda o: lr_scheduler.OneCycleLR(o, LR, total_steps=STEPS, cycle_momentum=False),
    ),
    "one cycle, other shares": (
        OneCycle(STEPS, rising=0.45, start=0.1, final=0.02),
        lambda o: lr_scheduler.OneCycleLR(
            o, LR, None, 3, 10, 0.45, "cos", False, div_factor=10, final_div_factor=5
        ),
    ),
    "piecewise": (
        Piecewise((5, 17), (1.0, 0.2, 0.04)),
        lambda o: lr_scheduler.MultiStepLR(o, [5, 17], gamma=0.2),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_schedule_is_torchs_own(name):
    schedule, make = PAIRS[name]
    own = [schedule.at(step) for step in range(STEPS)]
    assert own == pytest.approx(torchs_rates(make), rel=1e-12, abs=1e-14)


def test_every_schedule_is_held_against_torchs():
    assert {type(schedule) for schedule, _ in PAIRS.values()} == set(SCHEDULES.values())


def test_behind_their_ends_schedules_stay():
    assert Linear(3, final=0.2).at(10**9) == pytest.approx(0.2)
    assert Cosine(3).at(4) == 0.0
    assert OneCycle(30, final=0.01).at(29) == OneCycle(30, final=0.01).at(500) == 0.01


finite = st.floats(0, 1e3)
share = st.floats(0, 1)
count = st.integers(1, 10**6)
any_schedule = st.one_of(
    st.just(Constant()),
    st.builds(Linear, count, finite, finite),
    st.builds(Cosine, count, finite),
    st.builds(StepDecay, count, share),
    st.builds(Exponential, share),
    st.builds(InverseSquareRoot, count),
    st.builds(OneCycle, st.integers(5, 10**6), st.floats(0.3, 0.7), share, share),
    st.lists(count, min_size=1, unique=True).flatmap(
        lambda steps: st.builds(
            Piecewise,
            st.just(tuple(sorted(steps))),
            st.lists(finite, min_size=len(steps) + 1, max_size=len(steps) + 1).map(tuple),
        )
    ),
)


@given(any_schedule)
def test_a_text_gives_back_the_schedule(schedule):
    again = parse_schedule(str(schedule))
    assert again == schedule
    assert hash(again) == hash(schedule)


@given(any_schedule, st.integers(0, 10**7))
def test_a_multiplier_is_finite_and_not_negative(schedule, step):
    assert 0 <= schedule.at(step) < math.inf


@given(any_schedule)
def test_schedules_are_frozen(schedule):
    for field in dataclasses.fields(schedule):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(schedule, field.name, 1)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("constant", Constant()),
        ("constant()", Constant()),
        (" cosine( 1000 ,final = 1e-2)\n", Cosine(1000, 0.01)),
        ("linear(steps=5, start=0, final=1)", Linear(5, 0.0, 1.0)),
        ("step_decay(30)", StepDecay(30)),
        ("piecewise((10, 20), (1, 0.1, 0))", Piecewise((10, 20), (1.0, 0.1, 0.0))),
        ("piecewise([10], [1, 0.1])", Piecewise((10,), (1.0, 0.1))),
    ],
)
def test_texts(text, schedule):
    assert parse_schedule(text) == schedule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cosin(5)", "schedule 'cosin' is not known; expected one of cosine, "),
        ("cosine", "says no steps"),
        ("cosine(step=5)", "takes no 'step'; expected one of steps, final"),
        ("cosine(5, 0.1, 3)", "has 3 values; expected steps, final"),
        ("cosine(5, steps=6)", "gives steps twice"),
        ("cosine(0)", "cosine: steps=0 cannot be used; expected a whole number 1 or larger"),
        ("cosine(2.5)", "cosine: steps=2.5"),
        ("cosine('5')", "cosine: steps='5'"),
        ("cosine(5, -1)", "cosine: final=-1"),
        ("cosine(5, final=inf)", "cosine: final=inf cannot be used; expected a finite number"),
        ("cosine(5, final=x)", "cannot be read"),
        ("cosine(**{})", "takes no '**'"),
        ("cosine(5", "cannot be read; expected, for example, cosine"),
        ("", "cannot be read"),
        ("a.b(5)", "cannot be read"),
        ("cosine(print(5))", "cannot be read"),
        ("linear(5, start=True)", "linear: start=True"),
        ("step_decay(5, factor=1.5)", "from 0 to 1"),
        ("exponential(2)", "exponential: factor=2"),
        ("one_cycle(5, rising=0.1)", "leaves no steps to rise"),
        ("one_cycle(5, rising=1.0)", "leaves no steps to rise"),
        ("piecewise(5, (1,))", "boundaries=5 cannot be used; expected a tuple"),
        ("piecewise((5, 5), (1, 1, 1))", "expected rising numbers"),
        ("piecewise((5,), (1,))", "one factor more than boundaries"),
        ("piecewise((0,), (1, 1))", "boundary=0"),
        ("(" * 5000, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused(text, message):
    with pytest.raises(UsageError) as caught:
        parse_schedule(text)
    assert message in str(caught.value)
