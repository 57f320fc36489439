"""Step size and momentum from the constants L and mu."""

from __future__ import annotations

import math
from typing import NamedTuple

from nagcore.core.checks import require_curvature
from nagcore.core.momentum import StronglyConvexMomentum


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
