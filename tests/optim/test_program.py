"""The program that is traced from a rule does what the rule does."""

from __future__ import annotations

import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traced_steps import RULES

from nagcore.errors import UsageError
from nagcore.optim.program import trace

ARITHMETIC = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "sqrt": math.sqrt,
}


def run(program, tensors, scalars):
    """Carry a program out on numbers, operation by operation."""
    coefficients, new_scalars = program.scalars(*(scalars[n] for n in program.scalar_inputs))
    assert len(coefficients) == program.coefficients
    values = [tensors[name] for name in program.inputs]
    for kind, *operands in program.operations:
        given = [
            values[o.index] if o.of == "value" else coefficients[o.index]
            for o in operands
            if o is not None
        ]
        values.append(ARITHMETIC[kind](*given))
    new_tensors = {name: values[index] for name, index in program.outputs.items()}
    return new_tensors, dict(zip(program.scalar_outputs, new_scalars, strict=True))


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_a_program_computes_what_its_rule_computes_to_the_bit(name, data):
    update, tensors, scalars = RULES[name]
    number = st.floats(-1e3, 1e3)
    t = {name: data.draw(number) for name in tensors}
    if "square" in t:
        t["square"] = abs(t["square"])
    s = {name: data.draw(st.floats(0, 0.999)) for name in scalars}
    s |= {"k": data.draw(st.integers(1, 10_000))} if "k" in s else {}
    s |= {"eps": 1e-8} if "eps" in s else {}
    assert run(trace(update, tensors, scalars), t, s) == update(t, s)


def test_the_same_operation_is_written_once():
    def update(t, s):
        step = s["lr"] * t["grad"]
        return {"x": t["x"] - s["lr"] * t["grad"], "d": t["d"] - step}, {}

    program = trace(update, ("x", "grad", "d"), ("lr",))
    assert [operation.kind for operation in program.operations] == ["mul", "sub", "sub"]
    assert program.coefficients == 1


def test_what_is_not_returned_is_left_out():
    def update(t, s):
        _ = (3 * t["grad"]) / s["unused"]
        return {"x": t["x"] - s["lr"] * t["grad"], "d": t["d"]}, {}

    program = trace(update, ("x", "grad", "d"), ("unused", "lr"))
    assert [operation.kind for operation in program.operations] == ["mul", "sub"]
    assert program.scalars(7.0, 0.5) == ((0.5,), ())
    t = {"x": 1.0, "grad": 4.0, "d": 9.0}
    assert run(program, t, {"unused": 7.0, "lr": 0.5})[0] == {"x": -1.0, "d": 9.0}


def test_operands_keep_their_side():
    def update(t, s):
        return {"x": (1 - t["x"]) / t["y"] - s["c"], "y": s["c"] / -t["y"]}, {}

    program = trace(update, ("x", "y"), ("c",))
    assert run(program, {"x": 5.0, "y": 8.0}, {"c": 3.0})[0] == {"x": -3.5, "y": -0.375}


@pytest.mark.parametrize("number", [np.float64(0.1), math.inf, -0.0, 3, True])
def test_numbers_of_a_rule_stay_what_they_are(number):
    program = trace(lambda t, s: ({"x": t["x"] * number}, {"n": number}), ("x",), ("n",))
    assert program.scalars(0) == ((number,), (number,))
    assert math.copysign(1, program.scalars(0)[0][0]) == math.copysign(1, number)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda t, s: ({"x": t["x"] if t["x"] > 0 else t["grad"]}, {}),
        lambda t, s: ({"x": t["x"] if s["lr"] else t["grad"]}, {}),
        lambda t, s: ({"x": t["x"] if s["lr"] == 0 else t["grad"]}, {}),
        lambda t, s: ({"x": t["x"] if t["x"] == t["grad"] else t["grad"]}, {}),
        lambda t, s: ({"x": t["x"] * max(s["lr"], 0.5)}, {}),
        lambda t, s: ({"x": t["x"] * math.sqrt(s["lr"])}, {}),
    ],
)
def test_a_step_that_branches_is_refused(wrong):
    with pytest.raises(UsageError, match="not known before it runs"):
        trace(wrong, ("x", "grad"), ("lr",))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda t, s: ({"x": t["x"] ** 2}, {}), "to the power 2, expected 0.5"),
        (lambda t, s: ({"x": t["x"] ** s["lr"]}, {}), "expected 0.5"),
        (lambda t, s: ({"x": abs(t["x"])}, {}), "cannot be written down"),
        (lambda t, s: ({"x": t["x"] @ t["grad"]}, {}), "cannot be written down"),
        (lambda t, s: ({"x": 1.0}, {}), "returned 1.0 for a tensor"),
        (lambda t, s: ({"y": t["x"]}, {}), "changes 'y', expected one of x, grad"),
        (lambda t, s: ({"x": t["x"]}, {"k": "one"}), "uses 'one' as a number"),
    ],
)
def test_what_is_no_elementwise_step_is_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        trace(wrong, ("x", "grad"), ("lr",))
