"""What every torch optimizer of ours must do, walked over one table.

Each row names the class, the rule of nagcore.core that it must follow step by step, arguments
that are good and arguments that must be refused.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from nagcore.core import Nesterov
from nagcore.errors import UsageError
from nagcore.optim import NAG


@dataclass(frozen=True)
class Row:
    """One optimizer under contract."""

    build: Callable[..., torch.optim.Optimizer]
    rule: Callable[[Callable[[int], float]], Any]
    good: tuple[dict[str, Any], ...] = ({},)
    bad: tuple[tuple[dict[str, Any], str], ...] = field(default=())


ROWS = {
    "NAG": Row(
        NAG,
        rule=Nesterov,
        good=(
            {"lr": 0.05, "momentum": 0.9},
            {"lr": 0.05, "momentum": 0.0},
            {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.1},
            {"lr": 0.05, "momentum": 0.5, "maximize": True},
        ),
        bad=(
            ({"lr": -0.1}, "lr is -0.1"),
            ({"lr": float("nan")}, "lr is nan"),
            ({"momentum": 1.0}, "momentum is 1.0"),
            ({"momentum": -0.5}, "momentum is -0.5"),
            ({"weight_decay": -1e-4}, "weight_decay is -0.0001"),
        ),
    )
}
rows = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
cases = pytest.mark.parametrize(
    ("row", "arguments"),
    [
        pytest.param(row, arguments, id=f"{name} {arguments}")
        for name, row in ROWS.items()
        for arguments in row.good
    ],
)


def make_parameters(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 2), (2,), ()]
    return [
        torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in shapes
    ]


def gradient_at(point, step):
    return 3 * point / (1 + point.abs()) + 0.1 * step


def set_gradients(parameters, step):
    """Give each parameter a gradient that depends on where it stands and on the step."""
    for p in parameters:
        p.grad = gradient_at(p.detach(), step)


def gradient_of(parameter) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad


def advance(optimizer, parameters, steps, start=0):
    for k in range(start, start + steps):
        set_gradients(parameters, k)
        optimizer.step()


def values(parameters):
    return [p.detach().clone() for p in parameters]


@rows
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_follows_its_rule_while_lr_and_momentum_change_at_every_step(row, dtype):
    steps = 40
    lrs = [0.2 / (1 + 0.3 * k) if k % 7 else 0.01 for k in range(steps)]
    momenta = [0.9 * abs(((k * 5) % 11) / 11) for k in range(steps + 1)]
    parameters = make_parameters(dtype)
    method = row.rule(lambda k: momenta[k])
    states = [method.init(p.detach().clone()) for p in parameters]
    optimizer = row.build(parameters, lr=lrs[0], momentum=momenta[1])
    for k in range(steps):
        optimizer.param_groups[0].update(lr=lrs[k], momentum=momenta[k + 1])
        set_gradients(parameters, k)
        grads = [gradient_at(method.query(s), k) for s in states]
        optimizer.step()
        states = [method.step(s, g, lrs[k]) for s, g in zip(states, grads, strict=True)]
        for p, s in zip(parameters, states, strict=True):
            torch.testing.assert_close(p.detach(), method.query(s), rtol=1e-11, atol=1e-12)
        with optimizer.at_iterate():
            for p, s in zip(parameters, states, strict=True):
                torch.testing.assert_close(p.detach(), s.x, rtol=1e-11, atol=1e-12)


@cases
def test_leaves_gradients_as_they_were(row, arguments):
    parameters = make_parameters()
    optimizer = row.build(parameters, **arguments)
    for k in range(3):
        set_gradients(parameters, k)
        before = [gradient_of(p).clone() for p in parameters]
        optimizer.step()
        assert all(torch.equal(gradient_of(p), b) for p, b in zip(parameters, before, strict=True))


@cases
def test_at_iterate_gives_back_the_same_bits_even_after_an_error(row, arguments):
    parameters = make_parameters(torch.float32)
    optimizer = row.build(parameters, **arguments)
    advance(optimizer, parameters, 5)
    before = values(parameters)
    with pytest.raises(ZeroDivisionError), optimizer.at_iterate():
        raise ZeroDivisionError
    assert all(torch.equal(p, b) for p, b in zip(parameters, before, strict=True))
    advance(optimizer, parameters, 1)  # and it goes on


@rows
def test_what_needs_the_query_point_is_refused_inside_at_iterate(row):
    parameters = make_parameters()
    optimizer = row.build(parameters, lr=0.1)
    advance(optimizer, parameters, 1)
    saved, before = optimizer.state_dict(), values(parameters)
    with optimizer.at_iterate():
        for misuse in (
            optimizer.step,
            optimizer.state_dict,
            lambda: optimizer.load_state_dict(saved),
            lambda: pickle.dumps(optimizer),
            lambda: optimizer.at_iterate().__enter__(),
        ):
            with pytest.raises(UsageError, match="leave the with block"):
                misuse()
    assert all(torch.equal(p, b) for p, b in zip(parameters, before, strict=True))


@rows
def test_the_state_of_another_optimizer_is_refused_and_nothing_is_taken_over(row):
    parameters = make_parameters()
    other = torch.optim.SGD(parameters, lr=0.3, momentum=0.9, nesterov=True)
    advance(other, parameters, 2)
    optimizer = row.build(parameters, lr=0.1)
    with pytest.raises(UsageError, match="belongs to another optimizer"):
        optimizer.load_state_dict(other.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert not optimizer.state


@rows
@pytest.mark.parametrize(("name", "value"), [("momentum", 1.5), ("lr", -1.0), ("lr", float("nan"))])
def test_values_set_later_are_checked_too(row, name, value):
    parameters = make_parameters()
    optimizer = row.build(parameters, lr=0.1)
    saved = optimizer.state_dict()
    saved["param_groups"][0][name] = value
    with pytest.raises(UsageError, match=f"{name} is"):
        optimizer.load_state_dict(saved)
    optimizer.param_groups[0][name] = value
    before = values(parameters)
    with pytest.raises(UsageError, match=f"{name} is"):
        advance(optimizer, parameters, 1)
    assert all(torch.equal(p, b) for p, b in zip(parameters, before, strict=True))


@cases
@pytest.mark.parametrize("after", [0, 1, 6])
def test_state_survives_a_file_and_goes_on_to_the_same_bits(row, arguments, after):
    straight = make_parameters(torch.float32)
    optimizer = row.build(straight, **arguments)
    advance(optimizer, straight, 12)

    first = make_parameters(torch.float32)
    optimizer = row.build(first, **arguments)
    advance(optimizer, first, after)
    file = io.BytesIO()
    torch.save({"optimizer": optimizer.state_dict(), "parameters": values(first)}, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    second = [torch.nn.Parameter(v) for v in loaded["parameters"]]
    resumed = row.build(second, lr=0.7)
    resumed.load_state_dict(loaded["optimizer"])
    advance(resumed, second, 12 - after, start=after)
    assert all(torch.equal(a, b) for a, b in zip(straight, second, strict=True))


@rows
def test_groups_have_their_own_settings(row):
    together, alone = make_parameters(), make_parameters()
    optimizer = row.build(
        [{"params": together[:1], "lr": 0.2}, {"params": together[1:], "momentum": 0.1}], lr=0.05
    )
    advance(optimizer, together, 5)
    advance(row.build(alone[:1], lr=0.2), alone[:1], 5)
    advance(row.build(alone[1:], lr=0.05, momentum=0.1), alone[1:], 5)
    assert all(torch.equal(a, b) for a, b in zip(together, alone, strict=True))


@rows
def test_a_parameter_whose_gradient_comes_late_starts_from_rest(row):
    parameters = make_parameters()
    optimizer = row.build(parameters, lr=0.1)
    start = values(parameters)
    for k in range(3):
        set_gradients(parameters, k)
        parameters[1].grad = None
        optimizer.step()
    assert torch.equal(parameters[1], start[1])
    advance(optimizer, parameters, 4, start=3)

    late = [torch.nn.Parameter(start[1])]
    advance(row.build(late, lr=0.1), late, 4, start=3)
    assert torch.equal(parameters[1], late[0])


@rows
def test_a_parameter_that_skips_a_step_keeps_its_own_query_momentum(row):
    """Its y_k was formed with an older momentum than its neighbours': at_iterate must know."""
    parameters = make_parameters()
    optimizer = row.build(parameters, lr=0.1, momentum=0.8)
    advance(optimizer, parameters, 3)
    with optimizer.at_iterate():
        iterate = parameters[0].detach().clone()
    optimizer.param_groups[0]["momentum"] = 0.2
    set_gradients(parameters, 3)
    parameters[0].grad = None
    optimizer.step()
    with optimizer.at_iterate():
        assert torch.equal(parameters[0], iterate)


