"""Where parameters are query points, the iterate is at hand, and the way back is exact."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from walking import (
    advance,
    build,
    cases,
    equal,
    make_parameters,
    rows_with_iterate,
    set_gradients,
    values,
    varied,
)

from nagcore.errors import UsageError

cases_with_iterate = pytest.mark.parametrize(
    ("row", "arguments"),
    [case for case in cases.args[1] if case.values[0].has_iterate],
)


@cases_with_iterate
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64, torch.bfloat16])
def test_at_iterate_gives_back_the_same_bits_even_after_an_error(row, arguments, dtype):
    parameters = make_parameters(dtype)
    optimizer = row.build(parameters, **arguments)
    advance(optimizer, parameters, 5)
    before = values(parameters)
    with pytest.raises(ZeroDivisionError), optimizer.at_iterate():
        raise ZeroDivisionError
    assert equal(parameters, before)
    with optimizer.at_iterate():
        for p in parameters:
            p.data.zero_()
    assert equal(parameters, before)
    advance(optimizer, parameters, 1)  # and it goes on


@rows_with_iterate
def test_at_iterate_moves_the_parameters(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    advance(optimizer, parameters, 3)
    before = values(parameters)
    with optimizer.at_iterate():
        assert not equal(parameters, before)


@rows_with_iterate
def test_at_iterate_before_the_first_step_is_the_start(row):
    parameters = make_parameters()
    with build(row, parameters).at_iterate():
        assert equal(parameters, make_parameters())


@rows_with_iterate
def test_what_needs_the_query_point_is_refused_inside_at_iterate(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    advance(optimizer, parameters, 1)
    saved, before = optimizer.state_dict(), values(parameters)
    with optimizer.at_iterate():
        for misuse in (
            optimizer.step,
            optimizer.state_dict,
            lambda: optimizer.load_state_dict(saved),
            lambda: pickle.dumps(optimizer),
            lambda: copy.deepcopy(optimizer),
            lambda: optimizer.at_iterate().__enter__(),
        ):
            with pytest.raises(UsageError, match="leave the with block"):
                misuse()
    assert equal(parameters, before)


@rows_with_iterate
def test_a_closure_is_not_called_inside_at_iterate(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    with optimizer.at_iterate(), pytest.raises(UsageError, match="leave the with block"):
        optimizer.step(lambda: pytest.fail("called at the iterate"))


@rows_with_iterate
@pytest.mark.parametrize("capturable", [False, True])
def test_a_parameter_that_skips_a_step_keeps_its_own_iterate(row, capturable):
    """Its query point was formed with an older momentum than its neighbours': it must be known."""
    parameters = make_parameters()
    optimizer = build(row, parameters, capturable=capturable)
    advance(optimizer, parameters, 3)
    with optimizer.at_iterate():
        iterate = parameters[0].detach().clone()
    for group in optimizer.param_groups:
        group.update(varied(row, group, 3))
    set_gradients(parameters, 3)
    parameters[0].grad = None
    optimizer.step()
    with optimizer.at_iterate():
        assert torch.equal(parameters[0], iterate)


@rows_with_iterate
def test_gradients_can_be_taken_at_the_iterate(row):
    model = torch.nn.Linear(3, 2)
    optimizer = build(row, model.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    optimizer.zero_grad()
    with optimizer.at_iterate():
        model(torch.ones(1, 3)).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())
