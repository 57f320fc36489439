"""One training run of the repaired CNN on the shipped images."""

from __future__ import annotations

from typing import NamedTuple

from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from nagcore.optim.table import find_optimizer, make_optimizer
from nagcore.training.data import ImageData
from nagcore.training.fit import fit
from nagcore.training.history import History
from nagcore.training.models import RepairedCNN, make_cnn
from nagcore.training.stopping import Diverged, Epochs


class Run(NamedTuple):
    """A trained network, the optimizer that trained it and what happened on the way."""

    model: RepairedCNN
    optimizer: Optimizer
    history: History


def train_cnn(
    optimizer: str,
    *,
    lr: float,
    train: ImageData,
    evaluate_on: ImageData,
    batch_size: int,
    epochs: int,
    seed: int,
    device: str = "cpu",
    progress: bool = False,
) -> Run:
    """Train the CNN from the weights that belong to `seed`.

    Args:
        optimizer: a name in `OPTIMIZERS`; one that is meant for the full batch gets it.
        lr: step size.
        train: what to learn from.
        evaluate_on: what to measure loss and accuracy on after every epoch.
        batch_size: images in a mini-batch.
        epochs: passes over the training images.
        seed: decides initial weights and the order of the images.
        device: where to compute.
        progress: whether to show a bar.

    Raises:
        UsageError: an unknown optimizer, or a value out of its range.
    """
    model = make_cnn(seed).to(device)
    stepper = make_optimizer(optimizer, model.parameters(), lr=lr)
    history = fit(
        model,
        cross_entropy,
        train.to(device),
        stepper,
        batch_size=len(train) if find_optimizer(optimizer).full_batch else batch_size,
        until=Epochs(epochs) | Diverged(),
        evaluate_on=evaluate_on.to(device),
        seed=seed,
        progress=progress,
    )
    return Run(model, stepper, history)
