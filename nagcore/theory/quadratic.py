"""Quadratics with a given spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nagcore.core.checks import require_count, require_positive
from nagcore.errors import UsageError


@dataclass(frozen=True)
class Quadratic:
    r"""f(x) = ½ (x − x⋆)ᵀ H (x − x⋆) with H = Q diag(λ) Qᵀ.

    Args:
        eigenvalues: λ, shape (n,), not negative, at least one positive.
        center: x⋆, shape (n,), finite; the origin if left out.
        rotation_seed: seed of a random rotation Q; no rotation (Q = I) if left out.

    Raises:
        UsageError: an eigenvalue is negative or not finite, all are zero, the center is not of
            finite numbers, or shapes differ.

    Example:
        >>> f = Quadratic((1.0, 10.0))
        >>> f.value(np.array([1.0, 1.0])), f.grad(np.array([1.0, 1.0])).tolist()
        (5.5, [1.0, 10.0])
        >>> f.L, f.mu, f.condition_number
        (10.0, 1.0, 10.0)
    """

    eigenvalues: tuple[float, ...]
    center: tuple[float, ...] | None = None
    rotation_seed: int | None = None

    def __post_init__(self) -> None:
        # tuples, so that two equal problems compare and hash as equal
        object.__setattr__(self, "eigenvalues", _as_floats(self.eigenvalues, "eigenvalues are"))
        if self.center is not None:
            object.__setattr__(self, "center", _as_floats(self.center, "center is"))
        if self.rotation_seed is not None:
            require_count(self.rotation_seed, "rotation_seed")
        values = np.array(self.eigenvalues)
        if not (values.size and np.isfinite(values).all() and values.min() >= 0 < values.max()):
            raise UsageError(
                f"eigenvalues are {self.eigenvalues}, expected finite numbers, none negative and "
                "at least one positive: the problem must be convex and not constant"
            )
        if self.center is not None and len(self.center) != values.size:
            raise UsageError(
                f"center has {len(self.center)} entries, expected {values.size}, "
                "one for each eigenvalue"
            )
        if self.center is not None and not np.isfinite(self.center).all():
            raise UsageError(f"center is {self.center}, expected finite numbers")

    @property
    def name(self) -> str:
        """Return a short name with the condition number."""
        return f"quadratic, κ = {self.condition_number:g}"

    @property
    def dimension(self) -> int:
        """Return the number n of variables."""
        return len(self.eigenvalues)

    @property
    def L(self) -> float:
        """Return the largest eigenvalue."""
        return max(self.eigenvalues)

    @property
    def mu(self) -> float:
        """Return the smallest eigenvalue."""
        return min(self.eigenvalues)

    @property
    def condition_number(self) -> float:
        """Return κ = L/μ, infinite where μ = 0."""
        return self.L / self.mu if self.mu > 0 else np.inf

    @property
    def x_star(self) -> np.ndarray:
        """Return the minimizer x⋆, shape (n,), not to be changed in place."""
        return self._solution

    @cached_property
    def _solution(self) -> np.ndarray:
        n = len(self.eigenvalues)
        solution = np.zeros(n) if self.center is None else np.array(self.center)
        solution.flags.writeable = False
        return solution

    @property
    def f_star(self) -> float:
        """Return the minimum, 0."""
        return 0.0

    @cached_property
    def hessian(self) -> np.ndarray:
        """Return H, shape (n, n)."""
        diagonal = np.diag(self.eigenvalues)
        if self.rotation_seed is None:
            return diagonal
        normal = np.random.default_rng(self.rotation_seed).standard_normal(diagonal.shape)
        rotation, _ = np.linalg.qr(normal)
        return rotation @ diagonal @ rotation.T

    def value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        difference = x - self.x_star
        return float(0.5 * difference @ self.hessian @ difference)

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return H (x − x⋆)."""
        return self.hessian @ (x - self.x_star)

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return f(x) and ∇f(x), for one product with H."""
        difference = x - self.x_star
        grad = self.hessian @ difference
        return float(0.5 * difference @ grad), grad


def _as_floats(numbers: Any, found: str) -> tuple[float, ...]:
    try:
        return tuple(float(v) for v in numbers)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{found} {numbers!r}, expected a sequence of numbers") from error


def spaced_spectrum(dimension: int, condition_number: float, L: float = 1.0) -> tuple[float, ...]:
    """Return eigenvalues from L/κ to L, evenly spaced in their logarithm.

    Args:
        dimension: number n of eigenvalues, at least 2.
        condition_number: κ, at least 1.
        L: the largest eigenvalue, positive.

    Raises:
        UsageError: an argument is out of its range.

    Example:
        >>> [round(v, 6) for v in spaced_spectrum(3, 100.0)]
        [0.01, 0.1, 1.0]
    """
    require_count(dimension, "dimension")
    require_positive(condition_number, "condition_number")
    require_positive(L, "L")
    if dimension < 2 or condition_number < 1:
        raise UsageError(
            f"dimension is {dimension}, condition_number is {condition_number} and L is {L}, "
            "expected dimension >= 2, a finite condition_number >= 1 and a finite L > 0"
        )
    return tuple(float(v) for v in np.geomspace(L / condition_number, L, dimension))
