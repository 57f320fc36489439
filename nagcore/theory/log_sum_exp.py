"""A smooth maximum of affine functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nagcore.core.checks import require_positive
from nagcore.errors import UsageError
from nagcore.theory.data import DataProblem, curvatures
from nagcore.theory.newton import newton_minimum
from nagcore.theory.row_blocks import SMALL_BYTES, each_block


@dataclass(frozen=True, eq=False)
class LogSumExp(DataProblem):
    r"""f(x) = ρ log Σ_i exp((a_iᵀx − b_i)/ρ), between max_i (a_iᵀx − b_i) and that + ρ log m.

    Convex, and strongly convex nowhere far out, yet curved at its minimum: the case that restart
    is for. There is a minimizer where the origin lies inside the convex hull of the a_i.

    Args:
        A: slopes, one row a_i for each affine function, shape (m, n).
        b: offsets, shape (m,).
        smoothing: ρ, positive, in units of b.

    Raises:
        UsageError: shapes do not match, an entry is not finite, or ρ is not positive; from
            `x_star` and `f_star`: there is no minimizer.

    Source: [odonoghue2015], where restart is tried on it.

    Example:
        >>> f = LogSumExp(np.array([[1.0], [-1.0]]), np.zeros(2), smoothing=0.5)
        >>> round(f.value(np.zeros(1)), 6), f.L   # ½ log 2
        (0.346574, 2.0)
        >>> f.x_star.tolist()
        [0.0]
    """

    A: np.ndarray
    b: np.ndarray
    smoothing: float = 1.0
    name: str = "log-sum-exp"

    def __post_init__(self) -> None:
        self._take_data()
        require_positive(self.smoothing, "smoothing")

    @property
    def L(self) -> float:
        """Return min(max_i ‖a_i − ā‖², ‖A − 1āᵀ‖²/2)/ρ with ā the mean of the rows.

        The Hessian is 1/ρ times the covariance of the rows under weights p_i > 0 that add up to
        1. A variance is no more than the mean square of the distances from ā, nor than a quarter
        of the squared range, which is no more than half of the sum of squares.
        """
        return self._largest_curvature

    @cached_property
    def _largest_curvature(self) -> float:
        centred = self.A - self.A.mean(axis=0)
        longest = (centred**2).sum(axis=1).max()
        half_norm = len(self.b) * curvatures(centred)[-1] / 2
        return float(min(longest, half_norm) / self.smoothing)

    @property
    def mu(self) -> float:
        """Return 0: far out the function is nearly affine."""
        return 0.0

    def _solve(self) -> np.ndarray:
        start = np.zeros(self.A.shape[1])
        if self.L == 0:
            raise UsageError("all rows of A are equal, so that the function is affine")
        x = newton_minimum(self.value_and_grad, self._hessian, start, self.L)
        # where the minimum is only approached far out, the gradient fades, but so does the Hessian
        curved = np.linalg.eigvalsh(self._hessian(x)) > 1e-12 * self.L
        if curved.sum() < np.linalg.matrix_rank(self.A):
            raise UsageError(
                "the function has no minimizer, or one too flat to be found: the origin is not "
                "inside the convex hull of the rows of A; take more rows, or other ones"
            )
        return x

    def value(self, x: np.ndarray) -> float:
        """Return f(x)."""
        return self.smoothing * self._weights(self.A @ x, slice(None))

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return Σ_i p_i a_i with weights p_i that add up to 1, in one pass over A."""
        return self.value_and_grad(x)[1]

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return f(x) and ∇f(x), in one pass over A."""
        if self.A.nbytes <= SMALL_BYTES:
            weights = self.A.dot(x)
            value = self._weights(weights, slice(None))
            return self.smoothing * value, weights.dot(self.A)
        # each block has the value and gradient of its own rows; the whole is their smooth maximum
        values, grads = each_block(self.A, x, self._weights)
        value = _to_weights(values)
        return self.smoothing * value, values @ grads

    def _weights(self, z: np.ndarray, rows: slice) -> float:
        z -= self.b[rows]
        z /= self.smoothing
        return _to_weights(z)

    def _hessian(self, x: np.ndarray) -> np.ndarray:
        weights = self.A @ x
        self._weights(weights, slice(None))
        mean = weights @ self.A
        centred = self.A - mean
        return (centred.T * weights) @ centred / self.smoothing


def _to_weights(z: np.ndarray) -> float:
    """Overwrite z by exp(z)/Σ exp(z) and return log Σ exp(z), without overflow."""
    top = z.max()
    z -= top
    np.exp(z, out=z)
    total = z.sum()
    z /= total
    return float(top + np.log(total))
