"""Convergence rates on quadratics, read off the linear map that a rule becomes there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nagcore.core.checks import require_curvature, require_positive
from nagcore.core.method import Method
from nagcore.core.tuning import Tuning, tune_heavy_ball
from nagcore.errors import UsageError

# A rule for a momentum: the classes HeavyBall and Nesterov are such functions.
MomentumRule = Callable[[Any], Method[Any]]

# The search for the best tuning: points a side, how often its window shrinks, and by how much. The
# best point lies in a valley as narrow as 1/√κ, which a window that halves would lose.
_SEARCH_POINTS = 41
_SEARCH_ROUNDS = 120
_SEARCH_SHRINKS = 0.8


def iteration_matrix(
    method: Method[Any], *, curvature: npt.ArrayLike, step_size: npt.ArrayLike
) -> np.ndarray:
    r"""T with s_{k+1} = T s_k: one step of `method` on f(x) = λ/2 x² as a matrix.

    On a quadratic every eigenvector of the Hessian has a coordinate of its own, in which the rule
    is a linear map of its state. The columns of the matrix are what the rule's own `step` makes
    of the basis states. Curvatures, step sizes and the momentum may be arrays that broadcast: the
    matrices of a whole plane then come out of one step.

    Assumes a rule whose state holds points and the count k only, and whose momentum is constant.

    Args:
        method: the rule, for example `HeavyBall(0.9)`.
        curvature: λ, an eigenvalue of the Hessian, any shape.
        step_size: α, any shape.

    Returns:
        Matrices, shape (…, m, m), with m = 1 for gradient descent and m = 2, over the iterate and
        the displacement, for heavy ball and Nesterov's method.

    Example:
        >>> from nagcore.core import HeavyBall
        >>> iteration_matrix(HeavyBall(0.5), curvature=1.0, step_size=0.25).tolist()
        [[0.75, 0.5], [-0.25, 0.5]]
    """
    state = method.init(np.zeros(()))
    names = [name for name in state._fields if name != "k"]
    columns = []
    for basis in names:
        # k = 1: what a sequence gives before the first step never matters
        here = state._replace(k=1, **{n: np.asarray(float(n == basis)) for n in names})
        grad = np.asarray(curvature) * method.query(here)
        there = method.step(here, grad, np.asarray(step_size))  # pyright: ignore[reportArgumentType]
        columns.append([getattr(there, name) for name in names])
    entries = np.broadcast_arrays(*(entry for column in columns for entry in column))
    shape = (len(names), len(names), *entries[0].shape)
    return np.moveaxis(np.reshape(np.stack(entries), shape), (0, 1), (-1, -2))


def spectral_radius(matrix: np.ndarray) -> np.ndarray:
    """max |z| over the eigenvalues z: the factor by which the error shrinks in the long run.

    Args:
        matrix: shape (…, m, m).

    Returns:
        Radii, shape (…).

    Example:
        >>> float(spectral_radius(np.diag([0.5, -0.75])))
        0.75
    """
    return np.abs(np.linalg.eigvals(matrix)).max(axis=-1)


def with_momenta(rule: MomentumRule, momenta: np.ndarray) -> Method[Any]:
    """Return the rule with many constant momenta at once, for `iteration_matrix`.

    Args:
        rule: `HeavyBall` or `Nesterov`.
        momenta: β, any shape, 1 allowed.

    Example:
        >>> from nagcore.core import HeavyBall
        >>> method = with_momenta(HeavyBall, np.array([0.25, 1.0]))
        >>> spectral_radius(iteration_matrix(method, curvature=1.0, step_size=1.0)).round(12)
        array([0.5, 1. ])
    """
    # as a sequence, since a constant momentum is checked to be one number below 1
    return rule(lambda k: momenta)  # noqa: ARG005


def convergence_rate(
    method: Method[Any], *, step_size: npt.ArrayLike, L: float, mu: float
) -> np.ndarray:
    r"""max over μ ≤ λ ≤ L of the spectral radius: the worst rate over all quadratics.

    For gradient descent, heavy ball and Nesterov's method with momentum in [0, 1) the radius has
    no inner maximum as a function of λ, so the two ends are enough.

    Args:
        method: one of these three, with constant momentum.
        step_size: α, any shape.
        L: largest eigenvalue of the Hessian.
        mu: smallest eigenvalue, 0 < mu ≤ L.

    Returns:
        Rates per step, in the shape of `step_size` and the momentum together; 1 or more where the
        method does not converge.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Source: [lessard2016], Proposition 1.

    Example:
        >>> from nagcore.core import GradientDescent
        >>> float(convergence_rate(GradientDescent(), step_size=0.5, L=3.0, mu=1.0))
        0.5
    """
    require_curvature(L, mu)
    ends = [
        spectral_radius(iteration_matrix(method, curvature=curvature, step_size=step_size))
        for curvature in (mu, L)
    ]
    return np.maximum(*ends)


def rate_plane(
    rule: MomentumRule, *, step_sizes: np.ndarray, momenta: np.ndarray, L: float, mu: float
) -> np.ndarray:
    """Return the worst rate over all quadratics for every pair of step size and momentum.

    Args:
        rule: `HeavyBall` or `Nesterov`.
        step_sizes: α, shape (n,).
        momenta: β, shape (m,).
        L: largest eigenvalue of the Hessian.
        mu: smallest eigenvalue, 0 < mu ≤ L.

    Returns:
        Rates, shape (m, n).

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Example:
        >>> from nagcore.core import HeavyBall
        >>> plane = rate_plane(
        ...     HeavyBall, step_sizes=np.array([0.5]), momenta=np.array([0.0, 1.0]), L=3.0, mu=1.0
        ... )
        >>> plane.ravel().round(12).tolist()
        [0.5, 1.0]
    """
    column = with_momenta(rule, np.asarray(momenta, dtype=float)[:, None])
    return convergence_rate(column, step_size=step_sizes, L=L, mu=mu)


def search_best_tuning(rule: MomentumRule, *, L: float, mu: float) -> Tuning:
    """Return the step size and momentum with the best rate on quadratics, found by search.

    A grid over 0 < α < 4/L and 0 ≤ β < 1 that shrinks round its best point again and again. It
    knows none of the formulas of `nagcore.core.tuning`, and is there to judge them; it does so
    up to κ = 1000, beyond which the valley round heavy ball's best point is too narrow for it.

    Args:
        rule: `HeavyBall` or `Nesterov`.
        L: largest eigenvalue of the Hessian.
        mu: smallest eigenvalue, 0 < mu ≤ L.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Example:
        >>> from nagcore.core import HeavyBall
        >>> tuning = search_best_tuning(HeavyBall, L=9.0, mu=1.0)
        >>> round(tuning.step_size, 6), round(tuning.momentum, 6)
        (0.25, 0.25)
    """
    require_curvature(L, mu)
    center, half = np.array([2 / L, 0.5]), np.array([2 / L, 0.5])
    for _ in range(_SEARCH_ROUNDS):
        low = np.maximum(center - half, 0)
        high = np.minimum(center + half, [4 / L, 1])
        step_sizes, momenta = np.linspace(low, high, _SEARCH_POINTS).T
        plane = rate_plane(rule, step_sizes=step_sizes, momenta=momenta, L=L, mu=mu)
        row, column = np.unravel_index(plane.argmin(), plane.shape)
        center, half = np.array([step_sizes[column], momenta[row]]), half * _SEARCH_SHRINKS
    return Tuning(step_size=float(center[0]), momentum=float(center[1]))


def stability_limit_heavy_ball(momentum: npt.ArrayLike, *, L: float) -> np.ndarray:
    """2(1 + β)/L: heavy ball converges on quadratics for 0 < α below this and 0 ≤ β < 1.

    Source: [polyak1964], where the condition is on the roots of the same equation.

    Example:
        >>> float(stability_limit_heavy_ball(0.5, L=1.0))
        3.0
    """
    require_positive(L, "L")
    return 2 * (1 + np.asarray(momentum, dtype=float)) / L


def stability_limit_nesterov(momentum: npt.ArrayLike, *, L: float) -> np.ndarray:
    """(2 + 2β)/((1 + 2β) L): Nesterov's method converges on quadratics for 0 < α below this.

    Example:
        >>> float(stability_limit_nesterov(0.5, L=1.0))
        1.5
    """
    require_positive(L, "L")
    momentum = np.asarray(momentum, dtype=float)
    return (2 + 2 * momentum) / ((1 + 2 * momentum) * L)


def critical_momentum_heavy_ball(reach: float) -> float:
    """(1 − √(αλ))²: below it heavy ball's errors are sums of powers, above it they swing.

    Args:
        reach: αλ, step size times curvature, 0 < αλ < 4.

    Raises:
        UsageError: the value is out of its range.

    Source: [polyak1964].

    Example:
        >>> critical_momentum_heavy_ball(0.25)
        0.25
    """
    require_positive(reach, "reach")
    if reach >= 4:
        raise UsageError(
            f"reach is {reach!r}, expected step size times curvature below 4: beyond that no "
            "momentum below 1 makes heavy ball converge"
        )
    return float((1 - np.sqrt(reach)) ** 2)


def bound_heavy_ball_on_quadratics(
    steps: npt.ArrayLike, *, L: float, mu: float, first_gap: float
) -> np.ndarray:
    """(1 + (1 + √β) k)² β^k (f(x_0) − f⋆): heavy ball with its best tuning, from rest. Attained.

    Assumes a quadratic with eigenvalues in [μ, L]. Without the square and with ‖x_0 − x⋆‖ for the
    gap it bounds the distance. Equality holds at every k where x_0 − x⋆ is an eigenvector of L.

    Args:
        steps: k, any shape.
        L: largest eigenvalue of the Hessian.
        mu: smallest eigenvalue, 0 < mu ≤ L.
        first_gap: f(x_0) − f⋆.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Source: the rate: [polyak1964]; the factor before it is proved in chapter 02.

    Example:
        >>> bound_heavy_ball_on_quadratics([0, 1], L=9.0, mu=1.0, first_gap=1.0).tolist()
        [1.0, 1.5625]
    """
    k = np.asarray(steps, dtype=float)
    root = np.sqrt(tune_heavy_ball(L, mu).momentum)
    return (1 + (1 + root) * k) ** 2 * root ** (2 * k) * first_gap
