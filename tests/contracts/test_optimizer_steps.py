"""A step of every torch optimizer is its rule's under any schedule, and leaves the rest alone."""

from __future__ import annotations

import pytest
import torch
from optimizer_table import ROWS
from torch.nn import Parameter
from walking import (
    Follower,
    advance,
    assert_close,
    build,
    cases,
    cases_of_rules,
    equal,
    gradient_of,
    make_parameters,
    modes,
    rows,
    set_gradients,
    states,
    values,
    varied,
)

from nagcore.errors import UsageError

TIGHT = {"rtol": 1e-11, "atol": 1e-12}


def follow(row, optimizer, parameters, steps, as_tensor=False):
    """Let the values of all groups change at every step, and hold every step to the rule."""
    follower = Follower(row, optimizer)
    for k in range(steps):
        for group in optimizer.param_groups:
            changes = varied(row, group, k)
            if as_tensor:
                changes["lr"] = torch.tensor(changes["lr"], dtype=torch.float64)
            group.update(changes)
        set_gradients(parameters, k)
        follower.step()
        optimizer.step()
        follower.check(**TIGHT)


@cases_of_rules
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_follows_its_rule_while_lr_and_momentum_change_at_every_step(row, arguments, dtype):
    if dtype.is_complex and not row.complex:
        with pytest.raises(UsageError, match="a parameter is complex"):
            row.build(make_parameters(dtype), **arguments)
        return
    parameters = make_parameters(dtype)
    follow(row, row.build(parameters, **arguments), parameters, steps=30)


@rows
@modes
def test_follows_its_rule_in_every_execution(row, mode):
    parameters = make_parameters()
    follow(row, build(row, parameters, execution=mode), parameters, steps=12)


@rows
@pytest.mark.parametrize("capturable", [False, True])
def test_a_step_size_that_is_a_tensor_follows_the_rule_too(row, capturable):
    parameters = make_parameters()
    optimizer = build(row, parameters, capturable=capturable)
    follow(row, optimizer, parameters, steps=12, as_tensor=True)


@rows
@modes
def test_a_tensor_as_lr_equals_the_number(row, mode):
    """A tensor of float64 holds the number exactly."""
    with_number, with_tensor = make_parameters(), make_parameters()
    lr = torch.tensor(row.plain["lr"], dtype=torch.float64)
    advance(build(row, with_number, execution=mode), with_number, 5)
    advance(build(row, with_tensor, execution=mode, lr=lr), with_tensor, 5)
    assert equal(with_number, with_tensor)


@rows
def test_a_tensor_as_lr_that_is_changed_in_place_is_seen(row):
    changed, replaced = make_parameters(), make_parameters()
    lr = torch.tensor(0.1, dtype=torch.float64)
    held = build(row, changed, lr=lr)
    anew = build(row, replaced, lr=0.1)
    for k in range(4):
        lr.fill_(0.1 / (1 + k))
        for group in anew.param_groups:
            if group["lr"] != row.plain.get("fallback_lr"):
                group["lr"] = 0.1 / (1 + k)
        advance(held, changed, 1, start=k)
        advance(anew, replaced, 1, start=k)
    assert equal(changed, replaced)


@cases
@modes
def test_leaves_gradients_as_they_were(row, arguments, mode):
    parameters = make_parameters()
    optimizer = row.build(parameters, execution=mode, **arguments)
    for k in range(3):
        set_gradients(parameters, k)
        objects = [gradient_of(p) for p in parameters]
        before = values(objects)
        optimizer.step()
        assert all(p.grad is grad for p, grad in zip(parameters, objects, strict=True))
        assert equal(objects, before)


@rows
@modes
def test_gradients_are_not_kept_by_reference(row, mode):
    """Whoever writes over .grad after a step, as zero_grad(set_to_none=False) does, may do so."""
    kept, overwritten = make_parameters(), make_parameters()
    first, second = build(row, kept, execution=mode), build(row, overwritten, execution=mode)
    for k in range(4):
        advance(first, kept, 1, start=k)
        advance(second, overwritten, 1, start=k)
        for p in overwritten:
            gradient_of(p).fill_(1e6)
    assert equal(kept, overwritten)


@rows
@modes
def test_a_parameter_whose_gradient_comes_late_starts_from_rest(row, mode):
    parameters = make_parameters()
    optimizer = build(row, parameters, execution=mode)
    start = values(parameters)
    for k in range(3):
        set_gradients(parameters, k)
        for p in parameters[2:]:
            p.grad = None
        optimizer.step()
    assert equal(parameters[2:], start[2:])
    advance(optimizer, parameters, 4, start=3)

    late = [Parameter(value) for value in start[2:]]
    advance(build(row, late, execution=mode), late, 4, start=3)
    assert equal(parameters[2:], late)


@rows
@modes
def test_a_parameter_that_never_has_a_gradient_never_moves(row, mode):
    parameters = make_parameters()
    optimizer = build(row, parameters, execution=mode)
    start = values(parameters)
    for k in range(3):
        set_gradients(parameters[1:], k)
        optimizer.step()
    assert equal(parameters[:1], start[:1])
    assert not optimizer.state[parameters[0]]
    assert not equal(parameters[1:], start[1:])


