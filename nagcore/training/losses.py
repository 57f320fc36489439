"""Losses by name: what each minimises, what its scores mean, and one that goes wrong.

Each takes class scores (n, classes) and labels (n,) and returns their mean loss, as `fit` wants it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from nagcore.errors import UsageError
from nagcore.names import closest_first


@dataclass(frozen=True)
class CrossEntropy:
    """The mean of −log p(label), in nats, where p is the softmax of the scores.

    Over all distributions p it is smallest where p is the distribution of the labels.

    Example:
        >>> round(CrossEntropy()(torch.zeros(1, 10), torch.tensor([3])).item(), 4)  # log 10
        2.3026
    """

    def __call__(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of scores (n, classes) and labels (n,)."""
        return cross_entropy(scores, labels)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Return what the scores say of each class, (n, classes): their softmax."""
        return scores.softmax(dim=1)


@dataclass(frozen=True)
class LabelSmoothing:
    """Cross-entropy against targets a part of which is spread evenly over all classes.

    Over all distributions it is smallest where p = (1 − amount) × that of the labels + amount /
    classes, so the network is never to be quite sure.

    Args:
        amount: the part that is spread, from 0 (cross-entropy) to below 1.

    Raises:
        UsageError: another amount.

    Source: [szegedy2016].

    Example:
        >>> sure = torch.tensor([[50.0, 0.0]])
        >>> LabelSmoothing(0.1)(sure, torch.tensor([0])).item()  # 0.05 × 50
        2.5
    """

    amount: float = 0.1

    def __post_init__(self) -> None:
        number = isinstance(self.amount, Real) and not isinstance(self.amount, bool)
        if not number or not 0 <= self.amount < 1:
            raise UsageError(
                f"LabelSmoothing: amount={self.amount!r} cannot be used; expected a number from "
                "0 to below 1, for example 0.1"
            )

    def __call__(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of scores (n, classes) and labels (n,)."""
        return cross_entropy(scores, labels, label_smoothing=self.amount)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Return what the scores say of each class, (n, classes): their softmax."""
        return scores.softmax(dim=1)


@dataclass(frozen=True)
class MSEOneHot:
    """The mean square of score − target over images and classes; the target is 1 at the label.

    It is smallest where the scores are the distribution of the labels, without a softmax.

    Example:
        >>> MSEOneHot()(torch.tensor([[1.0, 0.0]]), torch.tensor([1])).item()
        1.0
    """

    def __call__(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of scores (n, classes) and labels (n,)."""
        targets = torch.zeros_like(scores).scatter(1, labels[:, None], 1.0)
        return mse_loss(scores, targets)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Return the distribution that is nearest to the scores of each image, (n, classes)."""
        return nearest_distribution(scores)


@dataclass(frozen=True)
class MSEIntegerLabels:
    """The mean square of score − number of the label: broken, kept for demonstration.

    Scores (n, classes) and labels (n,) do not fit, unless n happens to be the number of classes;
    labels (n, 1) do, by broadcasting. Then every score of an image is compared with the same
    number, and the loss is smallest where all scores are equal, namely the mean number of the
    label given the image. Which of them is largest says nothing.

    Example:
        >>> images = torch.ones(4, 1)  # all alike, so no more than their mean can be learned
        >>> weight = torch.zeros(1, 3, requires_grad=True)
        >>> for _ in range(200):
        ...     MSEIntegerLabels()(images @ weight, torch.tensor([0, 2, 2, 2])).backward()
        ...     weight.data -= 0.5 * weight.grad
        ...     weight.grad = None
        >>> weight.detach()
        tensor([[1.5000, 1.5000, 1.5000]])
    """

    def __call__(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of scores (n, classes) and labels (n,)."""
        # torch.nn.functional.mse_loss would warn of the shapes, and then do the same.
        return (scores - labels[:, None]).square().mean()


LOSSES: dict[str, Callable[..., Any]] = {
    "cross-entropy": CrossEntropy,
    "label-smoothing": LabelSmoothing,
    "mse-one-hot": MSEOneHot,
    "mse-integer-labels": MSEIntegerLabels,
}
"""What makes each loss; the last is a demonstration of what not to do."""


def make_loss(name: str, **options: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of that name in `LOSSES`.

    Args:
        name: a key of `LOSSES`.
        options: `amount` of "label-smoothing" (default 0.1).

    Raises:
        UsageError: an unknown name or option, or an amount out of its range.

    Example:
        >>> make_loss("label-smoothing", amount=0.2)
        LabelSmoothing(amount=0.2)
    """
    if name not in LOSSES:
        raise UsageError(f"loss {name!r} is not known; known: {closest_first(name, LOSSES)}")
    known = ["amount"] if name == "label-smoothing" else []
    for option in options:
        if option not in known:
            raise UsageError(
                f"loss {name!r} has no option {option!r}; "
                f"its options: {closest_first(option, known)}"
            )
    return LOSSES[name](**options)


def nearest_distribution(scores: Tensor) -> Tensor:
    """Return for each row the probability distribution with the least squared distance to it.

    One number is subtracted from a row, and what is then negative becomes 0, so the order of the
    scores is kept.

    Args:
        scores: (n, classes), finite.

    Returns:
        (n, classes), not negative, each row with sum 1.

    Source: [condat2016].

    Example:
        >>> nearest_distribution(torch.tensor([[1.5, 0.0], [0.75, 0.75]]))
        tensor([[1.0000, 0.0000],
                [0.5000, 0.5000]])
    """
    sorted_scores = scores.sort(dim=1, descending=True).values
    counts = torch.arange(1, scores.shape[1] + 1, device=scores.device)
    # What must be subtracted if the k largest scores stay positive; they do up to the right k.
    shifts = (sorted_scores.cumsum(dim=1) - 1) / counts
    kept = (sorted_scores > shifts).sum(dim=1, keepdim=True)
    return (scores - shifts.gather(1, kept - 1)).clamp(min=0)
