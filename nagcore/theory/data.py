"""What problems on data share: checked data, and an optimum that is found once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from nagcore.errors import UsageError
from nagcore.theory.row_blocks import sum_over_rows


def as_data(A: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return A and b as arrays of float64 without gaps, copied only where they are not yet.

    Args:
        A: data, shape (m, n).
        b: targets or labels, shape (m,).

    Raises:
        UsageError: the two hold no numbers, their shapes do not match, or an entry is not finite.

    Example:
        >>> as_data([[1, 2], [3, 4]], [5, 6])[0].dtype
        dtype('float64')
    """
    try:
        if np.iscomplexobj(A) or np.iscomplexobj(b):
            raise TypeError("complex numbers")
        A, b = np.asarray(A, dtype=float), np.asarray(b, dtype=float)
    except (TypeError, ValueError) as error:
        raise UsageError(f"A and b must be arrays of real numbers: {error}") from error
    if A.ndim != 2 or b.shape != (A.shape[0],) or A.size == 0:
        raise UsageError(
            f"A has shape {A.shape} and b has shape {b.shape}, "
            "expected (m, n) and (m,) with the same m"
        )
    if not (np.isfinite(A).all() and np.isfinite(b).all()):
        raise UsageError("A or b holds a value that is not finite; remove or replace it")
    return A if A.flags.forc else np.ascontiguousarray(A), b


def curvatures(A: np.ndarray) -> np.ndarray:
    """Return the n eigenvalues of AᵀA/m in ascending order, from the smaller of AᵀA and AAᵀ.

    Example:
        >>> curvatures(np.array([[0.0, 2.0]])).tolist()
        [0.0, 4.0]
    """
    m, n = A.shape
    found = np.linalg.eigvalsh(A.T @ A if n <= m else A @ A.T) / m
    return np.concatenate([np.zeros(max(n - m, 0)), np.maximum(found, 0.0)])


class DataProblem(ABC):
    """A function of n variables on data A, b, with an optimum that is found when first asked for.

    A class of problems has `A`, `b` and `value`, calls `_take_data` before anything else, and
    finds its minimizer in `_solve`.
    """

    A: np.ndarray
    b: np.ndarray

    def _take_data(self) -> None:
        A, b = as_data(self.A, self.b)
        object.__setattr__(self, "A", A)
        object.__setattr__(self, "b", b)

    @property
    def dimension(self) -> int:
        """Return the number n of variables."""
        return self.A.shape[1]

    @property
    def x_star(self) -> np.ndarray:
        """Return a minimizer, found by a solver that is none of the package's methods."""
        return self._solution

    @cached_property
    def _solution(self) -> np.ndarray:
        return self._solve()

    @property
    def f_star(self) -> float:
        """Return the minimum."""
        return self._minimum

    @cached_property
    def _minimum(self) -> float:
        return self.value(self.x_star)

    @abstractmethod
    def _solve(self) -> np.ndarray:
        """Return a minimizer."""

    @abstractmethod
    def value(self, x: np.ndarray) -> float:
        """Return the function to be minimized at x."""


class RidgeSum(DataProblem):
    """1/m Σ_i φ(a_iᵀx) + ρ/2 ‖x‖², of which a class says φ and its slope in blocks of rows."""

    ridge: float

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return ∇f(x), in one pass over A."""
        return self._mean(sum_over_rows(self.A, x, self._slopes)[1], x)

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return f(x) and ∇f(x), in one pass over A."""
        loss, grad = sum_over_rows(self.A, x, self._losses)
        return loss / len(self.b) + self.ridge / 2 * float(x @ x), self._mean(grad, x)

    def _mean(self, grad: np.ndarray, x: np.ndarray) -> np.ndarray:
        grad /= len(self.b)
        if self.ridge:
            grad += self.ridge * x
        return grad

    @abstractmethod
    def _slopes(self, z: np.ndarray, rows: slice) -> float:
        """Overwrite z by the slopes, and return anything."""

    @abstractmethod
    def _losses(self, z: np.ndarray, rows: slice) -> float:
        """Overwrite z by the slopes and return the sum of the losses."""