@rows
def test_an_overflow_on_the_first_step_of_mixed_precision_changes_nothing(row):
    model = torch.nn.Linear(4, 1)
    optimizer = row.build(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    before = values(model.parameters())
    scaler.scale(model(torch.full((1, 4), float("inf"))).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))
    assert not optimizer.state

    optimizer.zero_grad()
    scaler.scale(model(torch.ones(1, 4)).sum()).backward()
    scaler.step(optimizer)
    plain = [torch.nn.Parameter(b) for b in before]
    plain[0].grad, plain[1].grad = torch.ones(1, 4), torch.ones(1)
    row.build(plain, lr=0.1).step()
    for a, b in zip(model.parameters(), plain, strict=True):
        torch.testing.assert_close(a, b)


@rows
def test_a_closure_sees_the_query_point_and_its_loss_is_returned(row):
    p = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = row.build([p], lr=0.1)
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
def test_strided_and_float16_parameters_step_like_plain_ones(row):
    base = torch.arange(12, dtype=torch.float64).reshape(3, 4) / 10
    strided = [torch.nn.Parameter(base.clone().t())]
    plain = [torch.nn.Parameter(base.clone().t().contiguous())]
    assert not strided[0].is_contiguous()
    for parameters in (strided, plain):
        advance(row.build(parameters, lr=0.1), parameters, 5)
    assert torch.equal(strided[0], plain[0])
    half = [torch.nn.Parameter(base.to(torch.bfloat16))]
    advance(row.build(half, lr=0.1), half, 5)
    assert half[0].dtype is torch.bfloat16
    assert torch.isfinite(half[0]).all()


