"""Restart of NAG against the rule `Restarted`, and against plain formulas written here."""

from __future__ import annotations

import pytest
import torch
from restart_runs import (
    CRITERIA,
    CURVATURES,
    MODES,
    closure_of,
    flat,
    make_parameters,
    named,
    run,
    split,
    start,
)
from torch.utils._python_dispatch import TorchDispatchMode

from nagcore.core import GradientRestart, Nesterov, Restarted
from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.optim.vectors import inner


@pytest.mark.parametrize("name", CRITERIA)
@pytest.mark.parametrize(
    ("execution", "settings"),
    [(mode, {}) for mode in MODES]
    + [("auto", {"weight_decay": 5.0}), ("auto", {"maximize": True})],
    ids=str,
)
def test_follows_the_rule_step_by_step_while_lr_changes(name, execution, settings):
    rule = Restarted(Nesterov(0.97), CRITERIA[name])
    state = rule.init(start())
    parameters = make_parameters()
    try:
        optimizer = NAG(
            parameters, lr=1e-3, momentum=0.97, restart=name, execution=execution, **settings
        )
        closure = closure_of(parameters, optimizer, sign=-1 if "maximize" in settings else 1)
        optimizer.step(closure)
    except UsageError as error:
        assert "no compiler" in str(error)  # noqa: PT017
        pytest.skip("no compiler for kernels")
    h = CURVATURES + settings.get("weight_decay", 0.0)
    state = rule.step(state, h * rule.query(state), 1e-3)
    for k in range(1, 200):
        lr = 1e-3 * (0.5 + (k % 7) / 14)
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step(closure)
        state = rule.step(state, h * rule.query(state), lr)
        torch.testing.assert_close(flat(parameters), rule.query(state), rtol=1e-9, atol=1e-13)
        assert optimizer.restarts == state.restarts
    with optimizer.at_iterate():
        torch.testing.assert_close(flat(parameters), state.x, rtol=1e-9, atol=1e-13)
    assert state.restarts > 2


def test_function_restart_is_that_of_a_plain_loop():
    parameters = make_parameters()
    optimizer = NAG(parameters, lr=1e-3, momentum=0.97, restart="function")
    closure = closure_of(parameters, optimizer)
    x, d, last, restarts = start(), torch.zeros(9, dtype=torch.float64), float("inf"), 0
    for _ in range(200):
        y = x + 0.97 * d
        loss = float((CURVATURES * y * y).sum() / 2)
        optimizer.step(closure)
        new = y - 1e-3 * CURVATURES * y
        x, d = new, new - x
        if loss > last:
            d, restarts = torch.zeros_like(d), restarts + 1
        last = loss
        torch.testing.assert_close(flat(parameters), x + 0.97 * d, rtol=1e-9, atol=1e-13)
        assert optimizer.restarts == restarts
    assert restarts > 2


def test_function_restart_of_a_climb_looks_for_a_falling_loss():
    parameters, others = make_parameters(), make_parameters()
    climbing = NAG(parameters, lr=1e-3, momentum=0.97, restart="function", maximize=True)
    descending = NAG(others, lr=1e-3, momentum=0.97, restart="function")
    up = run(climbing, closure_of(parameters, climbing, sign=-1), 200)
    assert torch.equal(up, run(descending, closure_of(others, descending), 200))
    assert climbing.restarts == descending.restarts > 2


@pytest.mark.parametrize("name", CRITERIA)
def test_each_group_by_itself_or_all_as_one_vector(name):
    def groups():
        parameters = make_parameters()
        return parameters, [{"params": parameters[:1]}, {"params": parameters[1:]}]

    rule = Restarted(Nesterov(0.97), CRITERIA[name])
    parts = [slice(0, 6), slice(6, 9)]
    states = [rule.init(start()[part]) for part in parts]
    whole = rule.init(start())
    apart, of_apart = groups()
    together, of_together = groups()
    settings = {"lr": 1e-3, "momentum": 0.97, "restart": name}
    by_group = NAG(of_apart, **settings, restart_scope="group")
    by_all = NAG(of_together, **settings)
    for _ in range(200):
        by_group.step(closure_of(apart, by_group))
        by_all.step(closure_of(together, by_all))
        states = [
            rule.step(s, CURVATURES[part] * rule.query(s), 1e-3)
            for s, part in zip(states, parts, strict=True)
        ]
        whole = rule.step(whole, CURVATURES * rule.query(whole), 1e-3)
        expected = torch.cat([rule.query(s) for s in states])
        torch.testing.assert_close(flat(apart), expected, rtol=1e-9, atol=1e-13)
        torch.testing.assert_close(flat(together), rule.query(whole), rtol=1e-9, atol=1e-13)
    assert [int(group["restarts"]) for group in by_group.param_groups] == [
        s.restarts for s in states
    ]
    assert by_group.restarts == sum(s.restarts for s in states) > whole.restarts
    assert by_all.restarts == whole.restarts > 2


