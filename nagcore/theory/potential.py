"""The potential functions of Nesterov's method along a run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nagcore.core.checks import require_count
from nagcore.core.momentum import extrapolation
from nagcore.core.nesterov import Nesterov
from nagcore.theory.problem import Problem


class Potential(NamedTuple):
    """The two parts of a potential at steps 0 … k, both of shape (k + 1,)."""

    gap: np.ndarray
    distance: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Return the sum, which never grows."""
        return self.gap + self.distance


def trace_potential(problem: Problem, x0: np.ndarray, *, steps: int) -> Potential:
    r"""Φ_k = t_{k−1}² (f(x_k) − f⋆) + L/2 ‖z_k − x⋆‖² along Nesterov's method of 1983, α = 1/L.

    Here z_k = x_{k−1} + t_{k−1} (x_k − x_{k−1}), z_0 = x_0 and t_{−1} = 0.

    Args:
        problem: convex and L-smooth, with its solution.
        x0: starting point, shape (n,).
        steps: number of steps, not negative.

    Raises:
        UsageError: `steps` is not a whole number, 0 or larger.

    Source: [beck2009], Lemma 4.1.

    Example:
        >>> from nagcore.theory.quadratic import Quadratic
        >>> total = trace_potential(Quadratic((1.0, 9.0)), np.array([1.0, 1.0]), steps=50).total
        >>> bool((np.diff(total) <= 0).all())
        True
    """
    require_count(steps, "steps")
    method = Nesterov()
    state = method.init(np.asarray(x0, dtype=float))
    gaps, distances = [], []
    for k in range(steps + 1):
        t = extrapolation(k - 1) if k else 0.0
        z = state.x + (t - 1) * state.displacement
        gaps.append(t**2 * (problem.value(state.x) - problem.f_star))
        distances.append(problem.L / 2 * float(np.sum((z - problem.x_star) ** 2)))
        state = method.step(state, problem.grad(method.query(state)), 1 / problem.L)
    return Potential(np.array(gaps), np.array(distances))
