"""What the search for a step size refuses."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
import torch
from search_problems import Quadratic, closure_of, parameter

from nagcore.core import Backtracking
from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.optim.step_size_search import StepSizeSearch

CALLS = count()
SGD, Adam = torch.optim.SGD, torch.optim.Adam


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda p: Adam([p]), "Adam takes no plain gradient step"),
        (lambda p: torch.optim.LBFGS([p]), "LBFGS takes no plain gradient step"),
        (lambda p: SGD([p], momentum=0.9, dampening=0.5), "dampening is 0.5"),
        (lambda p: NAG([p], differentiable=True), "differentiable is True, expected False"),
        (
            lambda p: NAG([p], weight_decay=0.1, decoupled_weight_decay=True),
            "weight_decay is 0.1 and decoupled",
        ),
        (
            lambda p: NAG([{"params": [p]}, {"params": [parameter([1.0])], "lr": 0.1}], lr=0.2),
            r"lr is 0\.1 and 0\.2 in the groups",
        ),
        (
            lambda p: NAG([{"params": [p]}, {"params": [parameter([1.0])], "maximize": True}]),
            "maximize is False and True",
        ),
    ],
)
def test_optimizers_that_it_does_not_suit_are_refused(build, words):
    with pytest.raises(UsageError, match=words):
        StepSizeSearch(build(parameter([1.0, 2.0])))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"search": 0.1}, "search is 0.1, expected a Backtracking"),
        ({"most_trials": 0}, "most_trials is 0"),
        ({"most_trials": 2.5}, "most_trials is 2.5"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(UsageError, match=words):
        StepSizeSearch(NAG([parameter([1.0])]), **arguments)


class WrongSlope(torch.autograd.Function):
    """Σ x², whose gradient is said to be −2x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square().sum()

    @staticmethod
    def backward(ctx, *grads):
        (x,) = ctx.saved_tensors
        return -2 * x * grads[0]


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda p: p.log().sum(), "loss at the query point is nan"),
        (lambda p: (1e200 * p).square().sum(), "is inf"),
        (lambda p: (p - p.detach()).abs().sqrt().sum() + p.sum() * 0, "gradient norm nan"),
        (WrongSlope.apply, "no step size from .* lowers the loss as its gradient says"),
        (lambda p: next(CALLS) + p.square().sum(), "no step size from 1 down to"),
    ],
    ids=["nan", "inf", "nan in the gradient", "wrong gradient", "another loss each time"],
)
def test_a_function_that_cannot_be_searched_is_refused_and_nothing_has_moved(loss, words):
    p = parameter([-1.0, 2.0])
    search = StepSizeSearch(NAG([p], lr=0.25), Backtracking(first=1.0))
    with pytest.raises(UsageError, match=words):
        search.step(closure_of(loss, p))
    assert torch.equal(p, parameter([-1.0, 2.0]))
    assert search.param_groups[0]["lr"] == 0.25
    assert (search.steps, search.step_size) == (0, None)


def test_too_few_trials_are_said_to_be_so():
    p = parameter(Quadratic.x0)
    search = StepSizeSearch(NAG([p], lr=0.25), Backtracking(first=1e6), most_trials=5)
    with pytest.raises(UsageError, match=r"from 1e\+06 down to .* most_trials"):
        search.step(closure_of(Quadratic().loss, p))
    assert search.trials == 5
    np.testing.assert_array_equal(p.detach().numpy(), Quadratic.x0)


@pytest.mark.parametrize(
    ("closure", "words"),
    [
        (None, "closure is None, expected a function"),
        (lambda: None, "the closure returned None"),
        (lambda: torch.ones(2), r"the closure returned tensor\(\[1., 1.\]\)"),
        (lambda: 3.0, "no parameter has a gradient after the closure"),
    ],
)
def test_bad_closures_are_named(closure, words):
    search = StepSizeSearch(NAG([parameter([1.0])]))
    with pytest.raises(UsageError, match=words):
        search.step(closure)


def test_half_precision_and_sparse_gradients_are_refused():
    half = parameter([1.0], torch.bfloat16)
    with pytest.raises(UsageError, match=r"torch\.bfloat16, expected float32"):
        StepSizeSearch(NAG([half])).step(closure_of(lambda p: p.square().sum(), half))
    embedding = torch.nn.Embedding(5, 2, sparse=True)
    search = StepSizeSearch(NAG(embedding.parameters()))
    with pytest.raises(UsageError, match="sparse gradient"):
        search.step(closure_of(lambda p: embedding(torch.tensor([1])).sum(), embedding.weight))
