"""Every elementwise step can be traced with symbols for all its numbers, and runs to the same bits.

The traced operations run here on plain floats, one by one: what a kernel would do to an element.
"""

from __future__ import annotations

import operator
import random

import pytest

from nagcore.core import (
    MUON_MOMENTA,
    NADAM_CONVENTIONS,
    Adam,
    Adan,
    HeavyBall,
    Muon,
    Nesterov,
    ScheduleFree,
    ScheduleFreeAdamW,
    ScheduleFreeOffset,
)
from nagcore.core.adam import AdamState
from nagcore.core.adan import AdanState
from nagcore.core.nadam import NAdamState
from nagcore.core.schedule_free import (
    ScheduleFreeAdamWState,
    ScheduleFreeOffsetState,
    ScheduleFreeState,
)
from nagcore.optim.program import trace, with_symbols

KINDS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": lambda a, _: -a,
    "sqrt": lambda a, _: a**0.5,
}


def execute(program, tensors, scalars):
    """Run a program on one element of each tensor."""
    coefficients, new_scalars = program.scalars(*(scalars[n] for n in program.scalar_inputs))
    values = [tensors[name] for name in program.inputs]

    def of(operand):
        if operand is None:
            return None
        return (values if operand.of == "value" else coefficients)[operand.index]

    for operation in program.operations:
        values += [KINDS[operation.kind](of(operation.first), of(operation.second))]
    outputs = {name: values[index] for name, index in program.outputs.items()}
    return outputs, dict(zip(program.scalar_outputs, new_scalars, strict=True))


def state_update(symbolic, state_type, tensors):
    """Return the update that steps a rule, made by `symbolic` from the scalars."""

    def update(t, s):
        fields = {f: t[f] if f in tensors else s[f] for f in state_type._fields}
        state = symbolic(s).step(state_type(**fields), t["grad"], s["lr"])
        new = {f: getattr(state, f) for f in state_type._fields}
        moved = {f: v for f, v in new.items() if f in tensors}
        return moved, {f: v for f, v in new.items() if f not in tensors}

    return update


def flat_update(symbolic, inner_type, tensors):
    """Return the update of the AdamW form, whose state holds another one."""

    def update(t, s):
        fields = {f: t[f] if f in tensors else s[f] for f in inner_type._fields}
        state = ScheduleFreeAdamWState(inner_type(**fields), t["square"])
        state = symbolic(s).step(state, t["grad"], s["lr"])
        new = {f: getattr(state.inside, f) for f in inner_type._fields}
        moved = {f: v for f, v in new.items() if f in tensors}
        scalars = {f: v for f, v in new.items() if f not in tensors}
        return moved | {"square": state.square}, scalars

    return update


def named(rule, *names):
    """Return the rule with symbols of those names."""
    return lambda s: with_symbols(rule, **{name: s[name] for name in names})


def weighted(s):
    """Return the schedule-free method with symbols; its momentum is one number a step."""
    names = {"power": s["power"], "r": s["r"]}
    return with_symbols(ScheduleFree(), momentum=lambda _: s["momentum"], **names)


def offset(s):
    return with_symbols(ScheduleFreeOffset(), method=weighted(s))


def adamw(form):
    names = ("beta2", "eps", "weight_decay")
    return lambda s: with_symbols(ScheduleFreeAdamW(), method=form(s), **{n: s[n] for n in names})


ADAM = ("beta1", "beta2", "eps")
ADAN = ("beta1", "beta2", "beta3", "eps", "weight_decay")
SF = ("momentum", "power", "r")
SFW = (*SF, "beta2", "eps", "weight_decay")
# name: rule on numbers, rule on symbols, hyperparameters, type of state, its tensors
RULES = {
    "Adam": (Adam(), named(Adam(), *ADAM), ADAM, AdamState, ("x", "mean", "square")),
    "Adan": (
        Adan(weight_decay=0.1),
        named(Adan(), *ADAN),
        ADAN,
        AdanState,
        ("x", "mean", "difference", "square", "last_grad"),
    ),
    **{
        f"NAdam, {name}": (
            rule,
            named(rule, *ADAM, "decay"),
            (*ADAM, "decay"),
            NAdamState,
            ("x", "mean", "square"),
        )
        for name, rule in NADAM_CONVENTIONS.items()
    },
    "schedule-free": (ScheduleFree(0.9, r=0.5), weighted, SF, ScheduleFreeState, ("z", "x")),
    "schedule-free, offset": (
        ScheduleFreeOffset(ScheduleFree(0.9, r=0.5)),
        offset,
        SF,
        ScheduleFreeOffsetState,
        ("y", "offset"),
    ),
    "schedule-free AdamW": (
        ScheduleFreeAdamW(ScheduleFree(0.9), weight_decay=0.1),
        adamw(weighted),
        SFW,
        ScheduleFreeState,
        ("z", "x"),
    ),
    "schedule-free AdamW, offset": (
        ScheduleFreeAdamW(ScheduleFreeOffset(ScheduleFree(0.9)), weight_decay=0.1),
        adamw(offset),
        SFW,
        ScheduleFreeOffsetState,
        ("y", "offset"),
    ),
}


