"""Step size and momentum from the constants L and mu."""

from __future__ import annotations

import math
from typing import NamedTuple

from nagcore.core.checks import require_curvature, require_not_negative
from nagcore.core.momentum import StronglyConvexMomentum
from nagcore.core.triple_momentum import TripleMomentum
from nagcore.core.tuned import TunedMethod
from nagcore.errors import UsageError


class Tuning(NamedTuple):
    """A step size α and a constant momentum β that belong together."""

    step_size: float
    momentum: float


def tune_gradient_descent(L: float, mu: float) -> Tuning:
    r"""α = 2/(L + μ): each step multiplies the distance to x⋆ by (κ − 1)/(κ + 1) or less.

    Args:
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu ≤ L.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Source: [nesterov2018], Theorem 2.1.15.

    Example:
        >>> tune_gradient_descent(L=3.0, mu=1.0)
        Tuning(step_size=0.5, momentum=0.0)
    """
    require_curvature(L, mu)
    return Tuning(2 / (L + mu), 0.0)


def tune_heavy_ball(L: float, mu: float) -> Tuning:
    r"""α = 4/(√L + √μ)², β = ((√κ − 1)/(√κ + 1))², best for heavy ball on quadratics.

    Assumes a quadratic: on other functions this tuning may cycle.

    Args:
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu ≤ L.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Source: [polyak1964]; as stated here: [lessard2016], Proposition 1.

    Example:
        >>> tune_heavy_ball(L=9.0, mu=1.0)
        Tuning(step_size=0.25, momentum=0.25)
    """
    require_curvature(L, mu)
    root_L, root_mu = math.sqrt(L), math.sqrt(mu)
    return Tuning(4 / (root_L + root_mu) ** 2, ((root_L - root_mu) / (root_L + root_mu)) ** 2)


def tune_nesterov(L: float, mu: float) -> Tuning:
    r"""α = 1/L, β = (√κ − 1)/(√κ + 1), for every L-smooth, μ-strongly convex function.

    Args:
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu ≤ L.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Source: [nesterov2018], §2.2.1.

    Example:
        >>> tune_nesterov(L=16.0, mu=1.0)
        Tuning(step_size=0.0625, momentum=0.6)
    """
    momentum = StronglyConvexMomentum(L, mu)(0)
    return Tuning(1 / L, momentum)


def tune_nesterov_on_quadratics(L: float, mu: float) -> Tuning:
    r"""α = 4/(3L + μ), β = (√(3κ + 1) − 2)/(√(3κ + 1) + 2), best for Nesterov on quadratics.

    Args:
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu ≤ L.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Source: [lessard2016], Proposition 1.

    Example:
        >>> tune_nesterov_on_quadratics(L=5.0, mu=1.0)
        Tuning(step_size=0.25, momentum=0.3333333333333333)
    """
    require_curvature(L, mu)
    root = math.sqrt(3 * L / mu + 1)
    return Tuning(4 / (3 * L + mu), (root - 2) / (root + 2))


def tune_triple_momentum(L: float, mu: float) -> TunedMethod:
    r"""α = (1 + ρ)/L, β = ρ²/(2 − ρ), γ = ρ²/((1 + ρ)(2 − ρ)), δ = ρ²/(1 − ρ²), ρ = 1 − 1/√κ.

    The gap after k steps is at most κ ρ^{2k} L/2 ‖x_0 − x⋆‖² on every L-smooth, μ-strongly
    convex function: twice the exponent that Nesterov's constant momentum guarantees.

    Args:
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu < L.

    Returns:
        The rule with its step size.

    Raises:
        UsageError: the constants are not ordered 0 < mu < L.

    Source: [vanscoy2018], Theorem 1.

    Example:
        >>> tuned = tune_triple_momentum(L=4.0, mu=1.0)
        >>> tuned.step_size, round(tuned.method.momentum, 4)
        (0.375, 0.1667)
    """
    return tune_robust_momentum(L, mu, robustness=0.0)


def tune_robust_momentum(L: float, mu: float, robustness: float = 0.5) -> TunedMethod:
    r"""α = κ(1 − ρ)²(1 + ρ)/L, β = κρ³/(κ − 1), γ = ρ³/((κ − 1)(1 − ρ)²(1 + ρ)), δ = ρ²/(1 − ρ²).

    The rate ρ = λ(1 − 1/κ) + (1 − λ)(1 − 1/√κ) is chosen between that of the triple momentum
    method (λ = 0) and that of gradient descent with step size 1/L (λ = 1): the slower, the less
    an error in the gradient is amplified. ‖x_k − x⋆‖ shrinks like ρ^k.

    Args:
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu < L.
        robustness: λ in [0, 1].

    Returns:
        The rule with its step size.

    Raises:
        UsageError: the constants are not ordered 0 < mu < L, or `robustness` lies outside [0, 1].

    Source: [cyrus2018], Theorem 1.

    Example:
        >>> tuned = tune_robust_momentum(L=4.0, mu=1.0, robustness=1.0)
        >>> tuned.step_size, tuned.method.momentum
        (0.109375, 0.5625)
    """
    rate = rate_of_robust_momentum(L, mu, robustness)
    kappa = L / mu
    method = TripleMomentum(
        momentum=kappa * rate**3 / (kappa - 1),
        query_momentum=rate**3 / ((kappa - 1) * (1 - rate) ** 2 * (1 + rate)),
        output_momentum=rate**2 / (1 - rate**2),
    )
    return TunedMethod(method, kappa * (1 - rate) ** 2 * (1 + rate) / L)


def rate_of_robust_momentum(L: float, mu: float, robustness: float = 0.5) -> float:
    """Return ρ = λ(1 − 1/κ) + (1 − λ)(1 − 1/√κ), the factor by which ‖x_k − x⋆‖ shrinks a step.

    Args:
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu < L.
        robustness: λ in [0, 1].

    Raises:
        UsageError: the constants are not ordered 0 < mu < L, or `robustness` lies outside [0, 1].

    Source: [cyrus2018], Theorem 1.

    Example:
        >>> rate_of_robust_momentum(L=4.0, mu=1.0, robustness=0.0)
        0.5
    """
    require_curvature(L, mu)
    require_not_negative(robustness, "robustness")
    if mu == L or robustness > 1:
        raise UsageError(
            f"mu is {mu!r}, L is {L!r} and robustness is {robustness!r}, expected mu < L and "
            "0 <= robustness <= 1: 0 is the fastest, 1 the least sensitive to errors; "
            "with mu = L one gradient step of size 1/L reaches the minimum"
        )
    return robustness * (1 - mu / L) + (1 - robustness) * (1 - math.sqrt(mu / L))
