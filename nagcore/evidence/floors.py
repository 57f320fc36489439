"""What a computation cannot go below: its bytes and operations, counted, over a machine's rates.

Counted is the least: every number is read once and written once, whatever the code does, and
operations are those that the mathematics needs. So a floor holds for every implementation of the
same rule on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.optim.adan import Adan
from nagcore.optim.base import RuleOptimizer
from nagcore.optim.nadam import NAdam
from nagcore.optim.nag import NAG
from nagcore.optim.program import Program, trace

FLOAT = 4
"""Bytes of a number in float32."""
METHODS: dict[str, type[RuleOptimizer]] = {"nesterov": NAG, "nadam": NAdam, "adan": Adan}
"""By name, the optimizers whose steps are counted."""


class StepCost(NamedTuple):
    """What the step of a method needs for each parameter, in float32."""

    reads: int
    """numbers that are read: parameter, gradient, state"""
    writes: int
    """numbers that are written"""
    operations: int
    """additions, multiplications, divisions and roots"""
    one_by_one: int
    """bytes where each operation reads its operands from memory and writes its result there"""

    @property
    def bytes(self) -> int:
        """The least traffic: each number once."""
        return FLOAT * (self.reads + self.writes)

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.operations / self.bytes


class LayerCost(NamedTuple):
    """What forward and backward of a layer need for one batch, in float32."""

    name: str
    operations: int
    """a multiplication with an addition are two"""
    bytes: int
    """inputs, weights, outputs and their gradients, each once where it is needed"""


class Rates(NamedTuple):
    """What a machine does at best, as it was measured."""

    bandwidth: float
    """bytes a second, of a plain pass over memory"""
    peak: float
    """operations a second, of a product of large matrices"""

    @property
    def ridge(self) -> float:
        """Operations a byte above which arithmetic is the limit, and below it memory.

        Example:
            >>> Rates(bandwidth=4e10, peak=1e11).ridge
            2.5
        """
        return self.peak / self.bandwidth

    def floor(self, operations: float, traffic: float) -> float:
        """Return the seconds that operations and bytes take at least, done at the same time.

        Args:
            operations: number of operations.
            traffic: bytes to and from memory.

        Example:
            >>> Rates(bandwidth=10.0, peak=100.0).floor(operations=50, traffic=20)
            2.0
        """
        return max(operations / self.peak, traffic / self.bandwidth)

    def ceiling(self, intensity: float) -> float:
        """Return the operations a second that can be reached with so many for each byte.

        Source: [williams2009].

        Example:
            >>> Rates(bandwidth=10.0, peak=100.0).ceiling(2.0)
            20.0
        """
        return min(self.peak, self.bandwidth * intensity)


def trace_step(method: str) -> Program:
    """Return the operations of a method's step, traced from its rule, without weight decay.

    Args:
        method: a key of `METHODS`.

    Raises:
        UsageError: there is no such method.
    """
    if method not in METHODS:
        raise UsageError(
            f"there is no method {method!r}; the methods: {closest_first(method, METHODS)}"
        )
    kind = METHODS[method]
    (group,) = kind([nn.Parameter(torch.zeros(1))]).param_groups  # pyright: ignore[reportCallIssue]
    tensors = ("parameter", "grad", *kind.state_tensors)
    return trace(
        kind.update(kind.variant(group)), tensors, (*kind.hyperparameters, *kind.state_scalars)
    )


def count_step(method: str) -> StepCost:
    """Return what the step of a method needs for each parameter.

    Args:
        method: a key of `METHODS`.

    Raises:
        UsageError: there is no such method.

    Example:
        >>> cost = count_step("nesterov")  # parameter, gradient, displacement; two are written
        >>> cost.reads, cost.writes, cost.bytes
        (3, 2, 20)
    """
    program = trace_step(method)
    traffic, needed = 0, set(program.outputs.values())
    for _, *operands in program.operations:
        values = {o.index for o in operands if o is not None and o.of == "value"}
        traffic += FLOAT * (len(values) + 1)
        needed |= values
    reads = sum(index in needed for index in range(len(program.inputs)))
    return StepCost(reads, len(program.outputs), len(program.operations), traffic)


def count_layers(model: nn.Module, inputs: Tensor) -> list[LayerCost]:
    """Return what forward and backward of each convolution and linear layer need.

    The gradient of the weights costs what the forward pass does, and so does the gradient of the
    inputs, which the first layer does not need. Activations and pooling are left out: they can be
    done on the way.

    Args:
        model: with convolutions without groups, and linear layers.
        inputs: one batch, (n, …).

    Example:
        >>> model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
        >>> layers = count_layers(model, torch.zeros(4, 3))
        >>> [(layer.name, layer.operations) for layer in layers]  # 2 × (2 · 4 · 3 · 5), 3 × (2 · …)
        [('0: Linear', 240), ('1: Linear', 240)]
    """
    seen: list[tuple[str, nn.Module, Tensor, Tensor]] = []
    with _watched(model, seen), torch.no_grad():
        model(inputs)
    return [
        _cost(name, layer, x, y, first=place == 0) for place, (name, layer, x, y) in enumerate(seen)
    ]


@contextmanager
def _watched(model: nn.Module, seen: list[tuple[str, nn.Module, Tensor, Tensor]]) -> Iterator[None]:
    """Keep the input and the output of each layer that has weights, in the order of the calls."""

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda layer, given, result: seen.append((name, layer, given[0], result))

    layers = [
        (f"{name}: {type(layer).__name__}", layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _cost(name: str, layer: nn.Module, x: Tensor, y: Tensor, *, first: bool) -> LayerCost:
    weight = layer.get_parameter("weight")
    products = y.numel() * weight.numel() // weight.shape[0]
    passes = 2 if first else 3
    return LayerCost(
        name, 2 * passes * products, FLOAT * passes * (x.numel() + weight.numel() + y.numel())
    )
