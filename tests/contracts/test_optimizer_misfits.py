"""A state that does not fit is refused, what does not fit is said, and nothing is taken over."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from optimizer_table import ROWS
from torch.nn import Parameter
from walking import (
    advance,
    build,
    equal,
    make_parameters,
    modes,
    rows,
    set_gradients,
    states,
    values,
)

from nagcore.errors import UsageError


def named(parameters, names="abcd"):
    return list(zip(names, parameters, strict=False))


def saved_state(row, parameters, with_names):
    optimizer = build(row, named(parameters) if with_names else parameters)
    advance(optimizer, parameters, 2)
    return optimizer.state_dict()


def refuse(optimizer, parameters, state, words):
    """Hold that a state is refused, and that the optimizer is what it was."""
    before, remembered = values(parameters), states(optimizer, parameters)
    groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    with pytest.raises(UsageError, match=words):
        optimizer.load_state_dict(state)
    assert equal(parameters, before)
    assert equal(states(optimizer, parameters), remembered)
    assert groups == [
        {k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups
    ]
    advance(optimizer, parameters, 1)  # and it goes on


MATRICES = [(3, 2), (2, 3), (2, 2)]


@rows
@pytest.mark.parametrize("with_names", [False, True])
def test_parameters_that_were_frozen_are_missed(row, with_names):
    """Left out of the optimizer, as whoever freezes a layer often does."""
    parameters = make_parameters(shapes=MATRICES)
    state = saved_state(row, parameters, with_names)
    fewer = make_parameters(shapes=MATRICES)
    left = named(fewer)[1:] if with_names else fewer[1:]
    optimizer = build(row, left, lr=0.7)
    advance(optimizer, fewer[1:], 1)
    words = "has 3 parameters and that of the optimizer 2"
    refuse(optimizer, fewer[1:], state, f"{words}; gone: a" if with_names else words)


@rows
@pytest.mark.parametrize("with_names", [False, True])
def test_parameters_that_were_added_are_named(row, with_names):
    parameters = make_parameters(shapes=MATRICES)[:2]
    state = saved_state(row, parameters, with_names)
    more = make_parameters(shapes=MATRICES)
    optimizer = build(row, named(more) if with_names else more, lr=0.7)
    words = "has 2 parameters and that of the optimizer 3"
    refuse(optimizer, more, state, f"{words}; new: c" if with_names else words)


@rows
def test_a_renamed_parameter_is_told_by_both_names(row):
    state = saved_state(row, make_parameters(shapes=MATRICES), with_names=True)
    others = make_parameters(shapes=MATRICES)
    optimizer = build(row, named(others, "abx"), lr=0.7)
    refuse(optimizer, others, state, r"(?s)gone: c.*new: x")


@rows
def test_parameters_in_another_order_are_told_by_their_shapes(row):
    state = saved_state(row, make_parameters(shapes=MATRICES), with_names=False)
    others = make_parameters(shapes=MATRICES)[::-1]
    optimizer = build(row, others, lr=0.7)
    advance(optimizer, others, 1)
    refuse(optimizer, others, state, r"has shape \(3, 2\), and the parameter \(2, 2\)")


@rows
def test_parameters_of_one_shape_in_another_order_are_told_by_their_names(row):
    same = [(2, 2)] * 3
    state = saved_state(row, make_parameters(shapes=same), with_names=True)
    others = make_parameters(shapes=same)
    optimizer = build(row, named(others, "cba"), lr=0.7)
    refuse(optimizer, others, state, "order")


@rows
def test_another_number_of_groups_is_told(row):
    parameters = make_parameters(shapes=MATRICES)
    state = saved_state(row, parameters, with_names=False)
    others = make_parameters(shapes=MATRICES)
    optimizer = build(row, [{"params": others[:1]}, {"params": others[1:]}])
    refuse(optimizer, others, state, "has 1 parameter groups and")


@rows
@pytest.mark.parametrize(
    "other", [torch.optim.Adam, torch.optim.RMSprop, partial(torch.optim.SGD, momentum=0.9)]
)
def test_the_state_of_another_optimizer_is_told(row, other):
    parameters = make_parameters(shapes=MATRICES)
    stranger = other(parameters, lr=0.3)
    advance(stranger, parameters, 2)
    own = make_parameters(shapes=MATRICES)
    optimizer = build(row, own)
    refuse(optimizer, own, stranger.state_dict(), "belongs to another|nesterov=False")


@rows
def test_the_state_of_another_of_our_optimizers_is_told(row):
    own = make_parameters(shapes=MATRICES)
    optimizer = build(row, own)
    mine = set(next(iter(saved_state(row, own, with_names=False)["state"].values())))
    for stranger in ROWS.values():
        state = saved_state(stranger, make_parameters(shapes=MATRICES), with_names=False)
        if set(next(iter(state["state"].values()))) != mine:
            refuse(optimizer, own, state, "belongs to another")


@rows
def test_a_frozen_parameter_may_stay_in_the_optimizer(row):
    parameters = make_parameters(shapes=MATRICES)
    state = saved_state(row, parameters, with_names=False)
    again = [Parameter(value) for value in values(parameters)]
    again[0].requires_grad_(False)
    optimizer = build(row, again)
    optimizer.load_state_dict(state)
    before = values(again)
    set_gradients(again[1:], 2)
    optimizer.step()
    assert equal(again[:1], before[:1])
    assert not equal(again[1:], before[1:])
    optimizer.load_state_dict(optimizer.state_dict())


@rows
@modes
@pytest.mark.parametrize("to", [torch.float64, torch.float16, torch.bfloat16])
def test_parameters_that_change_their_type_step_rightly_or_are_refused(row, mode, to):
    """As model.double() or model.half() after the first steps: p.data is another tensor then."""
    parameters = make_parameters(torch.float32)
    optimizer = build(row, parameters, execution=mode)
    advance(optimizer, parameters, 2)
    expected = [Parameter(p.detach().to(to)) for p in parameters]
    same = build(row, expected, execution="plain")
    same.load_state_dict(optimizer.state_dict())
    for p in parameters:
        p.grad = None
        p.data = p.data.to(to)
    before = values(parameters)
    set_gradients(parameters, 2)
    set_gradients(expected, 2)
    try:
        optimizer.step()
    except UsageError as error:
        assert str(to) in str(error)  # noqa: PT017
        assert equal(parameters, before)
        return
    same.step()
    rough = {torch.float64: 1e-6, torch.float16: 2e-3, torch.bfloat16: 2e-2}[to]
    for p, q in zip(parameters, expected, strict=True):
        assert p.dtype is to
        torch.testing.assert_close(p, q, rtol=rough, atol=rough)


@rows
@modes
@pytest.mark.parametrize("shape", [(5, 7), (1, 2), (2, 3)])
def test_a_parameter_that_changes_its_shape_is_refused(row, mode, shape):
    """Raw memory is never read or written beyond its end."""
    parameters = make_parameters(torch.float32, shapes=[(3, 2), (4, 4)])
    optimizer = build(row, parameters, execution=mode)
    advance(optimizer, parameters, 2)
    parameters[0].grad = None
    parameters[0].data = torch.ones(shape)
    before = values(parameters)
    set_gradients(parameters, 2)
    with pytest.raises(UsageError, match=rf"\({shape[0]}, {shape[1]}\)"):
        optimizer.step()
    assert equal(parameters, before)


@rows
@modes
def test_new_memory_under_a_parameter_is_stepped(row, mode):
    """As an average of weights does, or a model that is moved: p.data is reassigned."""
    moved, stayed = make_parameters(), make_parameters()
    first, second = (build(row, ps, execution=mode) for ps in (moved, stayed))
    for k in range(5):
        advance(first, moved, 1, start=k)
        advance(second, stayed, 1, start=k)
        old = [p.data for p in moved]
        for p in moved:
            p.data = p.data.clone()
        for memory in old:
            memory.fill_(7.0)
    assert equal(moved, stayed)


@rows
@modes
def test_state_that_is_replaced_by_hand_is_used(row, mode):
    replaced, loaded = make_parameters(), make_parameters()
    first, second = (build(row, ps, execution=mode) for ps in (replaced, loaded))
    advance(first, replaced, 2)
    advance(second, loaded, 2)
    for p in replaced:
        for name, value in first.state[p].items():
            if torch.is_tensor(value) and value.dim() == p.dim():
                first.state[p][name] = value.clone().mul_(0.5)
    for p in loaded:
        for value in second.state[p].values():
            if torch.is_tensor(value) and value.dim() == p.dim():
                value.mul_(0.5)
    advance(first, replaced, 2, start=2)
    advance(second, loaded, 2, start=2)
    assert equal(replaced, loaded)
