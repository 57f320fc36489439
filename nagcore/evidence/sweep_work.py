"""What copies trained at once and trainings one by one are timed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from nagcore.core import Nesterov
from nagcore.evidence.loop_nets import PooledFirst
from nagcore.optim import NAG
from nagcore.training.autoencoder import cross_entropy_of_pixels, make_autoencoder
from nagcore.training.copies import Examples
from nagcore.training.copies.moving import Mover
from nagcore.training.copies.order import Order
from nagcore.training.copies.step import CopiesStep, Network
from nagcore.training.data import load_fashion_mnist
from nagcore.training.models import make_mlp
from nagcore.training.processes import Processes
from nagcore.training.seeds import private_random_state
from nagcore.training.source import Batch
from nagcore.training.switches import Switches
from nagcore.training.training_step import TrainingStep


class Work(NamedTuple):
    """A network, its data and its mini-batches.

    Attributes:
        model: on the CPU; every copy begins with its weights.
        loss: mean loss of outputs against targets.
        examples: on the device.
        batch_size: examples of a step of one copy.
    """

    model: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    examples: Examples
    batch_size: int

    @property
    def device(self) -> torch.device:
        """Where it is trained."""
        return self.examples.targets.device

    def batches(self, seed: int) -> Iterator[Batch]:
        """Yield mini-batches for ever, in the order of a copy with this seed."""
        order, step = Order([seed], len(self.examples.targets), self.batch_size), 0
        while True:
            indices = order.chunk(step, order.steps)[:, 0].to(self.device)
            for index in indices:
                yield Batch(
                    self.examples.inputs[index], self.examples.targets[index], self.batch_size
                )
            step += len(indices)


def make_work(network: str, batch_size: int, device: str) -> Work:
    """Return the work of this name.

    Args:
        network: a key of `NETWORKS`.
        batch_size: examples of a step of one copy.
        device: "cpu" or "cuda".

    Example:
        >>> work = make_work("tiny MLP", 8, "cpu")
        >>> next(work.batches(seed=0)).inputs.shape
        torch.Size([8, 4])
    """
    with private_random_state(0):
        model, loss, examples = NETWORKS[network]()
    return Work(model, loss, Examples(*(part.to(device) for part in examples)), batch_size)


def hyper_of(copy: int) -> tuple[float, float]:
    """Return step size and momentum of a copy: those of neighbours differ."""
    return 0.001 * (1 + copy % 8), (0.5, 0.9)[copy % 2]


def copies_step(work: Work, copies: int) -> CopiesStep:
    """Return the step of so many copies by Nesterov's method, copy i with seed i.

    Example:
        >>> step = copies_step(make_work("tiny MLP", 8, "cpu"), 3)
        >>> step()
        >>> step.total.shape
        torch.Size([3])
    """
    device, count = work.device, len(work.examples.targets)
    network = Network(
        (deepcopy(work.model) if i == 0 else work.model for i in range(copies)), device
    )
    pairs = torch.tensor([hyper_of(i) for i in range(copies)], dtype=torch.float64, device=device)
    hyper = {"step_size": pairs[:, 0].contiguous(), "momentum": pairs[:, 1].contiguous()}
    rule = Mover(lambda h: Nesterov(lambda _: h["momentum"]), None)  # pyright: ignore
    order = Order(range(copies), count, work.batch_size)
    chunk = order.chunk(0, 5).to(device)
    return CopiesStep(network, work.loss, work.examples, rule, hyper, chunk)


def single_step(work: Work, copy: int) -> TrainingStep:
    """Return the step of one training, as `fit` takes it, with the numbers of this copy."""
    model = deepcopy(work.model).to(work.device)
    step_size, momentum = hyper_of(copy)
    capturable = work.device.type == "cuda"
    optimizer = NAG(model.parameters(), step_size, momentum, capturable=capturable)
    return TrainingStep(
        model,
        work.loss,
        optimizer,
        rate=None,
        switches=Switches(),
        processes=Processes(),
        norm=False,
    )


class Cost(NamedTuple):
    """What one step of one copy takes at least."""

    parameters: int
    megaflops: float
    """of the products in forward and backward"""
    megabytes: float
    """if every number is read and written once where it is needed, in no cache before"""


def cost_of(work: Work) -> Cost:
    """Count operations and bytes of one step of one copy by Nesterov's method.

    Parameters are read forward and backward, their gradient is written, and the rule reads and
    writes what `nagcore.core.Nesterov` holds: 9 numbers each. An input is gathered and read
    twice. An output of a layer is written, read by the next layer and backward; its gradient is
    written and read.

    Example:
        >>> cost = cost_of(make_work("tiny MLP", 8, "cpu"))
        >>> cost.parameters, cost.megaflops  # 8 · 2 · (2 · 4 · 16 + 3 · 16 · 16 + 3 · 16 · 2)
        (386, 0.015872)
    """
    model = deepcopy(work.model).to(work.device)
    outputs: list[int] = []
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _, __, out: outputs.append(out.numel()))
    batch = next(work.batches(seed=0))
    with FlopCounterMode(display=False) as counter:
        work.loss(model(batch.inputs), batch.targets).backward()
    parameters = sum(p.numel() for p in model.parameters())
    numbers = 9 * parameters + 4 * batch.inputs.numel() + 5 * sum(outputs)
    return Cost(parameters, 1e-6 * counter.get_total_flops(), 4e-6 * numbers)


def _tiny_mlp() -> tuple[nn.Module, Callable[[Tensor, Tensor], Tensor], Examples]:
    layers = (nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))
    inputs = torch.randn(8_192, 4)
    return nn.Sequential(*layers), cross_entropy, Examples(inputs, (inputs[:, 0] > 0).long())


def _mlp() -> tuple[nn.Module, Callable[[Tensor, Tensor], Tensor], Examples]:
    return make_mlp(0, width=32), cross_entropy, _images()


def _small_cnn() -> tuple[nn.Module, Callable[[Tensor, Tensor], Tensor], Examples]:
    return PooledFirst((8, 16)), cross_entropy, _images()


def _autoencoder() -> tuple[nn.Module, Callable[[Tensor, Tensor], Tensor], Examples]:
    images = torch.rand(8_192, 784)  # how long a step takes does not depend on what is learned
    return make_autoencoder(0), cross_entropy_of_pixels, Examples(images, images)


def _images() -> Examples:
    """Return the shipped images, again and again."""
    images = load_fashion_mnist()[0]
    again = images.subset(torch.arange(8_192) % len(images))
    return Examples(again.images, again.labels)


NETWORKS: Mapping[
    str, Callable[[], tuple[nn.Module, Callable[[Tensor, Tensor], Tensor], Examples]]
] = MappingProxyType(
    {
        "tiny MLP": _tiny_mlp,
        "MLP": _mlp,
        "small CNN": _small_cnn,
        "autoencoder": _autoencoder,
    }
)
"""By name: a network of 4-16-16-2 units, one of 784-32-10, two convolutions of 8 and 16 channels,
and the autoencoder of `nagcore.training.autoencoder.CURVES`."""
