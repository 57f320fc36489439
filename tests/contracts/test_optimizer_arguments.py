"""Bad values are refused by name and value: at the start, in a group, when set or loaded later."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from optimizer_table import ROWS
from torch.nn import Parameter
from torch.optim.optimizer import register_optimizer_step_post_hook
from walking import (
    advance,
    build,
    equal,
    make_parameters,
    on_cuda,
    rows,
    set_gradients,
    states,
    values,
    varied,
)

from nagcore.errors import UsageError

bad = pytest.mark.parametrize(
    ("row", "arguments", "words"),
    [
        pytest.param(row, arguments, words, id=f"{name} {words}")
        for name, row in ROWS.items()
        for arguments, words in row.bad
    ],
)


def rows_with(name):
    """Return the mark that walks the rows whose setting of that name may be scheduled."""
    walked = {key: row for key, row in ROWS.items() if name in row.scheduled}
    return pytest.mark.parametrize("row", walked.values(), ids=walked)


def groups_of(optimizer):
    return [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]


@bad
def test_bad_arguments_are_refused_in_constructor_and_group(row, arguments, words):
    with pytest.raises(UsageError, match=words):
        row.build(make_parameters(), **arguments)
    with pytest.raises(UsageError, match=words):
        row.build([{"params": make_parameters(), **arguments}])
    optimizer = build(row, make_parameters()[:1])
    number = len(optimizer.param_groups)
    with pytest.raises(UsageError, match=words):
        optimizer.add_param_group({"params": make_parameters()[1:], **arguments})
    assert len(optimizer.param_groups) == number


@bad
def test_bad_values_set_later_are_refused_before_anything_moves(row, arguments, words):
    parameters = make_parameters()
    optimizer = build(row, [{"params": parameters[:1]}, {"params": parameters[1:]}])
    advance(optimizer, parameters, 2)
    before, state = values(parameters), states(optimizer, parameters)
    optimizer.param_groups[-1].update(arguments)
    set_gradients(parameters, 2)
    for _ in range(2):  # it does not get used to it
        with pytest.raises(UsageError, match=words):
            optimizer.step()
    assert equal(parameters, before)
    assert equal(states(optimizer, parameters), state)


@bad
def test_bad_values_in_a_state_are_refused_and_nothing_is_taken_over(row, arguments, words):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    advance(optimizer, parameters, 2)
    saved = optimizer.state_dict()
    saved["param_groups"][-1].update(arguments)
    other_parameters = make_parameters()
    other = build(row, other_parameters)
    advance(other, other_parameters, 1)
    before, groups = states(other, other_parameters), groups_of(other)
    if "execution" in arguments:  # which stays that of the optimizer
        other.load_state_dict(saved)
        assert groups_of(other) == groups
        return
    with pytest.raises(UsageError, match=words):
        other.load_state_dict(saved)
    assert equal(states(other, other_parameters), before)
    assert groups_of(other) == groups


@rows
def test_a_value_that_is_set_later_counts_from_the_next_step_on(row):
    for name in row.scheduled:
        changed, made = make_parameters(), make_parameters()
        optimizer, twin = build(row, changed), build(row, made)
        advance(optimizer, changed, 2)
        advance(twin, made, 2)
        for group in optimizer.param_groups:
            group[name] = varied(row, group, 3)[name]
        resumed = build(row, made)  # which has no step behind it
        resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        advance(optimizer, changed, 2, start=2)
        advance(resumed, made, 2, start=2)
        assert equal(changed, made)


@rows_with("betas")
def test_betas_in_a_list_may_be_written_over(row):
    written, replaced = make_parameters(), make_parameters()
    betas = list(build(row, make_parameters()).param_groups[0]["betas"])
    first, second = build(row, written, betas=betas), build(row, replaced, betas=list(betas))
    for k in range(4):
        betas[0] = 0.9 / (k + 1)
        second.param_groups[0]["betas"] = (0.9 / (k + 1), *betas[1:])
        advance(first, written, 1, start=k)
        advance(second, replaced, 1, start=k)
    assert equal(written, replaced)


@rows
def test_a_group_that_is_replaced_by_another_dictionary_is_seen(row):
    replaced, updated = make_parameters(), make_parameters()
    first, second = build(row, replaced), build(row, updated)
    for k in range(4):
        for group in second.param_groups:
            group["lr"] = 0.1 / (k + 1)
        first.param_groups[:] = [{**group, "lr": 0.1 / (k + 1)} for group in first.param_groups]
        advance(first, replaced, 1, start=k)
        advance(second, updated, 1, start=k)
    assert equal(replaced, updated)


@rows
def test_a_tensor_of_several_elements_is_refused(row):
    for name in {"lr", "momentum"} & set(row.scheduled):
        with pytest.raises(UsageError, match=rf"{name} is a tensor of shape \(2,\)"):
            row.build(make_parameters(), **{name: torch.tensor([0.1, 0.2])})


@rows
def test_a_bad_value_in_a_tensor_is_refused(row):
    with pytest.raises(UsageError, match=r"lr is -0\.5"):
        row.build(make_parameters(), lr=torch.tensor(-0.5))


@rows
@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ([], ValueError, "empty parameter list"),
        (torch.zeros(2), TypeError, "iterable"),
        ([3.0], TypeError, "optimize Tensors"),
        ([Parameter(torch.zeros(2)) * 1], ValueError, "non-leaf"),
    ],
)
def test_what_is_no_list_of_parameters_is_refused_as_torch_does(row, parameters, error, words):
    for build_one in (row.build, torch.optim.SGD):
        with pytest.raises(error, match=words):
            build_one(parameters, lr=0.1)


@rows
def test_a_parameter_in_two_groups_is_refused(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": parameters[:1]})


@rows
def test_parameters_may_come_from_a_generator_with_their_names(row):
    model, twin = (torch.nn.Linear(3, 2) for _ in range(2))
    twin.load_state_dict(model.state_dict())
    named = build(row, model.named_parameters())
    plain = build(row, iter(list(twin.parameters())))
    names = [name for group in named.param_groups for name in group["param_names"]]
    assert names == ["weight", "bias"]
    for k in range(3):
        advance(named, list(model.parameters()), 1, start=k)
        advance(plain, list(twin.parameters()), 1, start=k)
    assert equal(model.parameters(), twin.parameters())
    assert repr(named).count("param_names") == len(named.param_groups)


@rows
def test_named_groups_have_their_own_settings(row):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    optimizer = build(
        row,
        [
            {"params": model[0].named_parameters(), "lr": 0.3},
            {"params": list(model[1].named_parameters())},
        ],
    )
    first = [g for g in optimizer.param_groups if g["lr"] == 0.3]
    assert any("weight" in group["param_names"] for group in first)


@rows
def test_the_step_is_called_with_its_hooks_and_they_may_be_removed(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    called = []
    before = optimizer.register_step_pre_hook(lambda *_: called.append("before"))
    after = optimizer.register_step_post_hook(lambda *_: called.append("after"))
    advance(optimizer, parameters, 1)
    assert called == ["before", "after"]
    before.remove()
    after.remove()
    advance(optimizer, parameters, 1, start=1)
    assert called == ["before", "after"]
    plain = make_parameters()
    advance(build(row, plain), plain, 2)
    assert equal(parameters, plain)


@rows
def test_hooks_of_all_optimizers_and_the_profiler_see_the_step(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    advance(optimizer, parameters, 1)
    called = []
    hook = register_optimizer_step_post_hook(lambda one, *_: called.append(type(one)))
    try:
        advance(optimizer, parameters, 1, start=1)
    finally:
        hook.remove()
    assert called == [row.build]
    profile: Any
    with torch.autograd.profiler.profile() as profile:
        advance(optimizer, parameters, 1, start=2)
    seen = [event.name for event in profile.function_events]
    assert f"Optimizer.step#{row.build.__name__}.step" in seen


@rows
def test_zero_grad_does_what_torch_says(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    set_gradients(parameters, 0)
    optimizer.zero_grad(set_to_none=False)
    assert all(p.grad is not None and not p.grad.any() for p in parameters)
    optimizer.zero_grad()
    assert all(p.grad is None for p in parameters)


@rows
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=on_cuda)])
def test_gradients_are_not_recorded_by_the_step(row, device):
    parameters = make_parameters(device=device)
    advance(build(row, parameters), parameters, 2)
    assert torch.is_grad_enabled()
    assert all(p.is_leaf and p.requires_grad and p.grad_fn is None for p in parameters)
