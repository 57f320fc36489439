"""Steps of three rules as functions of tensors and scalars by name, and lists to run them on.

They take symbols, numbers, NumPy arrays and torch tensors alike, and so a program that was traced
from one is judged by the step itself.
"""

from __future__ import annotations

import numpy as np
import torch

from nagcore.core.adam import Adam, AdamState
from nagcore.core.adan import Adan, AdanState
from nagcore.core.forms import Coefficients, FormState, Shifted
from nagcore.optim.program import trace, with_symbols


def shifted(t, s):
    now = Coefficients(s["lr"], s["momentum"], s["next_momentum"])
    new = Shifted().step(FormState(t["x"], t["displacement"], 0), t["grad"], now)
    return {"x": new.parameters, "displacement": new.stored}, {}


def adam(t, s):
    rule = with_symbols(Adam(), beta1=s["beta1"], beta2=s["beta2"], eps=s["eps"])
    new = rule.step(AdamState(t["x"], t["mean"], t["square"], s["k"]), t["grad"], s["lr"])
    return {"x": new.x, "mean": new.mean, "square": new.square}, {"k": new.k}


def adan(t, s):
    names = ("mean", "difference", "square", "last_grad")
    before = AdanState(x=t["x"], k=s["k"], **{name: t[name] for name in names})
    new = with_symbols(Adan(), beta2=s["beta2"]).step(before, t["grad"], s["lr"])
    return {"x": new.x, **{name: getattr(new, name) for name in names}}, {"k": new.k}


def every_operation(t, s):
    """Besides those of the rules: a sign, and numbers to the left of − and /."""
    x = (s["c"] - t["x"]) / t["y"] + s["c"] / (t["square"] ** 0.5)
    return {"x": x, "y": -t["y"]}, {}


RULES = {
    "nag": (shifted, ("x", "grad", "displacement"), ("lr", "momentum", "next_momentum")),
    "adam": (adam, ("x", "grad", "mean", "square"), ("lr", "beta1", "beta2", "eps", "k")),
    "adan": (
        adan,
        ("x", "grad", "mean", "difference", "square", "last_grad"),
        ("lr", "beta2", "k"),
    ),
}
STEPS = {**RULES, "every operation": (every_operation, ("x", "y", "square"), ("c",))}
PROGRAMS = {name: trace(*step) for name, step in STEPS.items()}
SCALARS = {
    "nag": {"lr": 0.1, "momentum": 0.9, "next_momentum": 0.7},
    "adam": {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "k": 3},
    "adan": {"lr": 0.1, "beta2": 0.92, "k": 3},
    "every operation": {"c": 0.1},
}
SPECIAL = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e-41, -3e-310]


def some_columns(program, dtype):
    """Return lists of tensors of awkward sizes and layouts, with awkward numbers in them."""
    generator = torch.Generator().manual_seed(0)

    def tensor(*shape):
        size = torch.exp(5 * torch.randn(shape, generator=generator, dtype=torch.float64))
        values = size * torch.randn(shape, generator=generator, dtype=torch.float64)
        if len(shape) == 1 and shape[0] > 100:
            places = torch.randperm(shape[0], generator=generator)[: len(SPECIAL)]
            values[places] = torch.tensor(SPECIAL, dtype=torch.float64)
        return values.to(dtype)

    columns = []
    for name in program.inputs:
        column = [
            *(tensor(), tensor(0), tensor(1), tensor(7), tensor(1009)),
            tensor(131)[3:],  # begins between two vectors
            tensor(4, 6, 5, 3).contiguous(memory_format=torch.channels_last),
            tensor(5, 8).t(),
        ]
        columns.append([t.abs() for t in column] if name == "square" else column)
    return columns


def copied(columns):
    """Copy tensors, keeping their layout."""
    return [[t.clone(memory_format=torch.preserve_format) for t in column] for column in columns]


def coefficients_of(name):
    return PROGRAMS[name].scalars(*(SCALARS[name][s] for s in PROGRAMS[name].scalar_inputs))[0]


def by_the_rule(name, columns, convert, scalars=None):
    """Run the rule itself, tensor by tensor."""
    update, inputs, _ = STEPS[name]
    rows = [dict(zip(inputs, row, strict=True)) for row in zip(*columns, strict=True)]
    with np.errstate(all="ignore"):
        return [
            update({key: convert(t) for key, t in row.items()}, scalars or SCALARS[name])[0]
            for row in rows
        ]


def assert_same_bits(program, columns, before, expected):
    """Check that what the program changes is as expected, and the rest as it was before."""
    for position, name in enumerate(program.inputs):
        for k, got in enumerate(columns[position]):
            new = expected[k][name] if name in program.outputs else before[position][k]
            wanted = torch.as_tensor(new).to(got.dtype)
            same = (got == wanted) & (got.signbit() == wanted.signbit())
            assert (same | (got.isnan() & wanted.isnan())).all(), (name, got.shape)