def value_of(rule, name):
    """Return a hyperparameter's number, from the rule or the one inside it."""
    while not hasattr(rule, name):
        rule = rule.method
    value = getattr(rule, name)
    return value(0) if name == "momentum" and callable(value) else value


@pytest.mark.parametrize("name", RULES)
def test_the_traced_step_is_the_rule_to_the_last_bit(name):
    rule, symbolic, hyperparameters, state_type, tensors = RULES[name]
    nested = name.startswith("schedule-free AdamW")
    make = flat_update if nested else state_update
    own = (*tensors, "square") if nested else tensors
    counted = tuple(f for f in state_type._fields if f not in tensors)
    program = trace(
        make(symbolic, state_type, tensors), (*own, "grad"), ("lr", *hyperparameters, *counted)
    )
    assert set(program.outputs) == set(own)
    numbers = {n: value_of(rule, n) for n in hyperparameters}
    random.seed(0)
    state = rule.init(1.5)
    for step in range(40):
        grad, lr = random.gauss(0, 1), 0.1 / (1 + step % 7)
        inside = state.inside if nested else state
        tensor_values = {f: getattr(inside, f) for f in tensors} | {"grad": grad}
        if nested:
            tensor_values["square"] = state.square
        if tensor_values.get("last_grad", 0) is None:
            tensor_values["last_grad"] = grad  # the first change is 0
        scalars = {"lr": lr, **numbers, **{f: getattr(inside, f) for f in counted}}
        moved, changed = execute(program, tensor_values, scalars)
        state = rule.step(state, grad, lr)
        inside = state.inside if nested else state
        for field in tensors:
            assert moved[field] == getattr(inside, field), (step, field)
        if nested:
            assert moved["square"] == state.square
        for field in counted:
            assert changed[field] == getattr(inside, field), (step, field)


@pytest.mark.parametrize("convention", MUON_MOMENTA)
def test_the_momentum_of_muon_is_traced_apart_from_its_orthogonalization(convention):
    def update(t, s):
        buffer, ahead = MUON_MOMENTA[convention](t["buffer"], t["grad"], s["momentum"])
        return {"buffer": buffer, "grad": ahead}, {}

    program = trace(update, ("buffer", "grad"), ("momentum",))
    moved, _ = execute(program, {"buffer": 0.3, "grad": -1.7}, {"momentum": 0.95})
    buffer, ahead = MUON_MOMENTA[convention](0.3, -1.7, 0.95)
    assert moved == {"buffer": buffer, "grad": ahead}
    assert Muon(convention=convention).convention == convention


@pytest.mark.parametrize("rule", [HeavyBall(0.5), Nesterov(0.5)], ids=["heavy ball", "Nesterov"])
def test_the_plain_methods_are_traced_too(rule):
    def update(t, s):
        symbolic = with_symbols(rule, momentum=lambda _: s["momentum"])
        state = type(rule.init(0.0))(t["x"], t["displacement"], s["k"])
        state = symbolic.step(state, t["grad"], s["lr"])
        return {"x": state.x, "displacement": state.displacement}, {"k": state.k}

    program = trace(update, ("x", "displacement", "grad"), ("lr", "momentum", "k"))
    state = rule.step(rule.step(rule.init(1.5), 0.7, 0.1), -0.2, 0.3)
    tensors = {"x": state.x, "displacement": state.displacement, "grad": 0.9}
    moved, changed = execute(program, tensors, {"lr": 0.3, "momentum": 0.5, "k": state.k})
    after = rule.step(state, 0.9, 0.3)
    assert (moved["x"], moved["displacement"], changed["k"]) == after
