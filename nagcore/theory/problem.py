"""What a deterministic test problem is."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Problem(Protocol):
    """A smooth convex function whose constants and solution are known.

    Attributes:
        name: a short name for tables and legends.
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 where the function is convex only.
        x_star: a minimizer x⋆, shape (n,).
        f_star: the minimum f⋆.
    """

    @property
    def name(self) -> str: ...
    @property
    def L(self) -> float: ...
    @property
    def mu(self) -> float: ...
    @property
    def x_star(self) -> np.ndarray: ...
    @property
    def f_star(self) -> float: ...

    def value(self, x: np.ndarray) -> float:
        """Return f(x) for x of shape (n,)."""
        ...

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return ∇f(x), shape (n,)."""
        ...
