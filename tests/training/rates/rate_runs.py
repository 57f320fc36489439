"""What the tests of rate setters share."""

from __future__ import annotations

import io
from typing import Any

import torch

from nagcore.training.history import Row
from nagcore.training.rates import RateSetter


def make_optimizer(*own: float, tensors: bool = False, **arguments: Any) -> torch.optim.SGD:
    """Return SGD with a group for each lr."""
    groups = [
        {
            "params": [torch.nn.Parameter(torch.ones(2, dtype=torch.float64))],
            "lr": torch.tensor(lr, dtype=torch.float64) if tensors else lr,
        }
        for lr in own
    ]
    return torch.optim.SGD(groups, lr=0.5, **arguments)


def rates_of(optimizer: torch.optim.Optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def attached(setter: RateSetter, *own: float) -> torch.optim.SGD:
    optimizer = make_optimizer(*(own or (1.0,)))
    setter.attach(optimizer)
    return optimizer


def walk(setter: RateSetter, optimizer: Any, begin: int, end: int) -> list[float]:
    """Set the rates of steps begin to end − 1, and return the first group's."""
    seen = []
    for step in range(begin, end):
        setter.before_step(step)
        seen.append(rates_of(optimizer)[0])
    return seen


def report(loss: float, accuracy: float = 0.5, **metrics: float) -> Row:
    return Row(1, 1, loss, loss, accuracy, 1.0, metrics=metrics)


def through_a_file(state: Any) -> Any:
    """Save and load as checkpoints do, so that nothing in the file can run code."""
    assert is_plain(state), state
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def is_plain(value: Any) -> bool:
    """Return whether there are plain containers and tensors alone."""
    if type(value) is dict:
        return all(type(key) in (str, int) and is_plain(item) for key, item in value.items())
    if type(value) in (list, tuple):
        return all(is_plain(item) for item in value)
    tensors = (torch.Tensor, torch.nn.Parameter)
    return value is None or type(value) in (int, float, str, bool, *tensors)
