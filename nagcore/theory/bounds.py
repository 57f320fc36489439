"""Worst-case bounds, on the gap where nothing else is said, as functions of the number of steps.

Every function takes numbers or NumPy arrays of steps. `distance` is R = ‖x_0 − x⋆‖, `first_gap`
is f(x_0) − f⋆, and t is as in `nagcore.core`. "Attained" means that no smaller bound holds
for the method on the whole class of functions. The optimal methods are in `bounds_optimal`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from nagcore.core.checks import require_curvature, require_positive
from nagcore.core.momentum import VariableStronglyConvexMomentum, extrapolation
from nagcore.core.step_sizes import SILVER_RATIO
from nagcore.errors import UsageError

Steps = npt.ArrayLike


def step_counts(steps: Steps, L: float) -> np.ndarray:
    """Return `steps` as an array of floats, shape as given.

    Raises:
        UsageError: a number of steps is negative or not whole, or L is not positive.

    Example:
        >>> step_counts([0, 3], L=1.0).tolist()
        [0.0, 3.0]
    """
    require_positive(L, "L")
    counts = np.asarray(steps, dtype=float)
    if not ((counts >= 0) & (counts == np.floor(counts))).all():
        raise UsageError(f"steps are {steps!r}, expected whole numbers, 0 or larger")
    return counts


def at_each_step(function: Callable[[int], float], steps: Steps, L: float) -> np.ndarray:
    """Return function(k) for each number k of steps, shape as given.

    Raises:
        UsageError: as `step_counts`.
    """
    counts = step_counts(steps, L)
    return np.array([function(int(k)) for k in counts.ravel()]).reshape(counts.shape)


def bound_gradient_descent(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (4k + 2): gradient descent with step size 1/L, convex. Attained.

    Source: [drori2014], Theorem 3.1.

    Example:
        >>> float(bound_gradient_descent(1, L=6.0, distance=1.0))
        1.0
    """
    return L * distance**2 / (4 * step_counts(steps, L) + 2)


def bound_gradient_descent_strongly_convex(
    steps: Steps, *, L: float, mu: float, distance: float
) -> np.ndarray:
    """L/2 ((κ − 1)/(κ + 1))^{2k} R²: gradient descent with step size 2/(L + μ). Attained.

    Source: [nesterov2018], Theorem 2.1.15.

    Example:
        >>> float(bound_gradient_descent_strongly_convex(1, L=3.0, mu=1.0, distance=1.0))
        0.375
    """
    require_curvature(L, mu)
    rate = (L - mu) / (L + mu)
    return L / 2 * rate ** (2 * step_counts(steps, L)) * distance**2


def bound_gradient_descent_distance(
    steps: Steps, *, L: float, mu: float, distance: float
) -> np.ndarray:
    """((κ − 1)/(κ + 1))^{2k} R² on ‖x_k − x⋆‖²: gradient descent, step size 2/(L + μ). Attained.

    Source: [nesterov2018], Theorem 2.1.15.

    Example:
        >>> float(bound_gradient_descent_distance(1, L=3.0, mu=1.0, distance=2.0))
        1.0
    """
    require_curvature(L, mu)
    return ((L - mu) / (L + mu)) ** (2 * step_counts(steps, L)) * distance**2


