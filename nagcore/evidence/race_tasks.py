"""The tasks of the fair race: data, network, loss, and what counts as progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.training.copies import Examples
from nagcore.training.data import ImageData, load_fashion_mnist, split
from nagcore.training.models import CLASSES, SIDE
from nagcore.training.resnet import ResNet
from nagcore.training.seeds import private_random_state

PIXELS = SIDE * SIDE


@dataclass(frozen=True)
class Task:
    """What a method is to do.

    Args:
        label: the task in words.
        build: sizes to a network with torch's own initialisation.
        loss: of outputs and targets, a mean over the examples.
        unit: of the loss.
        metrics: what else is measured, by name: likewise a mean.
        reconstructs: whether images are the targets, and not their labels.
    """

    label: str
    build: Callable[[Sequence[int]], nn.Module]
    loss: Callable[[Tensor, Tensor], Tensor]
    unit: str
    metrics: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = field(default_factory=dict)
    reconstructs: bool = False

    def make_model(self, sizes: Sequence[int]) -> Callable[[int], nn.Module]:
        """Return a function that draws a network from a seed, on the CPU."""

        def make(seed: int) -> nn.Module:
            with private_random_state(seed):
                return self.build(sizes)

        return make


class RaceData(NamedTuple):
    """Examples for training, for all decisions, and for one look at the end."""

    train: Examples
    validation: Examples
    test: Examples


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error of a reconstruction (n, pixels), summed over the pixels.

    Example:
        >>> import torch
        >>> squared_error(torch.zeros(2, 3), torch.ones(2, 3)).item()
        3.0
    """
    return (outputs - targets).square().sum(dim=1).mean()


def accuracy(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the share of rows of scores (n, classes) whose largest is that of the label."""
    return (scores.argmax(dim=1) == labels).float().mean()


def build_softmax(sizes: Sequence[int]) -> nn.Module:  # noqa: ARG001
    """Return multinomial logistic regression on images."""
    return nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, CLASSES))


def build_mlp(sizes: Sequence[int]) -> nn.Module:
    """Return a network with one hidden layer; its width is the one size."""
    (width,) = sizes
    return nn.Sequential(
        nn.Flatten(), nn.Linear(PIXELS, width), nn.ReLU(), nn.Linear(width, CLASSES)
    )


def build_cnn(sizes: Sequence[int]) -> nn.Module:
    """Return two convolutions 3 × 3, each pooled to half the size; the sizes are their channels."""
    first, second = sizes
    return nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(second * (SIDE // 4) ** 2, CLASSES),
    )  # fmt: skip


def build_resnet(sizes: Sequence[int]) -> nn.Module:
    """Return a residual network; the sizes are width and blocks in a stage."""
    width, blocks = sizes
    return ResNet(width, blocks, stem_stride=2)


def build_autoencoder(sizes: Sequence[int]) -> nn.Module:
    """Return an autoencoder; the sizes are its layers from the pixels inwards to the code.

    Hidden layers have ReLU, the code is linear, and the reconstruction goes through a sigmoid.

    Example:
        >>> import torch
        >>> build_autoencoder((8, 2))(torch.zeros(1, 1, 28, 28)).shape
        torch.Size([1, 784])
    """
    inwards = (PIXELS, *sizes)
    widths = (*inwards, *reversed(inwards[:-1]))
    layers: list[nn.Module] = [nn.Flatten()]
    for place, (inputs, outputs) in enumerate(pairwise(widths)):
        layers += [nn.Linear(inputs, outputs)]
        if outputs == PIXELS:
            layers += [nn.Sigmoid()]
        elif place != len(sizes) - 1:
            layers += [nn.ReLU()]
    return nn.Sequential(*layers)


_TELLS: Mapping[str, Any] = {"unit": "nats", "metrics": {"accuracy": accuracy}}
TASKS: Mapping[str, Task] = {
    "softmax": Task("logistic regression", build_softmax, cross_entropy, **_TELLS),
    "mlp": Task("one hidden layer", build_mlp, cross_entropy, **_TELLS),
    "cnn": Task("small CNN", build_cnn, cross_entropy, **_TELLS),
    "resnet": Task("small ResNet", build_resnet, cross_entropy, **_TELLS),
    "autoencoder": Task(
        "deep autoencoder", build_autoencoder, squared_error, "squared error", reconstructs=True
    ),
}
"""The tasks by name."""


def find_task(name: str) -> Task:
    """Return the task of that name in `TASKS`.

    Raises:
        UsageError: there is none.

    Example:
        >>> find_task("cnn").label
        'small CNN'
    """
    if name not in TASKS:
        raise UsageError(f"there is no task {name!r}; the tasks: {closest_first(name, TASKS)}")
    return TASKS[name]


def load_race_data(
    task: Task, which: str, *, held_out: int, seed: int, device: str = "cpu"
) -> RaceData:
    """Return the data of a task: training images, those held out of them, and the test images.

    Args:
        task: decides the targets.
        which: "shipped" or "full", as `load_fashion_mnist` calls them.
        held_out: training images that are set aside for decisions.
        seed: which ones.
        device: where the tensors are to be.
    """
    train, validation, test = _images(which, held_out, seed)
    black, white = float(train.images.min()), float(train.images.max())

    def examples(data: ImageData) -> Examples:
        if not task.reconstructs:
            return Examples(data.images.to(device), data.labels.to(device))
        pixels = (data.images.flatten(1) - black) / (white - black)  # from 0 to 1
        return Examples(pixels.to(device), pixels.to(device))

    return RaceData(examples(train), examples(validation), examples(test))


@lru_cache(maxsize=2)  # a race asks for the same images once for every task and method
def _images(which: str, held_out: int, seed: int) -> tuple[ImageData, ImageData, ImageData]:
    images, test = load_fashion_mnist(which)
    return *split(images, held_out, seed=seed), test
