"""Lasso and elastic net: least squares plus a 1-norm, which sets entries to 0."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nagcore.core.checks import require_not_negative, require_positive
from nagcore.core.regularizers import L1
from nagcore.theory.active_set import sparse_minimum
from nagcore.theory.data import DataProblem
from nagcore.theory.regression import LeastSquares


@dataclass(frozen=True, eq=False)
class ElasticNetRegression(DataProblem):
    r"""F(x) = f(x) + λ₁ ‖x‖₁ with f(x) = 1/(2m) ‖A x − b‖² + λ₂/2 ‖x‖².

    The squares are counted to the smooth part, so that a method may use their curvature. In
    scikit-learn's terms without an intercept λ₁ = alpha · l1_ratio, λ₂ = alpha · (1 − l1_ratio).

    Args:
        A: data, shape (m, n).
        b: targets, shape (m,).
        l1: λ₁, positive.
        l2: λ₂, not negative; 0 is the lasso.

    Raises:
        UsageError: shapes do not match, an entry is not finite, λ₁ is not positive, or λ₂ is
            negative.

    Source: [zou2005], equation (3).

    Example:
        >>> F = ElasticNetRegression(np.eye(2), np.array([3.0, 0.5]), l1=0.5, l2=0.5)
        >>> F.x_star.round(12).tolist(), F.L, F.mu
        ([1.0, 0.0], 1.0, 1.0)
        >>> F.duality_gap(F.x_star) < 1e-15
        True
    """

    A: np.ndarray
    b: np.ndarray
    l1: float = field(kw_only=True)
    l2: float = field(kw_only=True)
    name: str = "elastic net"

    def __post_init__(self) -> None:
        require_positive(self.l1, "l1")
        require_not_negative(self.l2, "l2")
        self._take_data()

    @cached_property
    def _smooth(self) -> LeastSquares:
        return LeastSquares(self.A, self.b, ridge=self.l2)

    @cached_property
    def regularizer(self) -> L1:
        """Return h(x) = λ₁ ‖x‖₁."""
        return L1(self.l1)

    @property
    def L(self) -> float:
        """Return the largest eigenvalue of AᵀA/m + λ₂I."""
        return self._smooth.L

    @property
    def mu(self) -> float:
        """Return the smallest eigenvalue of AᵀA/m + λ₂I, 0 where it cannot be told from 0."""
        return self._smooth.mu

    def _solve(self) -> np.ndarray:
        return sparse_minimum(self.A, self.b, self.l1, self.l2)

    def value(self, x: np.ndarray) -> float:
        """Return F(x)."""
        return self._smooth.value(x) + self.regularizer.value(x)

    def smooth_value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        return self._smooth.value(x)

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return ∇f(x), in one pass over A."""
        return self._smooth.grad(x)

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return f(x) and ∇f(x), in one pass over A."""
        return self._smooth.value_and_grad(x)

    def prox(self, v: np.ndarray, step_size: float) -> np.ndarray:
        """Return argmin_u λ₁ ‖u‖₁ + ‖u − v‖²/(2 step_size)."""
        return self.regularizer.prox(v, step_size)

    def duality_gap(self, x: np.ndarray) -> float:
        r"""Return F(x) − D(s r), an upper bound on F(x) − F⋆ that is 0 at the minimum.

        D is the dual function and r the residual, the squares of λ₂ counted as rows of A. The
        scale s is the best one for which s r is feasible. Written with q = −∇f(x) it is
        ½ (1 − s)² ‖r‖² + Σ_i (λ₁ |x_i| − s x_i q_i): a sum of terms that are not negative, so
        that a small gap is not lost in the difference of two large numbers.
        """
        value, grad = self._smooth.value_and_grad(x)
        square, slope = 2 * value, -grad
        steepest = float(abs(slope).max())
        limit = self.l1 / steepest if steepest > 0 else np.inf
        best = 1 + float(x @ slope) / square if square > 0 else 0.0
        scale = min(max(best, -limit), limit)
        rest = float((self.l1 * abs(x) - scale * x * slope).sum())
        return max(0.5 * (1 - scale) ** 2 * square + rest, 0.0)


@dataclass(frozen=True, eq=False, init=False)
class Lasso(ElasticNetRegression):
    r"""F(x) = 1/(2m) ‖A x − b‖² + λ ‖x‖₁.

    Args:
        A: data, shape (m, n).
        b: targets, shape (m,).
        weight: λ, positive. From ‖Aᵀb‖_∞/m on the minimizer is 0.
        name: a short name for tables and legends.

    Raises:
        UsageError: shapes do not match, an entry is not finite, or λ is not positive.

    Source: [tibshirani1996].

    Example:
        >>> Lasso(np.eye(2), np.array([3.0, 0.5]), weight=0.5).x_star.round(12).tolist()
        [2.0, 0.0]
    """

    def __init__(self, A: np.ndarray, b: np.ndarray, *, weight: float, name: str = "lasso") -> None:
        require_positive(weight, "weight")
        super().__init__(A, b, l1=weight, l2=0.0, name=name)

    @property
    def weight(self) -> float:
        """Return λ."""
        return self.l1
