"""What a problem must offer: two functions, and more where more is known."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Objective(Protocol):
    """A differentiable function: all that a user's own problem needs.

    A method `value_and_grad(x)` may be there as well: both, for the price of one pass over the
    data. Check a gradient of your own by `nagcore.theory.check_gradient`.
    """

    def value(self, x: np.ndarray) -> float:
        """Return f(x) for x of shape (n,)."""
        ...

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return ∇f(x), shape (n,)."""
        ...


class Problem(Objective, Protocol):
    """A convex function whose constants and solution are known.

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


class Composite(Protocol):
    """A sum F = f + h of a smooth function f and one whose proximal operator is known.

    `value_and_grad(x)`, where it is there, returns f(x) and ∇f(x), both of the smooth part.
    `duality_gap(x)`, where it is there, returns a bound on F(x) − F⋆ that needs no solution.
    """

    def value(self, x: np.ndarray) -> float:
        """Return F(x)."""
        ...

    def smooth_value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        ...

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return ∇f(x), shape (n,)."""
        ...

    def prox(self, v: np.ndarray, step_size: float) -> np.ndarray:
        """Return argmin_u h(u) + ‖u − v‖²/(2 step_size), shape (n,)."""
        ...


class CompositeProblem(Composite, Problem, Protocol):
    """A composite function whose constants and solution are known.

    L and mu are those of the smooth part f; x_star and f_star those of the sum F.
    """
