"""What the contract tests of optimizers share: parameters, gradients, and who is walked how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
import torch
from optimizer_table import ROWS, Row
from torch import Tensor
from torch.nn import Parameter

from nagcore.optim.kernels import kernels_are_available

SHAPES = ((3, 2), (2,), (), (2, 1, 2, 2))
"""Matrices, vectors, a number and the kernel of a convolution."""

on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
with_compiler = pytest.mark.skipif(
    not kernels_are_available(torch.device("cpu")), reason="there is no C++ compiler"
)
# torch.compile takes seconds for each list: it has tests of its own
MODES = ["plain", "foreach", "flat", pytest.param("kernel", marks=with_compiler), "auto"]
"""All ways to run a step that are ready at once."""
DEVICES = ["cpu", pytest.param("cuda", marks=on_cuda)]

rows = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
rows_with_iterate = pytest.mark.parametrize(
    "row", [pytest.param(row, id=name) for name, row in ROWS.items() if row.has_iterate]
)


def with_arguments(*fields: str) -> Any:
    """Return the mark that walks all rows with all arguments in these fields."""
    return pytest.mark.parametrize(
        ("row", "arguments"),
        [
            pytest.param(row, arguments, id=f"{name} {arguments}")
            for name, row in ROWS.items()
            for field in fields
            for arguments in getattr(row, field)
        ],
    )


cases = with_arguments("good", "beyond")
cases_of_rules = with_arguments("good")
modes = pytest.mark.parametrize("mode", MODES)


def make_parameters(
    dtype: torch.dtype = torch.float64,
    shapes: Iterable[tuple[int, ...]] = SHAPES,
    device: str = "cpu",
) -> list[Parameter]:
    """Return parameters, the same ones at every call."""
    generator = torch.Generator().manual_seed(0)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    values = [torch.randn(shape, generator=generator, dtype=wide) for shape in shapes]
    return [Parameter(value.to(device, dtype)) for value in values]


def gradient_at(point: Tensor, step: int) -> Tensor:
    """Return a gradient that depends on the place and on the step."""
    return 3 * point / (1 + point.abs()) + 0.1 * (step - 2)


def set_gradients(parameters: Iterable[Tensor], step: int) -> None:
    for p in parameters:
        p.grad = gradient_at(p.detach(), step)


def gradient_of(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def advance(optimizer: Any, parameters: Sequence[Tensor], steps: int, start: int = 0) -> None:
    """Take steps number start, start + 1, …"""
    for k in range(start, start + steps):
        set_gradients(parameters, k)
        optimizer.step()


def build(row: Row, parameters: Any, **arguments: Any) -> Any:
    """Return the row's optimizer, plain where nothing else is asked for."""
    return row.build(parameters, **{**row.plain, **arguments})


def values(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [p.detach().clone() for p in parameters]


def equal(some: Iterable[Tensor], others: Iterable[Tensor]) -> bool:
    """Return whether all tensors are equal to the bit."""
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def assert_close(some: Iterable[Tensor], others: Iterable[Tensor], **tolerances: Any) -> None:
    for a, b in zip(some, others, strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), **tolerances)


def states(optimizer: Any, parameters: Iterable[Tensor]) -> list[Tensor]:
    """Return copies of all that the optimizer remembers of the parameters, as tensors."""
    return [
        value.detach().clone()
        if isinstance(value, Tensor)
        else torch.tensor(value, dtype=torch.float64)
        for p in parameters
        for _, value in sorted(optimizer.state.get(p, {}).items())
    ]


def varied(row: Row, group: dict[str, Any], k: int) -> dict[str, Any]:
    """Return values of step number k for all that a schedule may change in a group."""
    small = abs(((k * 5) % 11) / 11)  # in [0, 1), each time another one
    changes: dict[str, Any] = {}
    if "lr" in row.scheduled:
        changes["lr"] = 0.2 / (1 + 0.3 * k) if k % 7 else 0.01
    if "momentum" in row.scheduled:
        changes["momentum"] = 0.9 * small
    if "betas" in row.scheduled:
        _, *others = group["betas"]
        changes["betas"] = (0.95 * small, *(beta - 0.001 * small for beta in others))
    return changes


class Follower:
    """The rules of nagcore.core, run beside an optimizer on the same function.

    Args:
        row: of the table.
        optimizer: before its first step.
        kept: groups of the optimizer as they are at each step; filled by `step`.
    """

    def __init__(self, row: Row, optimizer: Any) -> None:
        self.row, self.optimizer = row, optimizer
        self.k = 0
        self._kept: list[list[dict[str, Any]]] = [self._groups()]
        self._parts = [
            (p, number, row.rule(self._at(number), p))
            for number, group in enumerate(optimizer.param_groups)
            for p in group["params"]
        ]
        self._states = [rule.init(real(p.detach().clone())) for p, _, rule in self._parts]

    def step(self) -> None:
        """Take the step that the optimizer is about to take, with the values it has now."""
        self._kept[self.k :] = [self._groups()]
        pairs = zip(self._parts, self._states, strict=True)
        self._states = [self._advanced(*part, state) for part, state in pairs]
        self.k += 1

    def check(self, **tolerances: Any) -> None:
        """Fail unless the optimizer is where the rules are, and remembers what they do."""
        for (p, _, rule), state in zip(self._parts, self._states, strict=True):
            torch.testing.assert_close(real(p.detach()), rule.query(state), **tolerances)
            held = self.optimizer.state[p]
            for name, expected in self.row.remembers(state).items():
                if isinstance(expected, Tensor):
                    torch.testing.assert_close(real(held[name].detach()), expected, **tolerances)
                else:
                    assert float(held[name]) == pytest.approx(float(expected), rel=1e-12), name
        if self.row.has_iterate:
            with self.optimizer.at_iterate():
                for (p, _, _), state in zip(self._parts, self._states, strict=True):
                    torch.testing.assert_close(real(p.detach()), state.x, **tolerances)

    def _advanced(self, p: Tensor, number: int, rule: Any, state: Any) -> Any:
        now = self._kept[self.k][number]
        point = rule.query(state)
        grad = real(gradient_at(torch.view_as_complex(point) if p.is_complex() else point, self.k))
        grad = -grad if now["maximize"] else grad
        decay, weight = self.row.decay(now), now["weight_decay"]
        if decay == "coupled":
            grad = grad + weight * point
        if decay == "decoupled":
            state = self.row.shift(state, -now["lr"] * weight * point)
        return rule.step(state, grad, now["lr"])

    def _groups(self) -> list[dict[str, Any]]:
        return [
            {name: number_of(value) for name, value in group.items() if name != "params"}
            for group in self.optimizer.param_groups
        ]

    def _at(self, number: int) -> Any:
        return lambda k: self._kept[min(max(k, 0), len(self._kept) - 1)][number]


def number_of(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


def real(tensor: Tensor) -> Tensor:
    """Return complex numbers as pairs, which is how optimizers treat them."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