def test_a_group_without_criterion_neither_restarts_nor_counts():
    parameters, plain = make_parameters(), make_parameters()
    mixed = NAG(
        [{"params": parameters[:1], "restart": None}, {"params": parameters[1:]}],
        lr=1e-3,
        momentum=0.97,
        restart="gradient",
    )
    without = NAG(plain, lr=1e-3, momentum=0.97)
    run(mixed, closure_of(parameters, mixed), 200)
    run(without, closure_of(plain, without), 200)
    assert torch.equal(parameters[0], plain[0])
    assert not torch.equal(parameters[1], plain[1])
    assert mixed.restarts > 0 == without.restarts


@named
def test_a_restart_far_outruns_too_much_momentum(name):
    """κ = 10⁴. With the momentum of a much worse problem the iterates swing."""

    def steps_to_target(restart):
        p = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
        optimizer = NAG([p], lr=1e-4, momentum=0.9995, restart=restart)
        h = torch.tensor([1.0, 1e4], dtype=torch.float64)
        for k in range(10_000):
            gap = (h * p.detach().square()).sum() / 2
            if gap <= 1e-8:
                return k, optimizer.restarts
            p.grad = h * p.detach()
            optimizer.step(lambda gap=gap: gap)
        return 10_000, optimizer.restarts

    fast, restarts = steps_to_target(name)
    slow, none = steps_to_target(None)
    assert none == 0 < restarts
    assert fast * 5 < slow
    if name in CRITERIA:
        rule = Restarted(Nesterov(0.9995), CRITERIA[name])
        h = torch.tensor([1.0, 1e4], dtype=torch.float64)
        state = rule.init(torch.ones(2, dtype=torch.float64))
        k = 0
        while (h * rule.query(state).square()).sum() / 2 > 1e-8:
            state = rule.step(state, h * rule.query(state), 1e-4)
            k += 1
        assert (fast, restarts) == (k, state.restarts)


@named
def test_ways_to_run_and_numbers_on_the_device_give_the_same_bits(name):
    results = []
    for options in [{"execution": "plain"}, {"execution": "foreach"}, {"execution": "flat"}, {}]:
        for capturable in (False, True):
            parameters = make_parameters(torch.float32)
            optimizer = NAG(
                parameters,
                lr=1e-3,
                momentum=0.97,
                restart=name,
                capturable=capturable,
                **options,
            )
            moved = run(optimizer, closure_of(parameters, optimizer), 150)
            results.append((moved, optimizer.restarts))
    assert results[0][1] > 2
    assert all(torch.equal(moved, results[0][0]) for moved, _ in results)
    assert len({restarts for _, restarts in results}) == 1


