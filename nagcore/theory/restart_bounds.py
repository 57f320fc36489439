"""The bound of Nesterov's method restarted at a fixed interval, and the interval that it likes."""

from __future__ import annotations

import math

import numpy as np

from nagcore.core.checks import require_curvature
from nagcore.core.constants import require_number_of_steps
from nagcore.errors import UsageError
from nagcore.theory.bounds import Steps, step_counts


def bound_fixed_restart(
    steps: Steps, *, L: float, mu: float, first_gap: float, every: int
) -> np.ndarray:
    """σ^m min(1, 4κ/(j + 1)²) (f(x_0) − f⋆), σ = min(1, 4κ/(n + 1)²), k = m n + j, 0 ≤ j < n.

    Nesterov's method with the sequence of 1983 and step size 1/L, started again after every n
    steps: m periods are over and j steps of the next one are taken. f is convex, L-smooth and has
    μ/2 ‖x − x⋆‖² ≤ f(x) − f⋆ for the nearest minimizer x⋆, as μ-strongly convex functions do. The
    same bound holds for FISTA. The minimum with 1 is there because
    f(x_k) + L/2 ‖x_k − x_{k−1}‖² never grows between restarts.

    Args:
        steps: k.
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 < mu ≤ L.
        first_gap: f(x_0) − f⋆.
        every: n, the steps between two restarts, positive.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L, or `every` is not a positive whole
            number.

    Source: the argument: [odonoghue2015], §3.1; the constant follows from [beck2009], Theorem 4.4.

    Example:
        >>> bound_fixed_restart([0, 5, 10, 20], L=9.0, mu=1.0, first_gap=1.0, every=11).tolist()
        [1.0, 1.0, 0.2975206611570248, 0.09]
    """
    require_curvature(L, mu)
    require_number_of_steps(every, "every")
    kappa, k = L / mu, step_counts(steps, L).astype(int)
    periods, taken = np.divmod(k, int(every))
    whole = min(1.0, 4 * kappa / (every + 1) ** 2)
    return first_gap * whole**periods * np.minimum(1.0, 4 * kappa / (taken + 1.0) ** 2)


def best_interval(condition_number: float) -> int:
    """⌈2e√κ⌉ − 1: the restart interval for which the bound falls fastest, to within 1 %.

    Each period then divides the gap by e² or more, so that m periods, 2e√κ m steps at most,
    leave e^{−2m} of it. The interval e√(8κ) of [odonoghue2015], §3.1, is the same for a bound
    that is larger by a factor of two.

    Args:
        condition_number: κ = L/μ, 1 or more.

    Raises:
        UsageError: κ is below 1 or not finite.

    Example:
        >>> best_interval(100.0), round((4 * 100 / 55**2) * math.e**2, 3)
        (54, 0.977)
    """
    if not (math.isfinite(condition_number) and condition_number >= 1):
        raise UsageError(
            f"condition_number is {condition_number!r}, expected a finite number of 1 or more"
        )
    return math.ceil(2 * math.e * math.sqrt(condition_number)) - 1
