"""Data of a regression: checked, and measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from nagcore.errors import UsageError


def as_data(A: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return A and b as arrays of float64 without gaps, copied only where they are not yet.

    Args:
        A: data, shape (m, n).
        b: targets or labels, shape (m,).

    Raises:
        UsageError: the two hold no numbers, their shapes do not match, or an entry is not finite.

    Example:
        >>> as_data([[1, 2], [3, 4]], [5, 6])[0].dtype
        dtype('float64')
    """
    try:
        if np.iscomplexobj(A) or np.iscomplexobj(b):
            raise TypeError("complex numbers")
        A, b = np.asarray(A, dtype=float), np.asarray(b, dtype=float)
    except (TypeError, ValueError) as error:
        raise UsageError(f"A and b must be arrays of real numbers: {error}") from error
    if A.ndim != 2 or b.shape != (A.shape[0],) or A.size == 0:
        raise UsageError(
            f"A has shape {A.shape} and b has shape {b.shape}, "
            "expected (m, n) and (m,) with the same m"
        )
    if not (np.isfinite(A).all() and np.isfinite(b).all()):
        raise UsageError("A or b holds a value that is not finite; remove or replace it")
    return A if A.flags.forc else np.ascontiguousarray(A), b


def curvatures(A: np.ndarray) -> np.ndarray:
    """Return the n eigenvalues of AᵀA/m in ascending order, from the smaller of AᵀA and AAᵀ.

    Example:
        >>> curvatures(np.array([[0.0, 2.0]])).tolist()
        [0.0, 4.0]
    """
    m, n = A.shape
    found = np.linalg.eigvalsh(A.T @ A if n <= m else A @ A.T) / m
    return np.concatenate([np.zeros(max(n - m, 0)), np.maximum(found, 0.0)])
