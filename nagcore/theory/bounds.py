"""Worst-case bounds on the gap, as functions of the number of steps.

Every function takes numbers or NumPy arrays of steps. `distance` is ‖x_0 − x⋆‖.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nagcore.core.checks import require_curvature
from nagcore.core.momentum import extrapolation

Steps = npt.ArrayLike


def bound_gradient_descent(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (4k + 2): gradient descent with step size 1/L, convex. Attained.

    Source: [drori2014], Theorem 3.1.

    Example:
        >>> float(bound_gradient_descent(1, L=6.0, distance=1.0))
        1.0
    """
    return L * distance**2 / (4 * np.asarray(steps, dtype=float) + 2)


def bound_gradient_descent_strongly_convex(
    steps: Steps, *, L: float, mu: float, distance: float
) -> np.ndarray:
    """L/2 ((κ − 1)/(κ + 1))^{2k} R²: gradient descent with step size 2/(L + μ).

    Source: [nesterov2018], Theorem 2.1.15.

    Example:
        >>> float(bound_gradient_descent_strongly_convex(1, L=3.0, mu=1.0, distance=1.0))
        0.375
    """
    require_curvature(L, mu)
    rate = (L - mu) / (L + mu)
    return L / 2 * rate ** (2 * np.asarray(steps, dtype=float)) * distance**2


def bound_nesterov_1983(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (2 t_{k−1}²): Nesterov with the sequence of 1983 and step size 1/L, convex.

    For k = 0 the bound is L R²/2, which smoothness alone gives.

    Source: [beck2009], Theorem 4.4 (its proof, before t_k ≥ (k + 1)/2 is used).

    Example:
        >>> float(bound_nesterov_1983(1, L=2.0, distance=1.0))
        1.0
    """
    counts = np.atleast_1d(np.asarray(steps, dtype=int))
    weights = np.array([extrapolation(max(k - 1, 0)) for k in counts])
    return (L * distance**2 / (2 * weights**2)).reshape(np.shape(steps))


def bound_nesterov_simplified(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """2 L R² / (k² + 5k + 6): Nesterov with (k − 1)/(k + 2) and step size 1/L, convex, k ≥ 1.

    Found numerically to be exact; no proof of exactness is known to us. For k = 0 the bound is
    L R²/2, which smoothness alone gives.

    Source: [goujaud2024], accelerated gradient, simplified.

    Example:
        >>> float(bound_nesterov_simplified(1, L=6.0, distance=1.0))
        1.0
    """
    k = np.asarray(steps, dtype=float)
    return L * distance**2 * np.where(k == 0, 0.5, 2 / (k**2 + 5 * k + 6))


def bound_nesterov_strongly_convex(
    steps: Steps, *, L: float, mu: float, distance: float, first_gap: float
) -> np.ndarray:
    """(1 − √(μ/L))^k (f(x_0) − f⋆ + μ/2 R²): Nesterov with constant momentum and step 1/L.

    Source: [daspremont2021], Corollary 4.15.

    Example:
        >>> float(bound_nesterov_strongly_convex(1, L=4.0, mu=1.0, distance=1.0, first_gap=1.5))
        1.0
    """
    require_curvature(L, mu)
    rate = 1 - np.sqrt(mu / L)
    return rate ** np.asarray(steps, dtype=float) * (first_gap + mu / 2 * distance**2)


def lower_bound_convex(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """3 L R² / (32 (k + 1)²): no first-order method does better on all convex functions.

    Assumes a method whose iterates stay in x_0 plus the span of the gradients seen, and a
    dimension of at least 2k + 1.

    Source: [nesterov2018], Theorem 2.1.7.

    Example:
        >>> float(lower_bound_convex(1, L=128.0, distance=1.0))
        3.0
    """
    return 3 * L * distance**2 / (32 * (np.asarray(steps, dtype=float) + 1) ** 2)
