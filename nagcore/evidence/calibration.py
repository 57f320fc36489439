"""Whether probabilities that a network gives are as large as its share of right answers."""

from __future__ import annotations

import torch
from torch import Tensor

from nagcore.errors import UsageError
from nagcore.training.checks import require_count


def calibration_error(probabilities: Tensor, labels: Tensor, *, bins: int = 15) -> float:
    """Return the expected calibration error.

    The images are sorted into bins of equal width by the probability of the predicted class; in
    each, the mean of it is compared with the share of right predictions. The mean of the absolute
    differences is returned, weighted by the number of images.

    Args:
        probabilities: (n, classes), of each class.
        labels: int64 (n,).
        bins: how many.

    Raises:
        UsageError: no images, shapes that do not fit, or no bins.

    Source: [guo2017].

    Example:
        >>> sure = torch.tensor([[0.9, 0.1], [0.9, 0.1]])
        >>> round(calibration_error(sure, torch.tensor([0, 1])), 3)  # half of them are right
        0.4
    """
    require_count(bins, "bins")
    _require_matching(probabilities, labels)
    confidence, predictions = probabilities.double().max(dim=1)
    right = (predictions == labels).double()
    of = (confidence * bins).ceil().long().clamp(1, bins) - 1
    # |mean confidence − share right| times the number of images, for each bin
    gaps = torch.zeros(bins, dtype=torch.float64).index_add(0, of, confidence - right).abs()
    return (gaps.sum() / len(labels)).item()


def brier_score(probabilities: Tensor, labels: Tensor) -> float:
    """Return the mean squared distance of the probabilities to 1 at the label and 0 elsewhere.

    Args:
        probabilities: (n, classes), of each class.
        labels: int64 (n,).

    Raises:
        UsageError: no images, or shapes that do not fit.

    Example:
        >>> brier_score(torch.tensor([[0.5, 0.5]]), torch.tensor([1]))
        0.5
    """
    _require_matching(probabilities, labels)
    targets = torch.zeros_like(probabilities).scatter(1, labels[:, None], 1.0)
    return (probabilities - targets).double().square().sum(dim=1).mean().item()


def _require_matching(probabilities: Tensor, labels: Tensor) -> None:
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise UsageError(
            f"probabilities have the shape {tuple(probabilities.shape)} and labels "
            f"{tuple(labels.shape)}; expected (n, classes) and (n,) with n at least 1"
        )
