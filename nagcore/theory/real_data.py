"""Problems on real data: the shipped Fashion-MNIST images, and what scikit-learn ships."""

from __future__ import annotations

from typing import Any

import numpy as np

from nagcore.errors import MissingExtraError, UsageError
from nagcore.fashion_mnist import load_arrays
from nagcore.theory.huber import HuberRegression
from nagcore.theory.regression import LeastSquares, LogisticRegression
from nagcore.theory.sparse_regression import Lasso


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
    _require_classes(first, second)
    data = load_arrays("shipped")
    chosen = np.isin(data.train_labels, (first, second))
    images = data.train_images[chosen].astype(float)
    blocks = images.reshape(len(images), 7, 4, 7, 4).mean(axis=(2, 4)).reshape(len(images), 49)
    labels = np.where(data.train_labels[chosen] == second, 1.0, -1.0)
    return LogisticRegression(
        _with_constant(_standardized(blocks)),
        labels,
        ridge=ridge,
        name="logistic regression, T-shirt or shirt"
        if (first, second) == (0, 6)
        else f"logistic regression, class {first} or {second}",
    )


def diabetes_least_squares(ridge: float = 0.0) -> LeastSquares:
    """Return least squares for the progress of diabetes in 442 patients from 10 features.

    The features are scaled to mean 0 and variance 1, the target to mean 0 and variance 1. Two of
    the features are nearly dependent, so that κ is about 470 without a ridge.

    Args:
        ridge: ρ, not negative.

    Raises:
        UsageError: ρ is negative.
        MissingExtraError: scikit-learn is not installed.

    Source: the data: [efron2004]; as shipped with [pedregosa2011].

    Example:
        >>> diabetes_least_squares().A.shape
        (442, 10)
    """
    A, b = _diabetes()
    return LeastSquares(A, b, ridge=ridge, name="least squares, diabetes")


def diabetes_lasso(weight: float = 0.05) -> Lasso:
    """Return the lasso on the data of `diabetes_least_squares`.

    Args:
        weight: λ, positive; from 0.6 on the minimizer is 0.

    Raises:
        UsageError: λ is not positive.
        MissingExtraError: scikit-learn is not installed.

    Source: the data: [efron2004]; as shipped with [pedregosa2011].

    Example:
        >>> int((diabetes_lasso().x_star != 0).sum()) < 10
        True
    """
    A, b = _diabetes()
    return Lasso(A, b, weight=weight, name="lasso, diabetes")


def diabetes_huber(delta: float = 0.5, ridge: float = 0.0) -> HuberRegression:
    """Return the Huber regression on the data of `diabetes_least_squares`.

    Args:
        delta: δ in standard deviations of the target, positive.
        ridge: ρ, not negative.

    Raises:
        UsageError: δ is not positive or ρ is negative.
        MissingExtraError: scikit-learn is not installed.

    Source: the data: [efron2004]; as shipped with [pedregosa2011].

    Example:
        >>> diabetes_huber().delta
        0.5
    """
    A, b = _diabetes()
    return HuberRegression(A, b, delta=delta, ridge=ridge, name="Huber regression, diabetes")


def breast_cancer_logistic(ridge: float = 1e-3) -> LogisticRegression:
    """Return the problem of telling benign from malignant in 569 biopsies by 30 features.

    The features are scaled to mean 0 and variance 1, and a constant 1 is added. Benign is +1.

    Args:
        ridge: ρ, positive.

    Raises:
        UsageError: ρ is not positive.
        MissingExtraError: scikit-learn is not installed.

    Source: the data: [street1993]; as shipped with [pedregosa2011].

    Example:
        >>> breast_cancer_logistic().A.shape
        (569, 31)
    """
    features, target = _shipped_with_sklearn("load_breast_cancer")
    labels = np.where(target == 1, 1.0, -1.0)
    A = _with_constant(_standardized(features))
    return LogisticRegression(A, labels, ridge=ridge, name="logistic regression, breast cancer")


def digits_logistic(first: int = 3, second: int = 8, ridge: float = 1e-3) -> LogisticRegression:
    """Return the problem of telling two handwritten digits apart by 8×8 pixels.

    The pixels are scaled to mean 0 and variance 1 (those that never change to 0), and a constant
    1 is added.

    Args:
        first: digit labelled −1.
        second: digit labelled +1.
        ridge: ρ, positive.

    Raises:
        UsageError: the digits are equal or not among 0 … 9, or ρ is not positive.
        MissingExtraError: scikit-learn is not installed.

    Source: the data: as shipped with [pedregosa2011].

    Example:
        >>> digits_logistic().A.shape
        (357, 65)
    """
    _require_classes(first, second)
    pixels, digits = _shipped_with_sklearn("load_digits")
    chosen = np.isin(digits, (first, second))
    labels = np.where(digits[chosen] == second, 1.0, -1.0)
    A = _with_constant(_standardized(pixels[chosen]))
    name = f"logistic regression, digit {first} or {second}"
    return LogisticRegression(A, labels, ridge=ridge, name=name)


def _diabetes() -> tuple[np.ndarray, np.ndarray]:
    features, target = _shipped_with_sklearn("load_diabetes")
    return _standardized(features), _standardized(target)


def _shipped_with_sklearn(loader: str) -> Any:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "baselines", f"{loader}()") from error
    return getattr(datasets, loader)(return_X_y=True)


def _standardized(features: np.ndarray) -> np.ndarray:
    spread = features.std(axis=0)
    return (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _with_constant(features: np.ndarray) -> np.ndarray:
    return np.hstack([features, np.ones((len(features), 1))])


def _require_classes(first: int, second: int) -> None:
    if first == second or not {first, second} <= set(range(10)):
        raise UsageError(f"classes are {first} and {second}, expected two different ones of 0 to 9")