def bound_silver(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (1 + √(4ρ^{2m} − 3)), ρ = 1 + √2: gradient descent with silver steps, convex.

    Holds for k = 2^m − 1 steps and is NaN for other k, for which the theorem says nothing.

    Source: [altschuler2025], Theorem 1.1.

    Example:
        >>> bound_silver([0, 1, 2], L=2.0, distance=1.0).round(4).tolist()
        [1.0, 0.3632, nan]
    """
    power = _silver_power(steps, L)
    return L * distance**2 / (1 + np.sqrt(4 * power**2 - 3))


def worst_case_silver(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (4ρ^m − 2), ρ = 1 + √2: gradient descent with silver steps, convex, k = 2^m − 1.

    On a function that turns from a parabola into a line just before the last iterate the gap is
    exactly this, so no bound can be smaller; that no function is worse was found numerically, to
    k = 31. About half the bound of the theorem. NaN for other k.

    Source: the silver steps, which add up to (ρ^m − 1)/L: [altschuler2025]; the function:
    [drori2014], Theorem 3.2.

    Example:
        >>> worst_case_silver([0, 1, 2], L=2.0, distance=1.0).round(4).tolist()
        [1.0, 0.2612, nan]
    """
    return L * distance**2 / (4 * _silver_power(steps, L) - 2)


def _silver_power(steps: Steps, L: float) -> np.ndarray:
    levels = np.log2(step_counts(steps, L) + 1)
    return np.where(levels == np.round(levels), SILVER_RATIO**levels, np.nan)


def bound_nesterov_1983(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (2 t_{k−1}²): Nesterov with the sequence of 1983 and step size 1/L, convex.

    For k = 0 the bound is L R²/2, which smoothness alone gives.

    Source: [beck2009], Theorem 4.4 (its proof, before t_k ≥ (k + 1)/2 is used).

    Example:
        >>> float(bound_nesterov_1983(1, L=2.0, distance=1.0))
        1.0
    """
    weights = at_each_step(lambda k: extrapolation(max(k - 1, 0)), steps, L)
    return L * distance**2 / (2 * weights**2)


def bound_nesterov_simplified(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """2 L R² / (k² + 5k + 6): Nesterov with (k − 1)/(k + 2) and step size 1/L, convex, k ≥ 1.

    Found numerically to be exact; no proof of exactness is known to us. For k = 0 the bound is
    L R²/2, which smoothness alone gives.

    Source: [goujaud2024], accelerated gradient, simplified.

    Example:
        >>> float(bound_nesterov_simplified(1, L=6.0, distance=1.0))
        1.0
    """
    k = step_counts(steps, L)
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
    return rate ** step_counts(steps, L) * (first_gap + mu / 2 * distance**2)


def bound_nesterov_variable(
    steps: Steps, *, L: float, mu: float = 0.0, distance: float
) -> np.ndarray:
    """(1/t_{k−1}² − μ/L) L R²/2: Nesterov with the variable momentum, and its three sequences.

    Step size 1/L; t is the sequence made for L and μ. For k = 0 the bound is L R²/2, which
    smoothness alone gives, and for k = 1 it is (1 − μ/L) L R²/2. Never above
    min(2/(k + 1)², ½ (1 + √q)(1 − √q)^k) L R² with q = μ/L.

    Source: [daspremont2021], §4.4 and §4.5; the simpler form: [chambolle2016], Theorem B.1.

    Example:
        >>> bound_nesterov_variable([0, 1, 2], L=2.0, distance=1.0).round(4).tolist()
        [1.0, 1.0, 0.382]
    """
    sequence = VariableStronglyConvexMomentum(L, mu)
    counts = step_counts(steps, L).astype(int)
    # 1/t² − q by the recurrence of t: a product, whereas the difference would cancel
    shrink = [1 - 1 / sequence.t(k) for k in range(1, int(counts.max(initial=1)))]
    factors = np.concatenate([[1.0], (1 - mu / L) * np.cumprod([1.0, *shrink])])
    return L * distance**2 / 2 * factors[counts]


def bound_chambolle_dossal(
    steps: Steps, *, L: float, distance: float, a: float = 3.0
) -> np.ndarray:
    """a² L R² / (2 (k + a − 1)²): Nesterov with (k − 1)/(k + a) and step size 1/L, convex.

    For k = 0 the bound is L R²/2, which smoothness alone gives.

    Source: [chambolle2015].

    Example:
        >>> float(bound_chambolle_dossal(1, L=2.0, distance=1.0))
        1.0
    """
    k = step_counts(steps, L)
    return L * distance**2 * np.where(k == 0, 0.5, a**2 / (2 * (k + a - 1) ** 2))


def bound_proximal_gradient(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (2k) on F(x_k) − F⋆: proximal gradient with step size 1/L, convex. Infinite at 0.

    Twice the exact worst case L R² / (4k), found numerically by [taylor2017].

    Source: [beck2009], Theorem 3.1.

    Example:
        >>> float(bound_proximal_gradient(2, L=4.0, distance=1.0))
        1.0
    """
    return _after_the_first(steps, L, distance, lambda k: 1 / (2 * k))


def bound_fista(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (2 t_{k−1}²) on F(x_k) − F⋆: FISTA with the sequence of 1983. Infinite at 0.

    Source: [beck2009], Theorem 4.4 (its proof, before t_k ≥ (k + 1)/2 is used).

    Example:
        >>> float(bound_fista(1, L=2.0, distance=1.0))
        1.0
    """
    bound = bound_nesterov_1983(steps, L=L, distance=distance)
    return np.where(np.asarray(steps) == 0, np.inf, bound)


def bound_fista_simplified(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """2 L R² / (k² + 5k + 2) on F(x_k) − F⋆: FISTA with (k − 1)/(k + 2). Infinite at 0.

    Found numerically to be exact.

    Source: [taylor2017], Table 1.

    Example:
        >>> float(bound_fista_simplified(1, L=4.0, distance=1.0))
        1.0
    """
    return _after_the_first(steps, L, distance, lambda k: 2 / (k**2 + 5 * k + 2))


def _after_the_first(
    steps: Steps, L: float, distance: float, factor: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    # a composite function may be infinite at the starting point
    k = step_counts(steps, L)
    return L * distance**2 * np.where(k == 0, np.inf, factor(np.maximum(k, 1)))


def lower_bound_convex(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """3 L R² / (32 (k + 1)²): no first-order method does better on all convex functions.

    Assumes a method whose iterates stay in x_0 plus the span of the gradients seen, and a
    dimension of at least 2k + 1.

    Source: [nesterov2018], Theorem 2.1.7.

    Example:
        >>> float(lower_bound_convex(1, L=128.0, distance=1.0))
        3.0
    """
    return 3 * L * distance**2 / (32 * (step_counts(steps, L) + 1) ** 2)
