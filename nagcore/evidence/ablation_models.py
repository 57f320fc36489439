"""The repaired CNN with a repair undone: what is taken from it, its data, its loss, its method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from nagcore.errors import UsageError
from nagcore.fashion_mnist import load_arrays
from nagcore.names import closest_first
from nagcore.optim.table import make_optimizer
from nagcore.training.data import ImageData, load_fashion_mnist
from nagcore.training.evaluation import Evaluation, evaluate
from nagcore.training.fit import fit
from nagcore.training.initialisation import initialise
from nagcore.training.losses import make_loss
from nagcore.training.models import CLASSES, HIDDEN, SIDE
from nagcore.training.source import Batch, Source, share
from nagcore.training.stopping import Diverged, Epochs


@dataclass(frozen=True)
class Repairs:
    """A way to train; as it stands, with every repair made.

    Attributes:
        raw: whether pixels are left as they are, from 0 to 255.
        order: "shuffled" anew in each epoch, as in the "file", or by "class".
        whole: whether one batch holds all images.
        activation: after each layer but the last.
        pooling: 2 × 2, after a convolution.
        poolings: how many of the two convolutions have it.
        convolutions: whether there are any, or the flattened image goes to the linear layers.
        loss: a name in `LOSSES`.
        optimizer: a name in `OPTIMIZERS`.
    """

    raw: bool = False
    order: str = "shuffled"
    whole: bool = False
    activation: type[nn.Module] = nn.ReLU
    pooling: type[nn.Module] = nn.MaxPool2d
    poolings: int = 2
    convolutions: bool = True
    loss: str = "cross-entropy"
    optimizer: str = "nag"


_ALL = Repairs()
ABLATIONS: dict[str, Repairs] = {
    "nothing": _ALL,
    "raw pixels": replace(_ALL, raw=True),
    "one batch of all images": replace(_ALL, whole=True),
    "never shuffled": replace(_ALL, order="file"),
    "sorted by class": replace(_ALL, order="class"),
    "one pooling": replace(_ALL, poolings=1),
    "no convolution": replace(_ALL, convolutions=False),
    "no activation": replace(_ALL, activation=nn.Identity),
    "no activation, mean pooling": replace(
        _ALL, activation=nn.Identity, pooling=nn.AvgPool2d
    ),
    "squared error, one-hot": replace(_ALL, loss="mse-one-hot"),
    "squared error, integer labels": replace(_ALL, loss="mse-integer-labels"),
    "plain SGD": replace(_ALL, optimizer="sgd"),
    "Adam": replace(_ALL, optimizer="adam"),
}  # fmt: skip
"""By what is undone; the fully affine network needs two things undone at once."""


def find_ablation(name: str) -> Repairs:
    """Return the way to train of that name in `ABLATIONS`.

    Raises:
        UsageError: there is none; the message lists those there are, the closest first.
    """
    if name not in ABLATIONS:
        raise UsageError(f"ablation {name!r} is not known; known: {closest_first(name, ABLATIONS)}")
    return ABLATIONS[name]


def make_network(repairs: Repairs, *, seed: int, width: int) -> nn.Sequential:
    """Return the network, with torch's initial weights; with all repairs it is `RepairedCNN`.

    Args:
        repairs: what is undone.
        seed: of the initial weights.
        width: channels of the first convolution, the second has four times as many.

    Example:
        >>> make_network(Repairs(poolings=1), seed=0, width=2)(torch.zeros(3, 1, 28, 28)).shape
        torch.Size([3, 10])
    """
    features: list[nn.Module] = []
    channels, side = 1, SIDE
    for number, more in enumerate((width, 4 * width) if repairs.convolutions else ()):
        features.append(nn.Conv2d(channels, more, kernel_size=3, padding=1))
        if number < repairs.poolings:
            features.append(repairs.pooling(2))
            side //= 2
        features.append(repairs.activation())
        channels = more
    network = nn.Sequential(
        *features,
        nn.Flatten(),
        nn.Linear(channels * side**2, HIDDEN),
        repairs.activation(),
        nn.Linear(HIDDEN, CLASSES),
    )
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return initialise(network, "torch", seed=seed)


def load_images(repairs: Repairs) -> tuple[ImageData, ImageData]:
    """Return the shipped training and test images, normalised or as they are."""
    if not repairs.raw:
        return load_fashion_mnist()
    arrays, (train, test) = load_arrays(), load_fashion_mnist()
    pixels = [
        torch.from_numpy(images.astype(np.float32)).unsqueeze(1)
        for images in (arrays.train_images, arrays.test_images)
    ]
    return replace(train, images=pixels[0]), replace(test, images=pixels[1])


@dataclass(frozen=True, eq=False)
class InOrder:
    """Images that come in the same order in each epoch: no shuffling."""

    data: ImageData

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self.data.device

    def __len__(self) -> int:
        return len(self.data)

    def steps(self, batch_size: int, ranks: int = 1) -> int:
        """Return the number of batches in an epoch."""
        return self.data.steps(batch_size, ranks)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,  # noqa: ARG002
        epoch: int,  # noqa: ARG002
        start: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> Iterator[Batch]:
        """Yield the batches from the first image to the last; see `Source`."""
        for first in range(start * batch_size, len(self), batch_size):
            count = min(batch_size, len(self) - first)
            begin, end = share(count, rank, ranks)
            own = slice(first + begin, first + end)
            weight = (end - begin) * ranks / count
            yield Batch(self.data.images[own], self.data.labels[own], count, weight)


def source_of(repairs: Repairs, data: ImageData) -> Source:
    """Return the images in the order that is left of the repairs."""
    if repairs.order == "shuffled":
        return data
    if repairs.order == "class":
        data = data.subset(data.labels.argsort(stable=True))
    return InOrder(data)


def train_ablated(
    repairs: Repairs,
    train: ImageData,
    judged_on: ImageData,
    *,
    lr: float,
    batch_size: int,
    epochs: int,
    width: int,
    seed: int,
) -> Evaluation:
    """Train a new network and return how well it does.

    Args:
        repairs: what is undone.
        train: what to learn from, with the pixels that belong to it.
        judged_on: what to judge the network on, in the end.
        lr: step size.
        batch_size: images in a mini-batch, where not one holds all.
        epochs: passes over the training images; a run that diverges is stopped before.
        width: channels of the first convolution.
        seed: of the initial weights and the order.
    """
    model, loss = make_network(repairs, seed=seed, width=width), make_loss(repairs.loss)
    optimizer = make_optimizer(repairs.optimizer, model.parameters(), lr=lr)
    fit(
        model,
        loss,
        source_of(repairs, train),
        optimizer,
        batch_size=len(train) if repairs.whole else batch_size,
        until=Epochs(epochs) | Diverged(),
        seed=seed,
    )
    return evaluate(model, loss, judged_on, optimizer=optimizer)
