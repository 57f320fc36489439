"""The inner product of two points, whatever they are made of."""

from __future__ import annotations

from typing import Any


def inner(a: Any, b: Any) -> Any:
    """Return ⟨a, b⟩ of two arrays of one shape (of NumPy or of torch), or a·b of two numbers.

    Args:
        a: a point.
        b: another one of the same kind and shape.

    Example:
        >>> import numpy as np
        >>> float(inner(np.ones((2, 3)), np.full((2, 3), 2.0))), inner(2.0, 3.0)
        (12.0, 6.0)
    """
    # `@` of two matrices would be another matrix
    return a.reshape(-1) @ b.reshape(-1) if hasattr(a, "reshape") else a * b
