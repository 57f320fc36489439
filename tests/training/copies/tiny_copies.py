"""A tiny problem, and the plain loop that copies are held against."""

from __future__ import annotations

import torch
from torch import nn

from nagcore.training.copies import Examples
from nagcore.training.seeds import private_random_state
from nagcore.training.source import epoch_seed

INPUTS, CLASSES = 6, 3


def make_tiny(seed: int) -> nn.Sequential:
    """Return a network with odd sizes, in float64, where rounding leaves no doubt."""
    with private_random_state(seed):
        return nn.Sequential(nn.Linear(INPUTS, 5), nn.Tanh(), nn.Linear(5, CLASSES)).double()


def make_examples() -> Examples:
    """Return 44 examples that a linear map explains."""
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(44, INPUTS, generator=generator, dtype=torch.float64)
    labels = (inputs @ torch.randn(INPUTS, CLASSES, generator=generator).double()).argmax(dim=1)
    return Examples(inputs, labels)


def plain_losses(model, loss, examples, optimizer, *, seed, steps, batch_size, before=None):
    """Return the losses of the steps of one training, in an order drawn here anew."""
    losses, step, epoch = [], 0, 0
    while step < steps:
        generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
        order = torch.randperm(len(examples.targets), generator=generator)
        for batch in order.split(batch_size):
            if len(batch) < batch_size or step == steps:
                break
            if before is not None:
                before(step)
            optimizer.zero_grad()
            value = loss(model(examples.inputs[batch]), examples.targets[batch])
            value.backward()
            optimizer.step()
            losses.append(value.item())
            step += 1
        epoch += 1
    return losses
