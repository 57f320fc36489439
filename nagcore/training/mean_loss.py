"""The mean loss over batches of any kind, at the iterate."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from nagcore.errors import UsageError
from nagcore.training.evaluation import Loss, Stepper, _at_iterate, _evaluation_mode
from nagcore.training.source import Batch


def mean_loss(
    model: nn.Module, loss: Loss, batches: Iterable[Batch], *, optimizer: Stepper | None = None
) -> float:
    """Return the mean loss over the examples of `batches`, without training the model.

    Inputs and targets may have any shape that model and loss take, as `evaluate` is for images.
    The losses are added up on the device and read once.

    Args:
        model: maps inputs to outputs; put into evaluation mode and back again.
        loss: mean loss of outputs against targets.
        batches: on the device of the model.
        optimizer: if it has `at_iterate()`, the loss is taken at the iterate x_k.

    Raises:
        UsageError: there are no batches.

    Example:
        >>> batch = Batch(torch.ones(3, 1), torch.zeros(3, 1), 3)
        >>> mean_loss(nn.Identity(), nn.MSELoss(), [batch, batch])
        1.0
    """
    total: torch.Tensor | None = None
    examples = 0
    with _at_iterate(optimizer), _evaluation_mode(model), torch.no_grad():
        for batch in batches:
            here = len(batch.targets)
            value = loss(model(batch.inputs), batch.targets).double() * here
            total = value if total is None else total + value
            examples += here
    if total is None:
        raise UsageError("there are no batches to take the mean loss over; expected one or more")
    return total.item() / examples
