"""Checkpoints of torch's SGD: whoever changes over to NAG, or back, keeps the run."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import Parameter

from nagcore.errors import UsageError
from nagcore.optim import NAG

SETTINGS = {"lr": 0.03, "momentum": 0.9}
CURVATURE = torch.tensor([1.0, 10.0], dtype=torch.float64)


def start():
    return [
        Parameter(torch.tensor([1.5, -2.0], dtype=torch.float64)),
        Parameter(torch.tensor([[0.5, 0.25]], dtype=torch.float64)),
    ]


def descend(optimizer, parameters, steps, scheduler=None):
    for _ in range(steps):
        for p in parameters:
            p.grad = CURVATURE * p.detach() - torch.sin(p.detach())
        optimizer.step()
        if scheduler:
            scheduler.step()


def sgd(parameters, **settings):
    return torch.optim.SGD(parameters, nesterov=True, **{**SETTINGS, **settings})


def assert_equal(some, others):
    for p, q in zip(some, others, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-13)


VARIANTS = [
    {},
    {"weight_decay": 0.05},
    {"maximize": True, "lr": 0.01},
    {"momentum": 0.5},
    {"fused": True},
    {"foreach": True},
    {"foreach": False},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
@pytest.mark.parametrize("before", [0, 1, 7])
def test_nag_goes_on_exactly_as_sgd_would_have(settings, before):
    straight, taken_over = start(), start()
    first, second = sgd(straight, **settings), sgd(taken_over, **settings)
    descend(first, straight, before)
    descend(second, taken_over, before)
    nag = NAG(taken_over, lr=0.7)
    nag.load_state_dict(second.state_dict())
    descend(first, straight, 20)
    descend(nag, taken_over, 20)
    assert_equal(straight, taken_over)
    for name in ("lr", "momentum", "weight_decay", "maximize"):
        assert nag.param_groups[0][name] == first.param_groups[0][name]


@pytest.mark.parametrize("settings", [v for v in VARIANTS if not {"fused", "foreach"} & set(v)])
@pytest.mark.parametrize("before", [0, 1, 7])
def test_sgd_goes_on_exactly_as_nag_would_have(settings, before):
    straight, taken_over = start(), start()
    first, second = (NAG(p, **{**SETTINGS, **settings}) for p in (straight, taken_over))
    descend(first, straight, before)
    descend(second, taken_over, before)
    back = sgd(taken_over, lr=0.7)
    back.load_state_dict(second.sgd_state_dict())
    descend(first, straight, 20)
    descend(back, taken_over, 20)
    assert_equal(straight, taken_over)


def test_there_and_back_is_where_it_was():
    parameters = start()
    optimizer = sgd(parameters)
    descend(optimizer, parameters, 5)
    state = optimizer.state_dict()
    nag = NAG(parameters, lr=0.7)
    nag.load_state_dict(state)
    back = nag.sgd_state_dict()
    assert back["param_groups"] == state["param_groups"]
    for index, held in state["state"].items():
        torch.testing.assert_close(
            back["state"][index]["momentum_buffer"], held["momentum_buffer"], rtol=1e-14, atol=0
        )


@pytest.mark.parametrize("execution", ["plain", "foreach", "flat", "auto"])
@pytest.mark.parametrize("capturable", [False, True])
def test_the_state_of_sgd_serves_every_way_to_run_a_step(execution, capturable):
    straight, taken_over = start(), start()
    first, second = sgd(straight), sgd(taken_over)
    descend(first, straight, 5)
    descend(second, taken_over, 5)
    nag = NAG(taken_over, execution=execution, capturable=capturable)
    nag.load_state_dict(second.state_dict())
    descend(first, straight, 10)
    descend(nag, taken_over, 10)
    assert_equal(straight, taken_over)
    back = sgd(taken_over)
    back.load_state_dict(nag.sgd_state_dict())
    descend(first, straight, 10)
    descend(back, taken_over, 10)
    assert_equal(straight, taken_over)


def test_groups_with_settings_of_their_own_are_taken_over():
    def groups(parameters):
        return [
            {"params": parameters[:1], "lr": 0.02, "momentum": 0.5},
            {"params": parameters[1:], "weight_decay": 0.1},
        ]

    straight, taken_over = start(), start()
    first, second = sgd(groups(straight)), sgd(groups(taken_over))
    descend(first, straight, 5)
    descend(second, taken_over, 5)
    nag = NAG(groups(taken_over), lr=0.7)
    nag.load_state_dict(second.state_dict())
    descend(first, straight, 10)
    descend(nag, taken_over, 10)
    assert_equal(straight, taken_over)


def test_a_frozen_parameter_has_no_buffer_and_needs_none():
    straight, taken_over = start(), start()
    first, second = sgd(straight), sgd(taken_over)
    descend(first, straight[:1], 5)
    descend(second, taken_over[:1], 5)
    nag = NAG(taken_over, lr=0.7)
    nag.load_state_dict(second.state_dict())
    descend(nag, taken_over, 3)
    descend(first, straight, 3)
    assert_equal(straight, taken_over)
    back = sgd(taken_over)
    back.load_state_dict(nag.sgd_state_dict())


def test_a_one_cycle_run_is_taken_over_in_the_middle_with_its_schedule():
    """Exactly where lr and momentum stand still; the schedule itself goes on in both."""
    total = 20
    parameters = start()
    optimizer = sgd(parameters)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.05, total_steps=total)
    descend(optimizer, parameters, 8, scheduler)
    state, schedule = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
    assert "max_momentum" in state["param_groups"][0]

    taken_over = [Parameter(p.detach().clone()) for p in parameters]
    nag = NAG(taken_over, lr=0.7)
    its_own = torch.optim.lr_scheduler.OneCycleLR(nag, max_lr=0.05, total_steps=total)
    nag.load_state_dict(state)
    its_own.load_state_dict(schedule)
    for _ in range(total - 8):
        for name in ("lr", "momentum"):
            assert nag.param_groups[0][name] == optimizer.param_groups[0][name]
        descend(optimizer, parameters, 1, scheduler)
        descend(nag, taken_over, 1, its_own)
    assert all(p.isfinite().all() for p in taken_over)

    back = sgd(taken_over)
    torch.optim.lr_scheduler.OneCycleLR(back, max_lr=0.05, total_steps=total)
    back.load_state_dict(nag.sgd_state_dict())
    assert back.param_groups[0]["max_momentum"] == state["param_groups"][0]["max_momentum"]


def test_the_step_after_a_take_over_may_have_another_lr():
    """The displacement is scaled by the lr it was made with, not by the next one."""
    parameters = start()
    optimizer = sgd(parameters)
    descend(optimizer, parameters, 5)
    nag = NAG(parameters, lr=0.7)
    nag.load_state_dict(optimizer.state_dict())
    for p in parameters:
        expected = -0.03 * optimizer.state[p]["momentum_buffer"]
        torch.testing.assert_close(nag.state[p]["displacement"], expected)


@pytest.mark.parametrize(("momentum", "words"), [(0.9, "momentum=0.9"), (0.0, "momentum=0")])
def test_sgd_without_nesterovs_momentum_is_refused(momentum, words):
    parameters = start()
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=momentum)
    descend(optimizer, parameters, 2)
    nag = NAG(parameters, lr=0.2)
    with pytest.raises(UsageError, match=rf"{words}.*nesterov=False, expected nesterov=True"):
        nag.load_state_dict(optimizer.state_dict())
    assert nag.param_groups[0]["lr"] == 0.2
    assert not any(nag.state.values())


def test_lr_0_is_refused_both_ways_where_something_would_be_lost():
    parameters = start()
    optimizer = sgd(parameters)
    descend(optimizer, parameters, 2)
    state = optimizer.state_dict()
    state["param_groups"][0]["lr"] = 0.0
    nag = NAG(parameters, lr=0.2)
    with pytest.raises(UsageError, match="lr is 0 in the state of SGD"):
        nag.load_state_dict(state)
    assert not any(nag.state.values())
    assert nag.param_groups[0]["lr"] == 0.2

    descend(nag, parameters, 2)
    nag.param_groups[0]["lr"] = 0.0
    with pytest.raises(UsageError, match="lr of group 0 is 0"):
        nag.sgd_state_dict()


def test_lr_0_before_the_first_step_loses_nothing():
    parameters = start()
    nag = NAG(parameters, lr=0.2)
    nag.load_state_dict(sgd(parameters, lr=0.0).state_dict())
    assert nag.param_groups[0]["lr"] == 0.0
    assert nag.sgd_state_dict()["state"] == {}


def test_decoupled_decay_is_refused_on_the_way_to_sgd():
    nag = NAG(start(), weight_decay=0.1, decoupled_weight_decay=True)
    with pytest.raises(UsageError, match=r"group 0 has decoupled weight decay 0\.1"):
        nag.sgd_state_dict()
    without = NAG(start(), weight_decay=0.0, decoupled_weight_decay=True)
    assert without.sgd_state_dict()["param_groups"][0]["weight_decay"] == 0.0


def test_sgd_that_was_damped_is_refused():
    """dampening is 0 with Nesterov's momentum; a group that was changed later is no such run."""
    state = sgd(start()).state_dict()
    state["param_groups"][0]["dampening"] = 0.5
    with pytest.raises(UsageError, match=r"dampening.*0\.5"):
        NAG(start()).load_state_dict(state)


def test_a_state_of_sgd_for_other_parameters_is_refused():
    parameters = start()
    optimizer = sgd(parameters)
    descend(optimizer, parameters, 2)
    with pytest.raises(UsageError, match="2 parameters and that of the optimizer 1"):
        NAG(start()[:1]).load_state_dict(optimizer.state_dict())
    with pytest.raises(UsageError, match="shape"):
        NAG(start()[::-1]).load_state_dict(optimizer.state_dict())
