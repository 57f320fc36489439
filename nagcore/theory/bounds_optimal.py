"""Worst-case bounds of the optimal methods, and the lower bounds that they attain.

As in `bounds`: functions of the number of steps, `distance` is R = ‖x_0 − x⋆‖ and `first_gap` is
f(x_0) − f⋆.
"""

from __future__ import annotations

import math

import numpy as np

from nagcore.core.checks import require_curvature
from nagcore.core.exact import ITEM
from nagcore.core.momentum import extrapolation, last_extrapolation
from nagcore.core.tuning import rate_of_robust_momentum
from nagcore.theory.bounds import Steps, at_each_step, step_counts


def bound_ogm(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (2 θ_k²), θ_k = (1 + √(1 + 8 t_{k−1}²))/2: OGM made for k steps, convex. Attained.

    The optimized gradient method with step size 1/L; every k is a method of its own.

    Source: [kim2016], Theorem 2.

    Example:
        >>> bound_ogm([0, 1], L=2.0, distance=1.0).tolist()
        [1.0, 0.25]
    """
    return L * distance**2 / (2 * at_each_step(last_extrapolation, steps, L) ** 2)


def bound_ogm_without_horizon(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (4 t_{k−1}²): OGM without a horizon and with step size 1/L, convex.

    For k = 0 the bound is L R²/2, which smoothness alone gives.

    Source: [kim2017].

    Example:
        >>> bound_ogm_without_horizon([0, 1], L=2.0, distance=1.0).tolist()
        [1.0, 0.5]
    """
    return (
        L
        * distance**2
        * at_each_step(lambda k: 1 / 2 if k == 0 else 1 / (4 * extrapolation(k - 1) ** 2), steps, L)
    )


def bound_ogm_gradient(steps: Steps, *, L: float, first_gap: float) -> np.ndarray:
    """2 L (f(x_0) − f⋆) / θ_0² on ‖∇f(x_k)‖²: OGM-G made for k steps, convex. Attained.

    θ_0 is the last number θ_k of `bound_ogm`; step size 1/L.

    Source: [kim2021], Theorem 6.1.

    Example:
        >>> bound_ogm_gradient([0, 1], L=2.0, first_gap=1.0).tolist()
        [4.0, 1.0]
    """
    return 2 * L * first_gap / at_each_step(last_extrapolation, steps, L) ** 2


def bound_triple_momentum(steps: Steps, *, L: float, mu: float, distance: float) -> np.ndarray:
    """κ ρ^{2k} L R²/2, ρ = 1 − 1/√κ: the triple momentum method. Holds for k ≥ 1.

    For k = 0 it is κ times what smoothness alone gives. Found numerically to be exact.

    Source: [vanscoy2018], Theorem 1.

    Example:
        >>> float(bound_triple_momentum(1, L=4.0, mu=1.0, distance=1.0))
        2.0
    """
    require_curvature(L, mu)
    rate = 1 - math.sqrt(mu / L)
    return L / mu * rate ** (2 * step_counts(steps, L)) * L * distance**2 / 2


def bound_robust_momentum(
    steps: Steps, *, L: float, mu: float, distance: float, robustness: float = 0.5
) -> np.ndarray:
    """C ρ^{2(k−1)} R² on ‖x_k − x⋆‖²: the robust momentum method. R² for k = 0.

    By the theorem V_{k+1} ≤ ρ² V_k for k ≥ 1, where V_k is ℓ‖x_k − x⋆‖² and a remainder that is
    not negative, and ℓ = μ²(κ − κρ² − 1)/(2ρ(1 − ρ)). Here V_1 is bounded too: with
    h = ∇f(x_0) − μ(x_0 − x⋆), smoothness gives
    V_1 ≤ ℓρ²R² + Lρ²⟨h, x_0 − x⋆⟩ + (ℓ(1 − ρ)²/μ² − 1)‖h‖², whose maximum over
    0 ≤ ⟨h, x_0 − x⋆⟩ ≤ (L − μ)R² is ℓ C R². For λ = 0 this is κ ρ^{2k} R².

    Args:
        steps: k.
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu < L.
        distance: R.
        robustness: λ, as in `tune_robust_momentum`.

    Source: [cyrus2018], Theorem 1, and the estimate above.

    Example:
        >>> bound_robust_momentum([0, 1], L=4.0, mu=1.0, distance=1.0, robustness=0.0).tolist()
        [1.0, 1.0]
    """
    rate = rate_of_robust_momentum(L, mu, robustness)
    kappa = L / mu
    weight = mu**2 * (kappa - kappa * rate**2 - 1) / (2 * rate * (1 - rate))
    slope, bend = L * rate**2, 1 - weight * (1 - rate) ** 2 / mu**2
    # slope·s − bend·s² on 0 ≤ s ≤ L − μ; bend is 0 for λ = 0, up to rounding, and else positive
    at = L - mu if slope >= 2 * bend * (L - mu) else slope / (2 * bend)
    first = rate**2 + (slope * at - bend * at**2) / weight
    k = step_counts(steps, L)
    return distance**2 * np.where(k == 0, 1.0, first * rate ** (2 * (k - 1)))


def bound_item(steps: Steps, *, L: float, mu: float, distance: float) -> np.ndarray:
    """R² / (1 + q A_k) on ‖x_k − x⋆‖²: the information-theoretic exact method. Attained.

    q = μ/L, and A is the sequence of `nagcore.core.exact.ITEM`. No first-order method has a
    smaller bound in high dimension.

    Source: [taylor2023], Theorem 3; [drori2022].

    Example:
        >>> bound_item([0, 1], L=4.0, mu=1.0, distance=1.0).round(2).tolist()
        [1.0, 0.36]
    """
    method = ITEM(L, mu)
    return distance**2 / (1 + mu / L * at_each_step(method.weight, steps, L))


def lower_bound_convex_exact(steps: Steps, *, L: float, distance: float) -> np.ndarray:
    """L R² / (2 θ_k²): no first-order method does better on all convex functions.

    The number is that of `bound_ogm`, so that this bound and that method are both the best. Holds
    in high dimension for every method that sees k gradients.

    Source: [drori2017], Theorem 3.

    Example:
        >>> float(lower_bound_convex_exact(1, L=2.0, distance=1.0))
        0.25
    """
    return bound_ogm(steps, L=L, distance=distance)
