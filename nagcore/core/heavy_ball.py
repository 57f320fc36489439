"""Polyak's heavy-ball method as a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from nagcore.core.momentum import MomentumSequence, as_sequence


class HeavyBallState(NamedTuple):
    """The iterate x_k, the displacement x_k − x_{k−1} and the number k of steps taken."""

    x: Any
    displacement: Any
    k: int


@dataclass(frozen=True)
class HeavyBall:
    r"""x_{k+1} = x_k − α ∇f(x_k) + β_k (x_k − x_{k−1}).

    The gradient is taken at the iterate and the momentum is added afterwards: this order is all
    that separates the method from Nesterov's. With α = 4/(√L + √μ)² and
    β = ((√κ − 1)/(√κ + 1))² it has the best rate on quadratics; on other smooth, strongly
    convex functions the same tuning may cycle for ever.

    Args:
        momentum: β, a number in [0, 1), or a sequence k ↦ β_k.

    Raises:
        UsageError: a constant momentum lies outside [0, 1).

    Source: [polyak1964]; the cycle: [lessard2016], §4.6.

    Example:
        >>> method = HeavyBall(momentum=0.5)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> state.x, state.displacement
        (3.0, -1.0)
        >>> method.step(state, grad=3.0, step_size=0.25).x  # 3 − 0.75 + 0.5·(−1)
        1.75
    """

    momentum: MomentumSequence | float

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", as_sequence(self.momentum))

    def init(self, x0: Any) -> HeavyBallState:
        """Return the state at rest at the starting point `x0`."""
        return HeavyBallState(x=x0, displacement=x0 - x0, k=0)

    def query(self, state: HeavyBallState) -> Any:
        """Return the iterate: the gradient is taken before the momentum is added."""
        return state.x

    def step(self, state: HeavyBallState, grad: Any, step_size: float) -> HeavyBallState:
        """Return the state after one step."""
        momentum = as_sequence(self.momentum)(state.k)
        displacement = momentum * state.displacement - step_size * grad
        return HeavyBallState(x=state.x + displacement, displacement=displacement, k=state.k + 1)
