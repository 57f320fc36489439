"""The costs that chapter 06 states, against torch's own counting and against formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nagcore.core import NAdam
from nagcore.evidence.article_costs import (
    COUNTED,
    CountedVector,
    StepCost,
    Tally,
    count_network_gradient,
    count_step,
    least_squares_operations,
    total_operations,
)

N = 64
# the names of torch's operations that a rule may cause
_EACH = {"add", "sub", "rsub", "mul", "div", "pow", "neg", "abs", "sqrt"}


class TorchCount(TorchDispatchMode):
    """Counts the operations on single numbers that torch is asked for."""

    def __init__(self):
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in _EACH:
            self.operations += max(a.numel() for a in args if isinstance(a, torch.Tensor))
        elif name == "dot":
            self.operations += 2 * args[0].numel() - 1
        else:
            assert name in {"view", "reshape", "_unsafe_view", "le", "_local_scalar_dense"}, name
        return func(*args, **(kwargs or {}))


class Numbers(torch.Tensor):
    """A vector whose inner products are Python numbers, as arithmetic on them is not counted."""

    def __matmul__(self, other):
        return float(torch.dot(self.as_subclass(torch.Tensor), other.as_subclass(torch.Tensor)))


def counted_by_torch(method) -> int:
    curvatures = torch.linspace(1.0, 2.0, N).as_subclass(Numbers)
    state = method.init(torch.ones(N).as_subclass(Numbers))
    for _ in range(1 + getattr(method, "memory", 0)):
        state = method.step(state, curvatures * method.query(state), 0.1)
    gradient = curvatures * method.query(state)
    with TorchCount() as counter:
        method.step(state, gradient, 0.1)
    return counter.operations


@pytest.mark.parametrize("name", COUNTED)
def test_torch_counts_the_same_operations(name):
    assert count_step(COUNTED[name], N).operations == counted_by_torch(COUNTED[name])


def test_torch_counts_the_same_for_a_method_that_is_not_in_the_table():
    assert count_step(NAdam(), N).operations == counted_by_torch(NAdam())


@pytest.mark.parametrize(
    ("name", "vectors"), [("gd", 0), ("heavy-ball", 1), ("nag", 1), ("adam", 2), ("lbfgs", 22)]
)
def test_what_is_kept_is_counted_in_vectors(name, vectors):
    """L-BFGS has ten pairs, and the last point and gradient, to make the next one."""
    assert count_step(COUNTED[name], N).kept == vectors * N


def test_a_threshold_takes_a_pass_for_the_sizes_and_one_for_the_largest():
    plain, tested = (count_step(COUNTED["nag"], N, largest_entry=t) for t in (False, True))
    assert tested.operations - plain.operations == N + (N - 1)


def test_an_inner_product_has_a_sum_less_than_products():
    tally = Tally()
    assert CountedVector(5, tally) @ CountedVector(5, tally) == 1.0
    assert tally.operations == 9


def test_the_gradient_of_least_squares_is_counted_as_loops_would():
    rows, features, operations = 7, 3, 0
    for _ in range(rows):  # a_iᵀx − b_i
        operations += features + (features - 1) + 1
    for _ in range(features):  # one entry of Aᵀr
        operations += rows + (rows - 1)
    assert least_squares_operations(rows, features) == operations


def test_the_network_costs_what_its_layers_say():
    """Twice the products; backwards twice the forward pass, but no gradient of the images."""
    images = 4
    first = 2 * 9 * 1 * 32 * 28 * 28
    others = 2 * 9 * 32 * 128 * 14 * 14 + 2 * 6272 * 256 + 2 * 256 * 10
    cost = count_network_gradient(images)
    assert cost.gradient == images * (2 * first + 3 * others)
    assert cost.parameters == 9 * 32 + 32 + 9 * 32 * 128 + 128 + 6272 * 256 + 256 + 256 * 10 + 10


def test_operations_add_up_along_a_run():
    total = total_operations(np.ones(4), gradient=100, step=StepCost(7, 0))
    assert total.tolist() == [0, 107, 214, 321]
