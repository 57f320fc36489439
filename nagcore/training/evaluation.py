"""Judge a model on data: loss, accuracy, confusion matrix, the most confident errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nagcore.errors import UsageError
from nagcore.optim.step_size_search import StepSizeSearch
from nagcore.training.checks import require_count
from nagcore.training.data import ImageData

Loss = Callable[[Tensor, Tensor], Tensor]
"""Class scores (n, classes) and labels (n,) to their mean loss, a single number."""
Stepper = Optimizer | StepSizeSearch
"""What takes the steps: an optimizer, or one whose step size is searched for."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model does on a set of images."""

    loss: float
    """mean over the images"""
    accuracy: float
    """share classified rightly, 0 to 1"""
    scores: Tensor
    """(n, classes), as the model gives them"""

    @property
    def predictions(self) -> Tensor:
        """The class with the highest score of each image, (n,)."""
        return self.scores.argmax(dim=1)


def evaluate(
    model: nn.Module,
    loss: Loss,
    data: ImageData,
    *,
    optimizer: Stepper | None = None,
    batch_size: int | None = None,
) -> Evaluation:
    """Return loss, accuracy and scores of `model` on `data`, without training it.

    The model is put into evaluation mode and afterwards back into the mode that it was in.

    Args:
        model: maps images to class scores.
        loss: mean loss of scores against labels.
        data: on the device of the model, not empty.
        optimizer: if it has `at_iterate()`, the model is judged at the iterate x_k and not at
            the query point y_k, where training leaves the parameters.
        batch_size: images at a time; it bounds memory and changes the result by rounding only.
            If left out, 250 on a CPU, where the activations of more leave the caches, and 4,000
            elsewhere.

    Raises:
        UsageError: no images, a batch size below 1, or a loss that is not a single number.

    Example:
        >>> from nagcore.training.models import make_cnn
        >>> data = ImageData(torch.zeros(4, 1, 28, 28), torch.zeros(4, dtype=torch.int64), ("a",))
        >>> evaluate(make_cnn(0, width=1), nn.CrossEntropyLoss(), data).scores.shape
        torch.Size([4, 10])
    """
    if batch_size is None:
        batch_size = 250 if data.device.type == "cpu" else 4000
    require_count(batch_size, "batch_size")
    require_count(len(data), "number of images")
    total, scores = 0.0, []
    # Not inference mode: in what FSDP2 gathers there, nothing could be gathered for training.
    with _at_iterate(optimizer), _evaluation_mode(model), torch.no_grad():
        for images, labels in zip(
            data.images.split(batch_size), data.labels.split(batch_size), strict=True
        ):
            scores.append(model(images))
            total += _mean_loss(loss, scores[-1], labels) * len(labels)
    gathered = torch.cat(scores)
    right = int((gathered.argmax(dim=1) == data.labels).sum())
    return Evaluation(total / len(data), right / len(data), gathered)


def _mean_loss(loss: Loss, scores: Tensor, labels: Tensor) -> float:
    value = loss(scores, labels)
    if value.numel() != 1:
        raise UsageError(
            f"the loss has the shape {tuple(value.shape)}, expected a single number: average it "
            "over the mini-batch (reduction='mean')"
        )
    return value.item()


def _at_iterate(optimizer: Stepper | None) -> AbstractContextManager[None]:
    enter = getattr(optimizer, "at_iterate", nullcontext)
    return enter()


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    # Each module has a mode of its own: a frozen part may be in another than the whole.
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def confusion_matrix(labels: Tensor, predictions: Tensor, classes: int) -> Tensor:
    """Return how often each true class (row) was predicted as each class (column).

    Args:
        labels: int64 (n,), from 0 to `classes` − 1.
        predictions: likewise.
        classes: the number of classes.

    Returns:
        int64 (classes, classes); its diagonal counts what was right.

    Raises:
        UsageError: the shapes differ, or a value is not a class.

    Example:
        >>> confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0]), 2)
        tensor([[1, 0],
                [1, 1]])
    """
    require_count(classes, "classes")
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise UsageError(
            f"labels have the shape {tuple(labels.shape)} and predictions "
            f"{tuple(predictions.shape)}; expected one of each per image"
        )
    for name, values in (("labels", labels), ("predictions", predictions)):
        if len(values) and not 0 <= int(values.min()) <= int(values.max()) < classes:
            raise UsageError(
                f"{name} run from {int(values.min())} to {int(values.max())}, expected 0 to "
                f"{classes - 1}"
            )
    cells = torch.bincount(labels * classes + predictions, minlength=classes**2)
    return cells.reshape(classes, classes)


class ConfidentError(NamedTuple):
    """An image that the model got wrong."""

    index: int
    """of the image in its data"""
    label: int
    prediction: int
    confidence: float
    """softmax of the scores at the prediction, 0 to 1"""


def confident_errors(scores: Tensor, labels: Tensor, count: int) -> list[ConfidentError]:
    """Return the wrong predictions that the model was surest of, the surest first.

    Args:
        scores: (n, classes), where softmax turns scores into probabilities.
        labels: int64 (n,).
        count: at most so many.

    Raises:
        UsageError: `count` is below 1, or there is not one label for each row of scores.

    Example:
        >>> scores = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
        >>> [error.index for error in confident_errors(scores, torch.tensor([0, 0, 0]), 5)]
        [2, 1]
    """
    require_count(count, "count")
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise UsageError(
            f"scores have the shape {tuple(scores.shape)} and labels {tuple(labels.shape)}; "
            "expected (n, classes) and (n,)"
        )
    confidences, predictions = scores.softmax(dim=1).max(dim=1)
    wrong = (predictions != labels).nonzero().flatten()
    surest = wrong[confidences[wrong].argsort(descending=True, stable=True)[:count]]
    return [
        ConfidentError(i, int(labels[i]), int(predictions[i]), float(confidences[i]))
        for i in surest.tolist()
    ]