@rows
@modes
def test_a_step_without_any_gradient_does_nothing(row, mode):
    parameters = make_parameters()
    optimizer = build(row, parameters, execution=mode)
    start = values(parameters)
    optimizer.step()
    assert equal(parameters, start)
    advance(optimizer, parameters, 2)
    before, state = values(parameters), states(optimizer, parameters)
    optimizer.zero_grad()
    optimizer.step()
    assert equal(parameters, before)
    assert equal(states(optimizer, parameters), state)


@rows
@pytest.mark.parametrize("capturable", [False, True])
def test_a_parameter_that_skips_steps_goes_on_as_if_there_had_been_none(row, capturable):
    """Each parameter counts its own steps, though its neighbours went on."""
    parameters, alone = make_parameters(), make_parameters()
    optimizer = build(row, parameters, capturable=capturable)
    single = build(row, alone[:1], capturable=capturable)
    for k in range(8):
        set_gradients(parameters, k)
        if k in (3, 4, 6):
            parameters[0].grad = None
        optimizer.step()
        if k not in (3, 4, 6):
            set_gradients(alone[:1], k)
            single.step()
    assert equal(parameters[:1], alone[:1])
    assert equal(states(optimizer, parameters[:1]), states(single, alone[:1]))


@rows
def test_maximize_is_descent_on_the_negated_gradient(row):
    up, down = make_parameters(), make_parameters()
    climbing, descending = build(row, up, maximize=True), build(row, down)
    for k in range(4):
        set_gradients(up, k)
        climbing.step()
        set_gradients(down, k)
        for p in down:
            p.grad = -gradient_of(p)
        descending.step()
    assert equal(up, down)


decayed = pytest.mark.parametrize(
    ("row", "kind", "arguments"),
    [
        pytest.param(row, kind, arguments, id=f"{name} {kind}")
        for name, row in ROWS.items()
        for kind, arguments in row.with_decay.items()
        if kind != "own"  # which the rule has, and is followed with it above
    ],
)


@decayed
def test_weight_decay_means_what_it_is_called(row, kind, arguments):
    """Coupled: the gradient of the penalty. Decoupled: weights shrink by 1 − lr·λ first."""
    decaying, by_hand = make_parameters(), make_parameters()
    weight = arguments["weight_decay"]
    with_option = row.build(decaying, **arguments)
    without = row.build(by_hand, **{**arguments, "weight_decay": 0.0})
    sign = -1 if arguments.get("maximize") else 1
    for k in range(6):
        set_gradients(decaying, k)
        with_option.step()
        set_gradients(by_hand, k)
        for group in without.param_groups:
            for p in group["params"]:
                if kind == "coupled":
                    p.grad = gradient_of(p) + sign * weight * p.detach()
                else:
                    p.data.mul_(1 - group["lr"] * weight)
        without.step()
    assert_close(decaying, by_hand, rtol=1e-12, atol=1e-13)


@rows
@modes
def test_a_closure_sees_the_parameters_and_its_loss_is_returned(row, mode):
    p = Parameter(torch.tensor([2.0]))
    optimizer = build(row, [p], execution=mode)
    seen = []

    def closure():
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        seen.append(p.item())
        return loss

    assert optimizer.step(closure).item() == 4.0
    assert seen == [2.0]
    assert p.item() != 2.0


@rows
def test_groups_have_their_own_settings(row):
    together, alone = make_parameters(), make_parameters()
    others = varied(row, dict(build(row, make_parameters()).param_groups[0]), 3)
    groups = [{"params": together[:2], **others}, {"params": together[2:]}]
    advance(build(row, groups), together, 5)
    advance(build(row, alone[2:]), alone[2:], 5)
    first = build(row, [{"params": alone[:2], **others}])
    advance(first, alone[:2], 5)
    assert equal(together, alone)
    assert not equal(together[:2], make_parameters()[:2])


@rows
@modes
def test_a_group_that_is_added_later_takes_part(row, mode):
    parameters, alone = make_parameters(), make_parameters()
    optimizer = build(row, parameters[:1], execution=mode)
    advance(optimizer, parameters[:1], 3)
    optimizer.add_param_group({"params": parameters[1:]})
    advance(optimizer, parameters, 3, start=3)
    advance(build(row, alone[1:], execution=mode), alone[1:], 3, start=3)
    assert equal(parameters[1:], alone[1:])


@rows
@modes
def test_sparse_gradients_are_refused_before_anything_moves(row, mode):
    dense = make_parameters(torch.float32)
    embedding = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = build(row, [*dense, *embedding.parameters()], execution=mode)
    set_gradients(dense, 0)
    embedding(torch.tensor([1, 2])).sum().backward()
    before = values([*dense, embedding.weight])
    with pytest.raises(UsageError, match=r"shape \(5, 2\) has a sparse gradient"):
        optimizer.step()
    assert equal([*dense, embedding.weight], before)
