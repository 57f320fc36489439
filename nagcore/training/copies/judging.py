"""Loss and metrics of all copies on evaluation data, at their iterates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap

from nagcore.training.copies.examples import Examples
from nagcore.training.copies.step import Loss, Network

_NUMBERS = {"cpu": 2**20, "cuda": 2**26}
"""About how many numbers of inputs go through all copies at a time."""


class Judge:
    """Measures all copies.

    Args:
        network: the models.
        loss: mean loss of outputs against targets.
        data: evaluation data.
        metrics: what else to measure, by name: of outputs and targets a mean over the examples.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        data: Examples,
        metrics: Mapping[str, Callable[[Tensor, Tensor], Tensor]],
    ) -> None:
        self.network, self.data = network, data
        self.names = ("eval_loss", *metrics)

        def measured(vector: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
            outputs = network(vector, inputs)
            found = [loss(outputs, targets), *(m(outputs, targets) for m in metrics.values())]
            return torch.stack([value.double() for value in found])

        self._measured = vmap(measured, in_dims=(0, None, None))

    def __call__(self, vectors: Tensor) -> dict[str, np.ndarray]:
        """Return the measures (N,) of copies with these parameters (N, P), by name."""
        count = len(self.data.targets)
        each = len(vectors) * self.data.inputs[0].numel()
        size = max(1, min(count, _NUMBERS.get(vectors.device.type, 2**20) // each))
        total = torch.zeros(len(vectors), len(self.names), dtype=torch.float64)
        with torch.no_grad(), evaluation_mode(self.network.template):
            parts = [
                self._measured(vectors, inputs, targets) * len(targets)
                for inputs, targets in zip(
                    self.data.inputs.split(size), self.data.targets.split(size), strict=True
                )
            ]
        total = torch.stack(parts).sum(dim=0).cpu() / count
        return dict(zip(self.names, total.T.numpy(), strict=True))


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode inside the block, and back into the modes it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
