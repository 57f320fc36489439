"""Least squares and logistic regression on given data."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nagcore.core.checks import require_not_negative, require_positive
from nagcore.errors import UsageError


@dataclass(frozen=True, eq=False)
class LeastSquares:
    r"""f(x) = 1/(2m) ‖A x − b‖² + ρ/2 ‖x‖².

    Args:
        A: data, shape (m, n).
        b: targets, shape (m,).
        ridge: ρ, not negative; 0 leaves the plain problem.

    Raises:
        UsageError: shapes do not match, an entry is not finite, or ρ is negative.

    Example:
        >>> f = LeastSquares(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([1.0, 1.0]))
        >>> f.x_star.tolist(), f.L, f.mu
        ([1.0, 0.5], 2.0, 0.5)
    """

    A: np.ndarray
    b: np.ndarray
    ridge: float = 0.0
    name: str = "least squares"

    def __post_init__(self) -> None:
        _require_data(self.A, self.b)
        require_not_negative(self.ridge, "ridge")

    @cached_property
    def _curvatures(self) -> np.ndarray:
        return np.linalg.eigvalsh(self.A.T @ self.A / len(self.b)) + self.ridge

    @property
    def L(self) -> float:
        """Return the largest eigenvalue of AᵀA/m + ρI."""
        return float(self._curvatures[-1])

    @property
    def mu(self) -> float:
        """Return the smallest eigenvalue of AᵀA/m + ρI, 0 where it cannot be told from 0."""
        smallest = float(self._curvatures[0])
        return smallest if smallest > 1e-12 * self.L else 0.0

    @property
    def x_star(self) -> np.ndarray:
        """Return the minimizer (of least norm, where there are many), shape (n,)."""
        return self._solution

    @cached_property
    def _solution(self) -> np.ndarray:
        m, n = self.A.shape
        # the ridge as n more rows: the normal equations would square the condition number
        rows = np.vstack([self.A / np.sqrt(m), np.sqrt(self.ridge) * np.eye(n)])
        targets = np.concatenate([self.b / np.sqrt(m), np.zeros(n)])
        return np.linalg.lstsq(rows, targets, rcond=None)[0]

    @property
    def f_star(self) -> float:
        """Return the minimum."""
        return self.value(self.x_star)

    def value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        residual = self.A @ x - self.b
        return float(residual @ residual / (2 * len(self.b)) + self.ridge / 2 * (x @ x))

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return Aᵀ(A x − b)/m + ρ x."""
        return self.A.T @ (self.A @ x - self.b) / len(self.b) + self.ridge * x


@dataclass(frozen=True, eq=False)
class LogisticRegression:
    r"""f(x) = 1/m Σ_i log(1 + exp(−b_i a_iᵀx)) + ρ/2 ‖x‖².

    Args:
        A: features, one row a_i an example, shape (m, n).
        b: labels −1 or +1, shape (m,).
        ridge: ρ, positive: without it separable data have no minimizer.

    Raises:
        UsageError: shapes do not match, a label is not −1 or +1, or ρ is not positive.

    Example:
        >>> f = LogisticRegression(np.array([[1.0], [2.0]]), np.array([1.0, -1.0]), ridge=0.1)
        >>> round(f.value(np.zeros(1)), 4)       # log 2
        0.6931
        >>> bool(abs(f.grad(f.x_star)).max() < 1e-12)
        True
    """

    A: np.ndarray
    b: np.ndarray
    ridge: float = field(kw_only=True)
    name: str = "logistic regression"

    def __post_init__(self) -> None:
        _require_data(self.A, self.b)
        require_positive(self.ridge, "ridge")
        wrong = sorted(set(np.unique(self.b).tolist()) - {-1.0, 1.0})
        if wrong:
            raise UsageError(f"labels contain {wrong[:3]}, expected only -1 and +1")

    @property
    def L(self) -> float:
        """Return ‖A‖²/(4m) + ρ: the curvature of log(1 + e^{−z}) is at most 1/4."""
        return self._largest_curvature

    @cached_property
    def _largest_curvature(self) -> float:
        return float(np.linalg.norm(self.A, 2) ** 2 / (4 * len(self.b)) + self.ridge)

    @property
    def mu(self) -> float:
        """Return ρ, which is all the strong convexity that the data guarantee."""
        return self.ridge

    @property
    def x_star(self) -> np.ndarray:
        """Return the minimizer, found by Newton's method with step halving, shape (n,)."""
        return self._solution

    @cached_property
    def _solution(self) -> np.ndarray:
        x = np.zeros(self.A.shape[1])
        for _ in range(100):
            gradient = self.grad(x)
            direction = np.linalg.solve(self._hessian(x), gradient)
            decrement = gradient @ direction
            if decrement < 1e-28:
                break
            step = 1.0
            while step > 1e-10 and self.value(x - step * direction) > self.value(x):
                step /= 2
            x = x - step * direction
        return x

    @property
    def f_star(self) -> float:
        """Return the minimum."""
        return self.value(self.x_star)

    def value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        margins = self.b * (self.A @ x)
        return float(np.mean(np.logaddexp(0.0, -margins)) + self.ridge / 2 * (x @ x))

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return −1/m Σ_i b_i σ(−b_i a_iᵀx) a_i + ρ x, with σ the logistic function."""
        margins = self.b * (self.A @ x)
        return -self.A.T @ (self.b * _logistic(-margins)) / len(self.b) + self.ridge * x

    def _hessian(self, x: np.ndarray) -> np.ndarray:
        chance = _logistic(self.A @ x)
        weights = chance * (1 - chance) / len(self.b)
        return (self.A.T * weights) @ self.A + self.ridge * np.eye(len(x))


def _logistic(z: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -z))


def _require_data(A: np.ndarray, b: np.ndarray) -> None:
    if A.ndim != 2 or b.shape != (A.shape[0],) or A.size == 0:
        raise UsageError(
            f"A has shape {A.shape} and b has shape {b.shape}, "
            "expected (m, n) and (m,) with the same m"
        )
    if not (np.isfinite(A).all() and np.isfinite(b).all()):
        raise UsageError("A or b holds a value that is not finite; remove or replace it")
