"""Nesterov's worst function: no first-order method is fast on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nagcore.core.checks import require_positive
from nagcore.core.constants import require_number_of_steps


@dataclass(frozen=True)
class WorstFunction:
    r"""f(x) = L/4 ( ½ (x_1² + Σ_{i<n} (x_i − x_{i+1})² + x_n²) − x_1 ).

    Started at the origin, a method that moves in the span of the gradients it has seen has at
    most k non-zero entries after k steps. In dimension n = 2k + 1 its gap is then at least
    3L‖x_0 − x⋆‖² / (32 (k + 1)²), whatever the method.

    Args:
        dimension: n, at least 1.
        L: Lipschitz constant of the gradient, positive.

    Raises:
        UsageError: the dimension is not a positive integer or L is not positive.

    Source: [nesterov2018], §2.1.2 and Theorem 2.1.7.

    Example:
        >>> f = WorstFunction(3)
        >>> f.x_star.tolist(), f.f_star
        ([0.75, 0.5, 0.25], -0.09375)
        >>> f.grad(np.zeros(3)).tolist()   # the origin shows one coordinate only
        [-0.25, 0.0, 0.0]
    """

    dimension: int
    L: float = 1.0

    def __post_init__(self) -> None:
        require_number_of_steps(self.dimension, "dimension")
        object.__setattr__(self, "dimension", int(self.dimension))
        require_positive(self.L, "L")

    @property
    def name(self) -> str:
        """Return a short name."""
        return f"worst function, n = {self.dimension}"

    @property
    def mu(self) -> float:
        """Return the smallest curvature, L sin²(π / (2n + 2)), which fades with n."""
        return float(self.L * np.sin(np.pi / (2 * self.dimension + 2)) ** 2)

    @property
    def x_star(self) -> np.ndarray:
        """Return the minimizer, a straight line down from 1: x⋆_i = 1 − i/(n + 1)."""
        return 1 - np.arange(1, self.dimension + 1) / (self.dimension + 1)

    @property
    def f_star(self) -> float:
        """Return the minimum, L/8 (−1 + 1/(n + 1))."""
        return self.L / 8 * (-1 + 1 / (self.dimension + 1))

    def value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        ends = x[0] ** 2 + x[-1] ** 2
        return float(self.L / 4 * (0.5 * (ends + np.sum(np.diff(x) ** 2)) - x[0]))

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return L/4 (A x − e_1) with A the second-difference matrix."""
        padded = np.concatenate(([0.0], x, [0.0]))
        result = 2 * x - padded[:-2] - padded[2:]
        result[0] -= 1
        return self.L / 4 * result
