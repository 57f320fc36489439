"""Least squares and logistic regression on given data."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nagcore.core.checks import require_not_negative, require_positive
from nagcore.errors import UsageError
from nagcore.theory.data import DataProblem, RidgeSum, curvatures
from nagcore.theory.newton import newton_minimum
from nagcore.theory.row_blocks import sum_over_rows


@dataclass(frozen=True, eq=False)
class LeastSquares(RidgeSum):
    r"""f(x) = 1/(2m) ‖A x − b‖² + ρ/2 ‖x‖².

    Args:
        A: data, shape (m, n).
        b: targets, shape (m,).
        ridge: ρ, not negative; 0 leaves the plain problem.

    Raises:
        UsageError: shapes do not match, an entry is not finite, or ρ is negative.

    Example:
        >>> f = LeastSquares(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([1.0, 1.0]))
        >>> f.x_star.round(12).tolist(), f.L, f.mu
        ([1.0, 0.5], 2.0, 0.5)
    """

    A: np.ndarray
    b: np.ndarray
    ridge: float = 0.0
    name: str = "least squares"

    def __post_init__(self) -> None:
        self._take_data()
        require_not_negative(self.ridge, "ridge")

    @cached_property
    def _curvatures(self) -> np.ndarray:
        return curvatures(self.A) + self.ridge

    @property
    def L(self) -> float:
        """Return the largest eigenvalue of AᵀA/m + ρI."""
        return float(self._curvatures[-1])

    @property
    def mu(self) -> float:
        """Return the smallest eigenvalue of AᵀA/m + ρI, 0 where it cannot be told from 0."""
        smallest = float(self._curvatures[0])
        return smallest if smallest > 1e-12 * self.L else 0.0

    def _solve(self) -> np.ndarray:
        m, n = self.A.shape
        # the ridge as n more rows: the normal equations would square the condition number
        rows = np.vstack([self.A / np.sqrt(m), np.sqrt(self.ridge) * np.eye(n)])
        targets = np.concatenate([self.b / np.sqrt(m), np.zeros(n)])
        return np.linalg.lstsq(rows, targets, rcond=None)[0]

    def value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        residual = self.A @ x - self.b
        return float(residual @ residual / (2 * len(self.b)) + self.ridge / 2 * (x @ x))

    def _slopes(self, z: np.ndarray, rows: slice) -> float:
        z -= self.b[rows]
        return 0.0

    def _losses(self, z: np.ndarray, rows: slice) -> float:
        z -= self.b[rows]
        return 0.5 * float(z @ z)


@dataclass(frozen=True, eq=False)
class LogisticRegression(DataProblem):
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
        self._take_data()
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
        return float(curvatures(self.A)[-1] / 4 + self.ridge)

    @property
    def mu(self) -> float:
        """Return ρ, which is all the strong convexity that the data guarantee."""
        return self.ridge

    def _solve(self) -> np.ndarray:
        start = np.zeros(self.A.shape[1])
        return newton_minimum(self.value_and_grad, self._hessian, start, self.L)

    def value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        loss = self._losses(self.A @ (0.5 * x), slice(None))
        return loss / len(self.b) + self.ridge / 2 * float(x @ x)

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return −1/m Σ_i b_i σ(−b_i a_iᵀx) a_i + ρ x, in one pass over A; σ is logistic."""
        return self._mean(sum_over_rows(self.A, 0.5 * x, self._slopes)[1], x)

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return f(x) and ∇f(x), in one pass over A."""
        loss, grad = sum_over_rows(self.A, 0.5 * x, self._losses_and_slopes)
        return loss / len(self.b) + self.ridge / 2 * float(x @ x), self._mean(grad, x)

    def _mean(self, grad: np.ndarray, x: np.ndarray) -> np.ndarray:
        grad /= 2 * len(self.b)
        grad += self.ridge * x
        return grad

    # Below, h = a_iᵀx/2, since −b σ(−2bh) = (tanh h − b)/2 for b = ±1: one function that cannot
    # overflow. The factor 1/2 waits for the mean.

    def _slopes(self, h: np.ndarray, rows: slice) -> float:
        np.tanh(h, out=h)
        h -= self.b[rows]
        return 0.0

    def _losses(self, h: np.ndarray, rows: slice) -> float:
        # log(1 + e^{−2bh}) = (|h| − bh) + log(1 + e^{−2|h|}), exact for all h
        size = np.abs(h)
        loss = size - self.b[rows] * h
        size *= -2
        loss += np.log1p(np.exp(size, out=size), out=size)
        return float(loss.sum())

    def _losses_and_slopes(self, h: np.ndarray, rows: slice) -> float:
        loss = self._losses(h, rows)
        self._slopes(h, rows)
        return loss

    def _hessian(self, x: np.ndarray) -> np.ndarray:
        weights = (1 - np.tanh(self.A @ (0.5 * x)) ** 2) / (4 * len(self.b))
        return (self.A.T * weights) @ self.A + self.ridge * np.eye(len(x))