class NoWaiting(TorchDispatchMode):
    """Refuses to bring a tensor's number to the host, as `item`, `bool` and `float` do."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func is not torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@named
@pytest.mark.parametrize("scope", ["all", "group"])
def test_the_decision_is_never_read(name, scope):
    parameters = make_parameters()
    optimizer = NAG(
        [{"params": parameters[:1]}, {"params": parameters[1:]}],
        lr=1e-3,
        momentum=0.97,
        restart=name,
        restart_scope=scope,
        capturable=True,
    )
    closure = closure_of(parameters, optimizer)
    with NoWaiting():
        run(optimizer, closure, 100)
        with pytest.raises(AssertionError):
            _ = optimizer.restarts  # only who asks waits
    assert optimizer.restarts > 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@named
def test_a_gpu_is_not_waited_for(name):
    parameters = [torch.nn.Parameter(p.detach().cuda()) for p in make_parameters()]
    optimizer = NAG(parameters, lr=1e-3, momentum=0.97, restart=name)
    closure = closure_of(parameters, optimizer, CURVATURES.cuda())
    run(optimizer, closure, 3)
    torch.cuda.set_sync_debug_mode("error")
    try:
        run(optimizer, closure, 100)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    host = make_parameters()
    twin = NAG(host, lr=1e-3, momentum=0.97, restart=name)
    run(twin, closure_of(host, twin), 103)
    assert optimizer.restarts == twin.restarts > 1


@named
def test_gradients_are_left_as_they_were(name):
    parameters = make_parameters()
    optimizer = NAG(parameters, lr=1e-3, momentum=0.97, restart=name, weight_decay=1.0)
    closure = closure_of(parameters, optimizer)
    for _ in range(60):
        before = flat(parameters)
        optimizer.step(closure)
        grads = flat([p.grad for p in parameters if p.grad is not None])
        torch.testing.assert_close(grads, CURVATURES * before, rtol=1e-15, atol=0)
    assert optimizer.restarts > 0


@pytest.mark.parametrize("name", CRITERIA)
def test_a_parameter_without_gradient_is_not_judged(name):
    parameters, fewer = make_parameters(), make_parameters()[1:]
    optimizer = NAG(parameters, lr=1e-3, momentum=0.97, restart=name)
    twin = NAG(fewer, lr=1e-3, momentum=0.97, restart=name)
    first = parameters[0].detach().clone()
    for _ in range(200):
        for some in (parameters[1:], fewer):
            for p, h in zip(some, split(CURVATURES)[1:], strict=True):
                p.grad = h * p.detach()
        optimizer.step()
        twin.step()
    assert torch.equal(parameters[0], first)
    assert torch.equal(flat(parameters[1:]), flat(fewer))
    assert optimizer.restarts == twin.restarts > 0
    for p in parameters:
        p.grad = None
    optimizer.step()  # and none at all is no step
    assert optimizer.restarts == twin.restarts


@pytest.mark.parametrize("name", CRITERIA)
def test_complex_parameters_restart_as_pairs_of_real_ones(name):
    pairs = torch.nn.Parameter(start()[:8].reshape(4, 2).clone())
    number = torch.nn.Parameter(torch.view_as_complex(pairs.detach().clone()))
    optimizers = [NAG([p], lr=1e-3, momentum=0.97, restart=name) for p in (pairs, number)]
    h = CURVATURES[:8].reshape(4, 2)
    for _ in range(200):
        pairs.grad = h * pairs.detach()
        number.grad = torch.view_as_complex(h * torch.view_as_real(number.detach()))
        for optimizer in optimizers:
            optimizer.step()
    assert torch.equal(torch.view_as_real(number.detach()), pairs)
    assert optimizers[0].restarts == optimizers[1].restarts > 1


@named
def test_half_precision_restarts_too(name):
    parameters = make_parameters(torch.bfloat16)
    optimizer = NAG(parameters, lr=1e-3, momentum=0.97, restart=name)
    moved = run(optimizer, closure_of(parameters, optimizer), 150)
    assert moved.dtype is torch.bfloat16
    assert torch.isfinite(moved).all()
    assert optimizer.restarts > 0


def test_sums_are_wider_than_the_numbers():
    ones = torch.ones(1001, dtype=torch.bfloat16)
    assert inner([ones], [ones], [ones]) == 1001  # bfloat16 holds no 1001
    far = [torch.tensor([1e4]), torch.tensor([1.0])]
    assert inner(far, far, far) == 100_000_001  # nor float32 this
    mixed = [ones.float(), ones.double(), ones]
    assert inner(mixed, mixed, mixed) == 3003


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"restart": "slope"}, "restart is 'slope', expected None or one of gradient, function"),
        ({"restart": GradientRestart()}, "expected None or one of gradient"),
        ({"restart": ["gradient"]}, r"restart is \['gradient'\]"),
        ({"restart_scope": "both"}, "restart_scope is 'both'"),
        ({"restart": "speed", "differentiable": True}, "differentiable=True, expected None"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(UsageError, match=words):
        NAG(make_parameters(), **arguments)


@pytest.mark.parametrize("loss", [None, torch.ones(2)])
def test_function_restart_without_a_loss_moves_nothing(loss):
    parameters = make_parameters()
    optimizer = NAG(parameters, restart="function")
    for p in parameters:
        p.grad = torch.ones_like(p)
    closure = (lambda: loss) if loss is not None else None
    with pytest.raises(UsageError, match=r"call step\(closure\)"):
        optimizer.step(closure)
    assert torch.equal(flat(parameters), start())
