"""Huber regression: squares for small residuals, absolute values for outliers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nagcore.core.checks import require_not_negative, require_positive
from nagcore.theory.data import RidgeSum, curvatures
from nagcore.theory.newton import newton_minimum


@dataclass(frozen=True, eq=False)
class HuberRegression(RidgeSum):
    r"""f(x) = 1/m Σ_i φ(a_iᵀx − b_i) + ρ/2 ‖x‖²,  φ(r) = r²/2 if |r| ≤ δ, else δ|r| − δ²/2.

    Args:
        A: data, shape (m, n).
        b: targets, shape (m,).
        delta: δ, the residual from which on a target counts as an outlier, in units of b,
            positive.
        ridge: ρ, not negative.

    Raises:
        UsageError: shapes do not match, an entry is not finite, δ is not positive, or ρ is
            negative.

    Source: the loss: [huber1964].

    Example:
        >>> f = HuberRegression(np.ones((3, 1)), np.array([0.0, 1.0, 99.0]), delta=2.0)
        >>> round(float(f.x_star[0]), 12)        # the outlier pulls with 2, not with 98
        1.5
    """

    A: np.ndarray
    b: np.ndarray
    delta: float = 1.0
    ridge: float = 0.0
    name: str = "Huber regression"

    def __post_init__(self) -> None:
        self._take_data()
        require_positive(self.delta, "delta")
        require_not_negative(self.ridge, "ridge")

    @property
    def L(self) -> float:
        """Return the largest eigenvalue of AᵀA/m + ρI."""
        return self._largest_curvature

    @cached_property
    def _largest_curvature(self) -> float:
        return float(curvatures(self.A)[-1] + self.ridge)

    @property
    def mu(self) -> float:
        """Return ρ: far out the loss is linear."""
        return self.ridge

    def _solve(self) -> np.ndarray:
        start = np.linalg.lstsq(self.A, self.b, rcond=None)[0]
        return newton_minimum(self.value_and_grad, self._hessian, start, self.L)

    def value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        loss = self._losses(self.A @ x, slice(None))
        return loss / len(self.b) + self.ridge / 2 * float(x @ x)

    def _slopes(self, z: np.ndarray, rows: slice) -> float:
        z -= self.b[rows]
        np.clip(z, -self.delta, self.delta, out=z)
        return 0.0

    def _losses(self, z: np.ndarray, rows: slice) -> float:
        z -= self.b[rows]
        residual = z.copy()
        np.clip(z, -self.delta, self.delta, out=z)
        residual -= 0.5 * z  # φ(r) = s (r − s/2) with s = φ'(r), in both cases
        return float(z @ residual)

    def _hessian(self, x: np.ndarray) -> np.ndarray:
        near = self.A[np.abs(self.A @ x - self.b) < self.delta]
        return near.T @ near / len(self.b) + self.ridge * np.eye(len(x))
