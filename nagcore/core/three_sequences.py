"""Nesterov's method with three sequences of points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nagcore.core.momentum import VariableStronglyConvexMomentum


class ThreeSequencesState(NamedTuple):
    """The iterate x_k, the averaging point z_k and the number k of steps taken."""

    x: Any
    z: Any
    k: int


@dataclass(frozen=True)
class ThreeSequences:
    r"""y_k = x_k + τ_k (z_k − x_k),  x_{k+1} = y_k − α ∇f(y_k),
    z_{k+1} = z_k + t_k (q (y_k − z_k) − α ∇f(y_k)).

    The weights t_k are those of `VariableStronglyConvexMomentum(L, mu)`, q = μ/L and
    τ_k = 1/(t_k + q t_{k−1}²). In exact arithmetic the iterates are those of `Nesterov` with that
    sequence, for mu = 0 those of the sequence of 1983. The long steps of z explain the method:
    with α = 1/L and A_k = 1/(1/t_{k−1}² − q), A_0 = 0, the potential
    A_k (f(x_k) − f⋆) + L (1 + q A_k)/2 ‖z_k − x⋆‖² never grows, so the gap is at most
    (1/t_{k−1}² − q) L‖x_0 − x⋆‖² / 2.

    Args:
        L: Lipschitz constant of the gradient, positive.
        mu: strong convexity constant, 0 ≤ mu < L; 0 for a function that is convex only.

    Raises:
        UsageError: the constants are not ordered 0 ≤ mu < L.

    Source: [daspremont2021], §4.4 and §4.5.

    Example:
        >>> method = ThreeSequences()
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> state.x, state.z
        (3.0, 3.0)
        >>> round(method.step(state, grad=3.0, step_size=0.25).z, 4)  # z steps t_1 = 1.618 as far
        1.7865
    """

    L: float = 1.0
    mu: float = 0.0
    _sequence: VariableStronglyConvexMomentum = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sequence", VariableStronglyConvexMomentum(self.L, self.mu))

    def init(self, x0: Any) -> ThreeSequencesState:
        """Return the state at rest at the starting point `x0`."""
        return ThreeSequencesState(x=x0, z=x0, k=0)

    def query(self, state: ThreeSequencesState) -> Any:
        """Return y_k, a point between the iterate and the averaging point."""
        if state.k == 0:
            return state.x
        t, before = self._sequence.t(state.k), self._sequence.t(state.k - 1)
        return state.x + 1 / (t + self.mu / self.L * before**2) * (state.z - state.x)

    def step(self, state: ThreeSequencesState, grad: Any, step_size: float) -> ThreeSequencesState:
        """Return the state after one short step to x and one long step of z."""
        y, t = self.query(state), self._sequence.t(state.k)
        z = state.z + t * (self.mu / self.L * (y - state.z) - step_size * grad)
        return ThreeSequencesState(x=y - step_size * grad, z=z, k=state.k + 1)