@rows
def test_maximize_is_descent_on_the_negated_gradient(row):
    up, down = make_parameters(), make_parameters()
    climbing, descending = row.build(up, lr=0.1, maximize=True), row.build(down, lr=0.1)
    for k in range(4):
        set_gradients(up, k)
        climbing.step()
        set_gradients(down, k)
        for p in down:
            p.grad = -gradient_of(p)
        descending.step()
    assert all(torch.equal(a, b) for a, b in zip(up, down, strict=True))


@rows
def test_weight_decay_is_the_gradient_of_the_penalty(row):
    decayed, penalised = make_parameters(), make_parameters()
    with_option, by_hand = (
        row.build(decayed, lr=0.1, weight_decay=0.3),
        row.build(penalised, lr=0.1),
    )
    for k in range(6):
        set_gradients(decayed, k)
        with_option.step()
        set_gradients(penalised, k)
        for p in penalised:
            p.grad = gradient_of(p) + 0.3 * p.detach()
        by_hand.step()
    for a, b in zip(decayed, penalised, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@rows
def test_copies_and_pickles_go_on_alike(row):
    parameters = make_parameters()
    optimizer = row.build(parameters, lr=0.1)
    advance(optimizer, parameters, 3)
    twins = [
        copy.deepcopy((optimizer, parameters)),
        pickle.loads(pickle.dumps((optimizer, parameters))),
    ]
    advance(optimizer, parameters, 3, start=3)
    for twin, twin_parameters in twins:
        advance(twin, twin_parameters, 3, start=3)
        assert all(torch.equal(a, b) for a, b in zip(parameters, twin_parameters, strict=True))
    assert "momentum: 0.9" in repr(optimizer)


@rows
def test_a_torch_scheduler_drives_it(row):
    parameters = make_parameters()
    optimizer = row.build(parameters, lr=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.2, total_steps=10, cycle_momentum=True
    )
    seen = set()
    for k in range(9):
        advance(optimizer, parameters, 1, start=k)
        scheduler.step()
        seen.add((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
    assert len(seen) == 9


@rows
def test_sparse_gradients_are_refused(row):
    embedding = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = row.build(embedding.parameters(), lr=0.1)
    embedding(torch.tensor([1, 2])).sum().backward()
    with pytest.raises(UsageError, match=r"shape \(5, 2\) has a sparse gradient"):
        optimizer.step()


@pytest.mark.parametrize(
    ("row", "arguments", "words"),
    [
        pytest.param(row, arguments, words, id=f"{name} {words}")
        for name, row in ROWS.items()
        for arguments, words in row.bad
    ],
)
def test_bad_arguments_are_refused_by_value_in_constructor_and_group(row, arguments, words):
    with pytest.raises(UsageError, match=words):
        row.build(make_parameters(), **arguments)
    optimizer = row.build(make_parameters()[:1], lr=0.1)
    with pytest.raises(UsageError, match=words):
        optimizer.add_param_group({"params": make_parameters()[1:], **arguments})
    assert len(optimizer.param_groups) == 1
