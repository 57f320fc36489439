"""A setter that is saved and restored goes on to the bit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rate_runs import attached, make_optimizer, rates_of, report, through_a_file, walk

from nagcore.errors import UsageError
from nagcore.training.rates import (
    Cosine,
    Exponential,
    GradientRangeLimiter,
    InverseSquareRoot,
    OneCycle,
    RateSetter,
    StepDecay,
)

STEPS = 14
SCHEDULES = [Cosine(20), Exponential(0.93), InverseSquareRoot(3), OneCycle(30), StepDecay(4, 0.3)]
value = st.floats(1e-3, 10)
factor = st.floats(0.1, 0.9)
order = st.one_of(
    st.tuples(st.just("lower"), factor),
    st.tuples(st.just("set"), value),
    st.tuples(st.just("hold"), value),
    st.tuples(st.just("release")),
    st.tuples(st.just("add_warm_up"), st.integers(1, 6), factor),
    st.tuples(st.just("lower_on_plateau"), st.just("eval_loss"), factor, st.integers(1, 3)),
)
orders = st.dictionaries(st.integers(0, STEPS - 1), order, max_size=6)


def make(schedule, K):
    return RateSetter(schedule, limiter=None if K is None else GradientRangeLimiter(K, most=0.1))


def go(setter, optimizer, plan, entries, begin, end):
    seen = []
    for step in range(begin, end):
        setter.before_step(step, entries[step])
        seen.append(rates_of(optimizer))
        setter.after_epoch(report(float(step % 4)))
        if step in plan:
            name, *arguments = plan[step]
            getattr(setter, name)(*arguments)
    return seen


@settings(deadline=None)
@given(
    st.sampled_from(SCHEDULES),
    orders,
    st.one_of(st.none(), st.floats(0, 1)),
    st.lists(st.floats(0, 1), min_size=STEPS, max_size=STEPS),
    st.integers(0, STEPS),
    st.booleans(),
)
def test_a_run_is_resumed_to_the_bit(schedule, plan, K, entries, stop, attach_first):
    straight = make(schedule, K)
    expected = go(straight, attached(straight, 0.3, 0.7), plan, entries, 0, STEPS)

    stopped = make(schedule, K)
    optimizer = attached(stopped, 0.3, 0.7)
    before = go(stopped, optimizer, plan, entries, 0, stop)
    saved = through_a_file({"rate": stopped.state_dict(), "optimizer": optimizer.state_dict()})
    again, optimizer = make(schedule, K), make_optimizer(9.0, 9.0)
    again.add_warm_up(3)  # a script says its words again; the state has them already
    again.lower_on_plateau("eval_loss", 0.5, 1)
    if attach_first:
        again.attach(optimizer)
    again.load_state_dict(saved["rate"])
    optimizer.load_state_dict(saved["optimizer"])
    if not attach_first:
        again.attach(optimizer)
    assert before + go(again, optimizer, plan, entries, stop, STEPS) == expected
    assert again.changes == straight.changes
    assert again.history_frame().equals(straight.history_frame())
    assert again.rate == straight.rate


def saved_state(steps=3):
    setter = RateSetter(Cosine(10))
    optimizer = attached(setter, 0.3, 0.7)
    walk(setter, optimizer, 0, steps)
    setter.lower(0.5)
    return setter.state_dict()


def test_a_state_is_a_copy():
    setter = RateSetter(Cosine(10))
    optimizer = attached(setter)
    setter.lower_on_plateau("eval_loss", 0.5, 3)
    walk(setter, optimizer, 0, 2)
    state = setter.state_dict()
    before = str(state)
    walk(setter, optimizer, 2, 5)
    setter.lower(0.5)
    setter.after_epoch(report(1.0))
    assert str(state) == before


@pytest.mark.parametrize(
    ("setter", "message"),
    [
        (RateSetter(), r"schedule cosine\(steps=10\), and this rate setter has constant"),
        (RateSetter(Cosine(10, 0.1)), r"has cosine\(steps=10, final=0.1\)"),
        (RateSetter(Cosine(10), limiter=GradientRangeLimiter(1.0)), "with the limiter None"),
    ],
)
def test_a_state_of_another_setter_is_refused(setter, message):
    optimizer = attached(setter, 0.3, 0.7)
    walk_before = setter.state_dict()
    with pytest.raises(UsageError, match=message):
        setter.load_state_dict(saved_state())
    assert str(setter.state_dict()) == str(walk_before)
    assert optimizer.param_groups[0]["lr"] == 0.3


@pytest.mark.parametrize("attach_first", [False, True])
def test_a_state_of_other_groups_is_refused(attach_first):
    setter = RateSetter(Cosine(10))
    if attach_first:
        attached(setter, 0.3)
        with pytest.raises(UsageError, match="saved for 2 groups of parameters, and the optimizer"):
            setter.load_state_dict(saved_state())
    else:
        setter.load_state_dict(saved_state())
        with pytest.raises(UsageError, match="saved for 2 groups of parameters, and the optimizer"):
            attached(setter, 0.3)


@pytest.mark.parametrize("key", ["source", "limiter", "instructions", "used", "record"])
def test_a_damaged_state_is_refused_and_nothing_taken_over(key):
    setter = RateSetter(Cosine(10))
    before = str(setter.state_dict())
    state = saved_state()
    with pytest.raises(UsageError, match="this is not the state of a rate setter"):
        setter.load_state_dict({name: state[name] for name in state if name != key})
    for wrong in (None, {"schedule": "cosine(steps=10)"}, 5):
        if key == "limiter" and wrong is None:
            continue
        with pytest.raises(UsageError, match=r"the state|damaged"):
            setter.load_state_dict({**state, key: wrong})
    assert str(setter.state_dict()) == before


def test_a_setter_that_has_run_may_load_a_state_and_go_back():
    setter = RateSetter(Cosine(10))
    optimizer = attached(setter, 0.3, 0.7)
    walk(setter, optimizer, 0, 2)
    state = setter.state_dict()
    first = walk(setter, optimizer, 2, 8)
    setter.load_state_dict(state)
    setter.attach(optimizer)
    assert walk(setter, optimizer, 2, 8) == first
