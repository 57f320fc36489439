"""How much of a mini-batch's gradient is noise: exact, from the gradients of all examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import avg_pool2d, cross_entropy

from nagcore.training.data import ImageData
from nagcore.training.models import CLASSES, SIDE
from nagcore.training.seeds import private_random_state


@dataclass(frozen=True)
class NoiseScale:
    """Signal and noise of gradients at one point.

    Args:
        steps: taken so far.
        loss: mean over all examples, nats.
        signal: ‖∇f‖², of the gradient of all examples.
        noise: tr Σ, the mean squared distance of an example's gradient from ∇f.
        count: n, number of examples.

    Example:
        >>> NoiseScale(steps=0, loss=2.3, signal=2.0, noise=100.0, count=51).scale
        50.0
    """

    steps: int
    loss: float
    signal: float
    noise: float
    count: int

    @property
    def scale(self) -> float:
        """tr Σ / ‖∇f‖²: the batch size at which noise and signal are equally large.

        Source: [mccandlish2018], §2.2, the simple noise scale.
        """
        return self.noise / self.signal

    def noise_share(self, batch_sizes: np.ndarray) -> np.ndarray:
        """E ‖g_B − ∇f‖² / ‖∇f‖² for B examples drawn without replacement."""
        sizes = np.asarray(batch_sizes, dtype=float)
        return self.scale / sizes * (self.count - sizes) / (self.count - 1)


def make_small_mlp(seed: int, *, width: int = 16) -> nn.Sequential:
    """Return a network of one hidden layer on images of 14 × 14 pixels."""
    with private_random_state(seed):
        return nn.Sequential(
            nn.Flatten(), nn.Linear((SIDE // 2) ** 2, width), nn.ReLU(), nn.Linear(width, CLASSES)
        )


def example_gradients(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> np.ndarray:
    """Return the gradient of each example's cross-entropy, shape (n, parameters)."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(values: dict[str, torch.Tensor], one: torch.Tensor, target: torch.Tensor):
        return cross_entropy(functional_call(model, values, (one[None],)), target[None])

    each = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, inputs, targets)
    return torch.cat([g.flatten(1) for g in each.values()], dim=1).double().numpy()


def measure_noise_scales(
    data: ImageData, *, looks: Sequence[int], step_size: float, batch_size: int, seed: int
) -> list[NoiseScale]:
    """Train a small network by SGD and take the noise scale after some numbers of steps.

    Args:
        data: training images, on the CPU; averaged to 14 × 14 pixels.
        looks: the numbers of steps, rising.
        step_size: α.
        batch_size: examples of a step, drawn with replacement.
        seed: of the weights and the batches.

    Example:
        >>> from nagcore.training.data import load_fashion_mnist
        >>> few = load_fashion_mnist()[0].subset(range(40))
        >>> found = measure_noise_scales(few, looks=[0, 5], step_size=0.1, batch_size=8, seed=0)
        >>> [scale.steps for scale in found], found[1].loss < found[0].loss
        ([0, 5], True)
    """
    inputs, targets = avg_pool2d(data.images, 2), data.labels
    model, generator = make_small_mlp(seed), torch.Generator().manual_seed(seed)
    optimizer, found = torch.optim.SGD(model.parameters(), lr=step_size), []
    for step in range(max(looks) + 1):
        if step in looks:
            found.append(_noise_scale(model, inputs, targets, step))
        batch = torch.randint(len(targets), (batch_size,), generator=generator)
        optimizer.zero_grad()
        cross_entropy(model(inputs[batch]), targets[batch]).backward()
        optimizer.step()
    return found


def _noise_scale(
    model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, steps: int
) -> NoiseScale:
    gradients = example_gradients(model, inputs, targets)
    mean = gradients.mean(axis=0)
    with torch.no_grad():
        loss = cross_entropy(model(inputs), targets).item()
    return NoiseScale(
        steps=steps,
        loss=loss,
        signal=float(mean @ mean),
        noise=float(((gradients - mean) ** 2).sum(axis=1).mean()),
        count=len(targets),
    )
