"""Nesterov's accelerated gradient method as a rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nagcore.core.momentum import Momentum1983, MomentumSequence, as_sequence


class NesterovState(NamedTuple):
    """The iterate x_k, the displacement x_k − x_{k−1} and the number k of steps taken."""

    x: Any
    displacement: Any
    k: int


@dataclass(frozen=True)
class Nesterov:
    r"""y_k = x_k + β_k (x_k − x_{k−1}),  x_{k+1} = y_k − α ∇f(y_k).

    Momentum is added first and the gradient is taken where that leads. The method is fixed by
    its momentum sequence; the step size comes from outside and may change at every step. On a
    convex function with L-Lipschitz gradient, α = 1/L and the sequence of 1983, the gap after k
    steps is at most 2L‖x_0 − x⋆‖² / (k + 1)².

    Args:
        momentum: a sequence k ↦ β_k (the sequence of 1983 if left out), or a number in [0, 1).

    Raises:
        UsageError: a constant momentum lies outside [0, 1).

    Source: [nesterov1983], Theorem 1; the constant as stated: [beck2009], Theorem 4.4.

    Example:
        >>> method = Nesterov(momentum=0.5)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> state.x, state.displacement
        (3.0, -1.0)
        >>> method.query(state)  # 3 + 0.5·(−1)
        2.5
        >>> method.step(state, grad=2.5, step_size=0.25).x  # 2.5 − 0.625
        1.875
    """

    momentum: MomentumSequence | float = field(default_factory=Momentum1983)

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", as_sequence(self.momentum))

    def init(self, x0: Any) -> NesterovState:
        """Return the state at rest at the starting point `x0`."""
        return NesterovState(x=x0, displacement=x0 - x0, k=0)

    def query(self, state: NesterovState) -> Any:
        """Return y_k, the iterate carried on by its own momentum."""
        return state.x + as_sequence(self.momentum)(state.k) * state.displacement

    def step(self, state: NesterovState, grad: Any, step_size: float) -> NesterovState:
        """Return the state after one gradient step from the query point."""
        x = self.query(state) - step_size * grad
        return NesterovState(x=x, displacement=x - state.x, k=state.k + 1)
