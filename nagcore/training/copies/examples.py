"""What copies learn from: inputs and targets as two tensors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from nagcore.errors import UsageError
from nagcore.training.data import ImageData


class Examples(NamedTuple):
    """Inputs and targets, one row for each example, held whole on one device.

    Example:
        >>> Examples(torch.zeros(3, 2), torch.zeros(3)).inputs.shape
        torch.Size([3, 2])
    """

    inputs: Tensor
    """(n, …)"""
    targets: Tensor
    """(n, …)"""


def require_examples(value: object, name: str, device: torch.device) -> Examples:
    """Return `value` as examples, if they are some, as many inputs as targets, on the device.

    Args:
        value: `Examples`, `ImageData`, or anything else that has `inputs` and `targets`.
        name: of the argument, for messages.
        device: where the copies are trained.

    Raises:
        UsageError: it cannot be used.

    Example:
        >>> found = require_examples(Examples(torch.ones(2, 1), torch.ones(2)), "data",
        ...     torch.device("cpu"))
        >>> len(found.targets)
        2
    """
    if isinstance(value, ImageData):
        value = Examples(value.images, value.labels)
    inputs, targets = getattr(value, "inputs", None), getattr(value, "targets", None)
    if not isinstance(inputs, Tensor) or not isinstance(targets, Tensor):
        raise UsageError(
            f"{name} is a {type(value).__name__}; expected Examples(inputs, targets) or ImageData"
        )
    if not inputs.ndim or not targets.ndim or not 0 < len(inputs) == len(targets):
        raise UsageError(
            f"{name} has inputs {tuple(inputs.shape)} and targets {tuple(targets.shape)}; "
            "expected one row of each for every example"
        )
    for tensor in (inputs, targets):
        if tensor.device.type != device.type:
            raise UsageError(
                f"{name} is on {tensor.device} and the copies train on {device}; "
                f"move its tensors: .to({str(device)!r})"
            )
    return Examples(inputs, targets)
