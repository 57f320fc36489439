"""The information-theoretic exact method as a rule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nagcore.core.checks import require_count, require_curvature
from nagcore.core.constants import require_curved

# A_k grows geometrically; beyond this its ratios have reached their limits to the last digit
LARGEST_WEIGHT = 1e40


class ExactState(NamedTuple):
    """The iterate x_k, the last descended point z_k and the number k of steps taken."""

    x: Any
    descended: Any
    k: int


@dataclass(frozen=True)
class ITEM:
    r"""y_k = x_k + β_k (z_k − x_k),  z_{k+1} = y_k − α ∇f(y_k),
    x_{k+1} = x_k + q δ_k (y_k − x_k) − δ_k α ∇f(y_k).

    The information-theoretic exact method for L-smooth, μ-strongly convex functions. With
    q = μ/L, A_0 = 0 and A_{k+1} = ((1 + q) A_k + 2 (1 + √((1 + A_k)(1 + q A_k)))) / (1 − q)²,
    β_k = A_k / ((1 − q) A_{k+1}) and δ_k = (1 + √((1 + A_k)(1 + q A_k))) / (1 + q + q A_k).
    With α = 1/L, ‖x_k − x⋆‖² ≤ ‖x_0 − x⋆‖² / (1 + q A_k) for every k, and no first-order method
    guarantees less in high dimension. It needs no horizon and tends to the triple momentum
    method.

    Args:
        L: Lipschitz constant of the gradient, positive.
        mu: strong convexity constant, 0 < mu < L.

    Raises:
        UsageError: the constants are not ordered 0 < mu < L.

    Source: [taylor2023], Theorem 3; no smaller guarantee: [drori2022].

    Example:
        >>> method = ITEM(L=4.0, mu=1.0)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> round(state.x, 6)  # δ_0 = 2/(1 + q) = 1.6
        2.4
    """

    L: float
    mu: float
    _weights: list[float] = field(
        default_factory=lambda: [0.0], init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        require_curvature(self.L, self.mu)
        require_curved(self.L, self.mu)

    def init(self, x0: Any) -> ExactState:
        """Return the state at rest at the starting point `x0`."""
        return ExactState(x=x0, descended=x0, k=0)

    def query(self, state: ExactState) -> Any:
        """Return y_k."""
        toward, _ = self._coefficients(state.k)
        return state.x + toward * (state.descended - state.x)

    def step(self, state: ExactState, grad: Any, step_size: float) -> ExactState:
        """Return the state after one step."""
        _, reach = self._coefficients(state.k)
        point, change = self.query(state), step_size * grad
        pull = self.mu / self.L * reach
        return ExactState(
            x=state.x + pull * (point - state.x) - reach * change,
            descended=point - change,
            k=state.k + 1,
        )

    def weight(self, k: int) -> float:
        """Return A_k, where the guarantee is 1/(1 + q A_k); infinite once it exceeds 1e40.

        Raises:
            UsageError: k is not a whole number, 0 or larger.

        Example:
            >>> ITEM(L=4.0, mu=1.0).weight(1)  # 4 / (1 − q)²
            7.111111111111111
        """
        require_count(k, "k")
        self._grow(k)
        return self._weights[k] if k < len(self._weights) else math.inf

    def _coefficients(self, k: int) -> tuple[float, float]:
        q = self.mu / self.L
        self._grow(k + 1)
        at = min(k, len(self._weights) - 2)
        now, following = self._weights[at], self._weights[at + 1]
        reach = (1 + math.sqrt((1 + now) * (1 + q * now))) / (1 + q + q * now)
        return now / ((1 - q) * following), reach

    def _grow(self, k: int) -> None:
        q, weights = self.mu / self.L, self._weights
        while len(weights) <= k and q * weights[-1] < LARGEST_WEIGHT:
            root = math.sqrt((1 + weights[-1]) * (1 + q * weights[-1]))
            weights.append(((1 + q) * weights[-1] + 2 * (1 + root)) / (1 - q) ** 2)
