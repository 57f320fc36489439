"""What a step costs: the rules run on vectors that count operations instead of doing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from nagcore.core import LBFGS, Adam, GradientDescent, HeavyBall, Nesterov
from nagcore.core.method import Method
from nagcore.training.models import RepairedCNN, count_parameters

COUNTED: Mapping[str, Method[Any]] = MappingProxyType(
    {
        "gd": GradientDescent(),
        "heavy-ball": HeavyBall(0.9),
        "nag": Nesterov(0.9),
        "adam": Adam(),
        "lbfgs": LBFGS(memory=10),
    }
)
"""The methods whose steps chapter 06 compares; SciPy's L-BFGS keeps 10 pairs, too."""


@dataclass
class Tally:
    """How many operations on single numbers there were."""

    operations: int = 0


@dataclass(eq=False)
class CountedVector:
    """A vector of so many entries that are not there; what is done to it is counted.

    An elementwise operation counts one for each entry, an inner product of n entries 2n − 1. It
    stands for curvature wherever a number is asked for: every inner product is 1.
    """

    entries: int
    tally: Tally = field(default_factory=Tally)

    def _elementwise(self, *_: Any) -> CountedVector:
        self.tally.operations += self.entries
        return CountedVector(self.entries, self.tally)

    __add__ = __radd__ = __sub__ = __rsub__ = _elementwise
    __mul__ = __rmul__ = __truediv__ = __pow__ = _elementwise

    def __abs__(self) -> CountedVector:
        return self._elementwise()

    def __matmul__(self, other: CountedVector) -> float:
        self.tally.operations += 2 * self.entries - 1
        return 1.0

    def reshape(self, *_: int) -> CountedVector:
        """Return the vector itself."""
        return self

    def max(self) -> float:
        """Return 1, after as many comparisons as it takes."""
        self.tally.operations += self.entries - 1
        return 1.0


class StepCost(NamedTuple):
    """What one step takes beside the gradient.

    Attributes:
        operations: on single numbers.
        kept: numbers held from one step to the next, beside the parameters.
    """

    operations: int
    kept: int


def count_step(method: Method[Any], variables: int, *, largest_entry: bool = False) -> StepCost:
    """Return what a step of a rule costs once its memory is full.

    The query point, of which both the gradient and the step have need, is counted once.

    Args:
        method: a rule.
        variables: number of parameters.
        largest_entry: whether the step also looks for the largest |entry| of the gradient, as a
            threshold on it requires.

    Example:
        >>> count_step(GradientDescent(), 1000)
        StepCost(operations=2000, kept=0)
        >>> count_step(Nesterov(0.9), 1000)
        StepCost(operations=5000, kept=1000)
    """
    tally = Tally()
    state = method.init(CountedVector(variables, tally))
    before = 0
    for _ in range(1 + getattr(method, "memory", 0) + 1):
        before = tally.operations
        gradient = CountedVector(variables, tally)
        if largest_entry:
            abs(gradient).max()
        state = method.step(state, gradient, 0.1)
    held = {id(vector) for vector in _vectors(state)} - {id(state.x)}
    return StepCost(tally.operations - before, len(held) * variables)


def _vectors(state: Any) -> Iterator[CountedVector]:
    if isinstance(state, CountedVector):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from _vectors(part)


def least_squares_operations(rows: int, features: int) -> int:
    """Return the operations of a gradient Aᵀ(Ax − b): two products with the data and a difference.

    Args:
        rows: examples m.
        features: variables n.

    Example:
        >>> least_squares_operations(1000, 50)
        199950
    """
    return rows * (2 * features - 1) + rows + features * (2 * rows - 1)


class NetworkCost(NamedTuple):
    """The parameters of a network, and the operations of the gradient of one mini-batch."""

    parameters: int
    gradient: int


def count_network_gradient(batch_size: int) -> NetworkCost:
    """Count what torch does for one gradient of the network of chapter 07.

    Only products and convolutions are counted, which is nearly all of it.

    Args:
        batch_size: images in the mini-batch.

    Example:
        >>> one, fifty = (count_network_gradient(size).gradient for size in (1, 50))
        >>> fifty // one
        50
    """
    with torch.device("meta"), FlopCounterMode(display=False) as counter:  # shapes are enough
        model = RepairedCNN()
        scores = model(torch.zeros(batch_size, 1, 28, 28))
        cross_entropy(scores, torch.zeros(batch_size, dtype=torch.int64)).backward()
    return NetworkCost(count_parameters(model), counter.get_total_flops())


def total_operations(gaps: np.ndarray, *, gradient: int, step: StepCost) -> np.ndarray:
    """Return the operations of gradients and steps up to each iterate, shape (k + 1,).

    Args:
        gaps: at the iterates of a run of k steps, shape (k + 1,).
        gradient: operations of one gradient.
        step: what a step takes beside it.

    Example:
        >>> total_operations(np.ones(3), gradient=100, step=StepCost(5, 0)).tolist()
        [0, 105, 210]
    """
    return np.arange(len(gaps)) * (gradient + step.operations)
