"""A logistic regression on the shipped Fashion-MNIST images."""

from __future__ import annotations

import numpy as np

from nagcore.errors import UsageError
from nagcore.fashion_mnist import load_arrays
from nagcore.theory.regression import LogisticRegression


def tell_classes_apart(first: int = 0, second: int = 6, ridge: float = 1e-3) -> LogisticRegression:
    """Return the problem of telling two classes of the shipped training images apart.

    Each image becomes 49 features, the means of its 4×4 blocks, centred and scaled to unit
    variance over the examples, and a constant 1.

    Args:
        first: class labelled −1; 0 is "T-shirt/top".
        second: class labelled +1; 6 is "Shirt", the class most often taken for it.
        ridge: ρ, positive.

    Raises:
        UsageError: the classes are equal or not among 0 … 9, or ρ is not positive.

    Source: the images: [xiao2017fashion].

    Example:
        >>> tell_classes_apart().A.shape[1]
        50
    """
    if first == second or not {first, second} <= set(range(10)):
        raise UsageError(f"classes are {first} and {second}, expected two different ones of 0 to 9")
    data = load_arrays("shipped")
    chosen = np.isin(data.train_labels, (first, second))
    images = data.train_images[chosen].astype(float)
    blocks = images.reshape(len(images), 7, 4, 7, 4).mean(axis=(2, 4)).reshape(len(images), 49)
    spread = blocks.std(axis=0)
    features = (blocks - blocks.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    labels = np.where(data.train_labels[chosen] == second, 1.0, -1.0)
    return LogisticRegression(
        np.hstack([features, np.ones((len(features), 1))]),
        labels,
        ridge=ridge,
        name="logistic regression, T-shirt or shirt"
        if (first, second) == (0, 6)
        else f"logistic regression, class {first} or {second}",
    )
