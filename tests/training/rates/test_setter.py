"""What a rate setter makes of its schedule and of what it is told."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest
import torch
from rate_runs import attached, make_optimizer, rates_of, report, walk

from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.training.rates import Cosine, Linear, Piecewise, RateChange, RateSetter, StepDecay
from nagcore.training.rates.record import RateRecord


def as_given(value: Any) -> Any:
    return value


def test_each_group_keeps_its_own_lr():
    setter = RateSetter(StepDecay(2, 0.5))
    optimizer = attached(setter, 0.4, 0.1, 0.0)
    walk(setter, optimizer, 0, 3)
    assert rates_of(optimizer) == [0.2, 0.05, 0.0]


def test_the_default_leaves_the_rates_as_they_are():
    setter = RateSetter()
    optimizer = attached(setter, 0.3, 0.7)
    walk(setter, optimizer, 0, 5)
    assert rates_of(optimizer) == [0.3, 0.7]
    assert setter.changes == ()


def test_a_tensor_is_written_over_in_place():
    optimizer = make_optimizer(0.4, 0.2, tensors=True)
    held = [group["lr"] for group in optimizer.param_groups]
    setter = RateSetter(StepDecay(1, 0.5))
    setter.attach(optimizer)
    walk(setter, optimizer, 0, 2)
    assert optimizer.param_groups[0]["lr"] is held[0]
    assert [lr.item() for lr in held] == [0.2, 0.1]


@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, NAG])
def test_a_step_moves_by_the_rate_that_was_set_inside_its_closure(kind, tensors):
    p = torch.nn.Parameter(torch.zeros(3))
    lr = torch.tensor(0.5) if tensors else 0.5
    optimizer, setter = kind([p], lr=lr), RateSetter(Piecewise((1,), (1.0, 0.0)))
    setter.attach(optimizer)
    for step in range(2):
        before = p.detach().clone()

        def closure(step=step):
            p.grad = torch.ones(3)
            setter.before_step(step)
            return torch.tensor(0.0)

        optimizer.step(closure)
        moved = not torch.equal(before, p.detach())
        # Nesterov's momentum goes on moving the query point when the step size is 0
        assert moved == (step == 0 or kind is NAG)


def test_a_warm_up_rises_to_the_schedule_and_ends_there():
    setter = RateSetter(Linear(100))
    optimizer = attached(setter)
    setter.add_warm_up(4)
    seen = walk(setter, optimizer, 0, 6)
    ramp = [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert seen == pytest.approx([r * (1 - k / 100) for k, r in enumerate(ramp)])


def test_a_warm_up_may_begin_in_the_middle_and_replaces_one_under_way():
    setter = RateSetter()
    optimizer = attached(setter)
    walk(setter, optimizer, 0, 3)
    setter.add_warm_up(2, start=0.5, why="new data")
    seen = walk(setter, optimizer, 3, 4)
    setter.add_warm_up(2)
    assert seen + walk(setter, optimizer, 4, 7) == [0.75, 0.5, 1.0, 1.0]
    assert setter.changes[0] == RateChange(3, 1.0, 0.75, "new data")


def test_lowering_multiplies_and_is_logged_when_it_takes_effect():
    setter = RateSetter(StepDecay(2, 0.5))
    optimizer = attached(setter, 1.0, 3.0)
    walk(setter, optimizer, 0, 2)
    setter.lower(0.1)
    assert setter.changes == ()
    setter.lower(0.5, why="again")
    assert walk(setter, optimizer, 2, 5) == pytest.approx([0.025, 0.025, 0.0125])
    assert rates_of(optimizer)[1] == pytest.approx(0.0375)
    assert [change.step for change in setter.changes] == [2, 2]
    assert setter.changes[1] == RateChange(2, 0.05, 0.025, "again")


def test_a_rate_that_is_set_is_that_rate_and_the_schedule_goes_on_from_there():
    setter = RateSetter(Linear(10))
    optimizer = attached(setter, 0.7, 0.14)
    walk(setter, optimizer, 0, 3)
    setter.lower(0.3)
    walk(setter, optimizer, 3, 5)
    setter.set(0.1)
    assert walk(setter, optimizer, 5, 6) == [0.1]  # to the last bit
    assert rates_of(optimizer)[1] == pytest.approx(0.02)
    assert walk(setter, optimizer, 6, 11) == pytest.approx([0.08, 0.06, 0.04, 0.02, 0.0])


def test_setting_ends_a_hold_and_a_warm_up():
    setter = RateSetter()
    optimizer = attached(setter)
    setter.add_warm_up(10)
    setter.hold(5.0)
    walk(setter, optimizer, 0, 2)
    setter.set(3.0)
    assert walk(setter, optimizer, 2, 4) == [3.0, 3.0]


def test_a_held_rate_stays_while_the_schedule_goes_on():
    setter = RateSetter(Linear(10))
    optimizer = attached(setter, 2.0, 1.0)
    setter.add_warm_up(50)
    setter.hold(0.3)
    assert walk(setter, optimizer, 0, 4) == [0.3] * 4
    assert rates_of(optimizer)[1] == 0.15
    setter.lower(0.5)
    assert walk(setter, optimizer, 4, 5) == [0.15]
    setter.release()
    assert walk(setter, optimizer, 5, 6) == [0.5]  # half of 2 · 0.5
    setter.hold(0.0)
    assert walk(setter, optimizer, 6, 12) == [0.0] * 6


def test_where_the_schedule_is_zero_a_rate_cannot_be_set_but_held():
    setter = RateSetter(Linear(3))
    with pytest.raises(UsageError, match=r"at step 0 .* use hold\(1\)"):
        RateSetter(Piecewise((5,), (0.0, 1.0))).set(1)
    optimizer = attached(setter)
    walk(setter, optimizer, 0, 3)
    with pytest.raises(UsageError, match=r"set\(0.2\) cannot be used: at step 3 .*hold\(0.2\)"):
        setter.set(0.2)
    setter.hold(0.2)
    assert walk(setter, optimizer, 3, 5) == [0.2, 0.2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.lower(1.0), "lower: factor=1.0 cannot be used; expected a number between 0"),
        (lambda s: s.lower(0), "lower: factor=0"),
        (lambda s: s.lower(2.0), "from 0 to 1"),
        (lambda s: s.set(0.0), "set: value=0.0 cannot be used; expected a number above 0"),
        (lambda s: s.set(math.nan), "set: value=nan"),
        (lambda s: s.set(math.inf), "set: value=inf"),
        (lambda s: s.set(True), "set: value=True"),
        (lambda s: s.hold(-1.0), "hold: value=-1.0"),
        (lambda s: s.hold("1"), "hold: value='1'"),
        (lambda s: s.add_warm_up(0), "add_warm_up: steps=0"),
        (lambda s: s.add_warm_up(5, start=1.1), "add_warm_up: start=1.1"),
        (lambda s: s.lower_on_plateau("eval_loss", 1.0, 3), "lower_on_plateau: factor=1.0"),
        (lambda s: s.lower_on_plateau("eval_loss", 0.1, 0), "lower_on_plateau: patience=0"),
        (
            lambda s: RateSetter(as_given(0.1)),
            "schedule=0.1 cannot be used; expected a schedule such as",
        ),
        (lambda s: RateSetter(as_given("cosine(5)")), "parse_schedule"),
        (lambda s: s.before_step(0), "has no optimizer; call attach"),
        (lambda s: s.after_epoch(report(1.0)), "has no optimizer"),
        (lambda s: attached(s, 0.0, 1.0), "the first group of the optimizer has lr=0"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(call, message):
    setter = RateSetter()
    with pytest.raises(UsageError) as caught:
        call(setter)
    assert message in str(caught.value)
    optimizer = attached(setter)
    assert walk(setter, optimizer, 0, 2) == [1.0, 1.0]


def test_a_second_call_with_the_same_step_changes_nothing():
    setter = RateSetter(StepDecay(1, 0.5))
    optimizer = attached(setter)
    setter.lower_on_plateau("train_loss", 0.1, 1)
    walk(setter, optimizer, 0, 2)
    setter.lower(0.5)
    setter.before_step(1)
    assert rates_of(optimizer) == [0.5]
    with pytest.raises(UsageError, match="step 0 comes after step 1"):
        setter.before_step(0)
    assert walk(setter, optimizer, 2, 3) == [0.125]


def test_a_setter_goes_with_one_run():
    setter = RateSetter()
    first = attached(setter)
    setter.attach(first)
    walk(setter, first, 0, 1)
    with pytest.raises(UsageError, match="has set 1 steps already"):
        setter.attach(first)


def test_a_group_that_is_added_during_the_run_has_its_own_lr_too():
    setter = RateSetter(StepDecay(2, 0.5))
    optimizer = attached(setter)
    walk(setter, optimizer, 0, 2)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))], "lr": 8.0})
    walk(setter, optimizer, 2, 3)
    assert rates_of(optimizer) == [0.5, 4.0]


def test_the_table_has_a_line_where_something_changed():
    setter = RateSetter(Piecewise((3,), (1.0, 0.5)))
    assert setter.history_frame().empty
    optimizer = attached(setter)
    walk(setter, optimizer, 0, 5)
    setter.lower(0.5, why="a")
    setter.set(0.25, why="b")
    walk(setter, optimizer, 5, 9)
    frame = setter.history_frame()
    assert frame.columns.tolist() == ["step", "rate", "demanded", "why"]
    assert frame.to_numpy().tolist() == [
        [0, 1.0, 1.0, ""],
        [3, 0.5, 0.5, ""],
        [5, 0.25, 0.25, "a; b"],
        [8, 0.25, 0.25, ""],
    ]
    assert setter.rate == 0.25


def test_long_constant_stretches_take_no_room():
    setter = RateSetter(StepDecay(1000, 0.5))
    walk(setter, attached(setter), 0, 5000)
    assert len(setter.history_frame()) == 6
    assert len(setter.state_dict()["record"]["steps"]) == 5


def test_instructions_from_other_threads_are_neither_lost_nor_torn():
    setter = RateSetter()
    optimizer = attached(setter)
    go = threading.Event()

    def tell():
        go.wait()
        for _ in range(100):
            setter.lower(0.999)
            setter.history_frame()
            setter.state_dict()

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    step = 0
    while any(thread.is_alive() for thread in threads) or step < 10:
        setter.before_step(step)
        step += 1
    setter.before_step(step)
    assert len(setter.changes) == 400
    assert rates_of(optimizer)[0] == pytest.approx(0.999**400, rel=1e-12)
    steps = [change.step for change in setter.changes]
    assert steps == sorted(steps)
    for early, late in zip(setter.changes, setter.changes[1:], strict=False):
        assert late.before == early.after


def test_a_setter_prints_what_it_does():
    assert repr(RateSetter(Cosine(5))) == "RateSetter(cosine(steps=5))"


def test_a_line_is_added_where_only_what_was_demanded_changed():
    record = RateRecord()
    for step, (used, demanded) in enumerate([(1.0, 1.0), (1.5, 4.0), (1.5, 1.5), (1.5, 1.5)]):
        record.add(step, used, demanded)
    assert record.frame(())[["rate", "demanded"]].to_numpy().tolist() == [
        [1.0, 1.0],
        [1.5, 4.0],
        [1.5, 1.5],
        [1.5, 1.5],
    ]
