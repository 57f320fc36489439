"""Gradient descent and Nesterov's method for a smooth function plus a simple one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nagcore.core.gradient_descent import GradientDescentState
from nagcore.core.momentum import Momentum1983, MomentumSequence, as_sequence
from nagcore.core.nesterov import NesterovState
from nagcore.errors import UsageError

Prox = Callable[[Any, float], Any]
"""(v, α) ↦ argmin_u h(u) + ‖u − v‖²/(2α)."""


@dataclass(frozen=True)
class ProximalGradient:
    r"""x_{k+1} = prox_{αh}(x_k − α ∇f(x_k)), for the minimum of f + h.

    f is convex with L-Lipschitz gradient and h is convex with a known proximal operator. With
    α = 1/L the gap after k steps is at most L‖x_0 − x⋆‖² / (2k).

    Args:
        prox: the proximal operator of h, called with a point and a step size.

    Raises:
        UsageError: `prox` cannot be called.

    Source: [beck2009], Theorem 3.1.

    Example:
        One step on f(x) = x²/2 with h = 0 above 1 and infinite below.

        >>> method = ProximalGradient(prox=lambda v, step_size: max(v, 1.0))
        >>> method.step(method.init(3.0), grad=3.0, step_size=1.0).x
        1.0
    """

    prox: Prox

    def __post_init__(self) -> None:
        _require_prox(self.prox)

    def init(self, x0: Any) -> GradientDescentState:
        """Return the state at the starting point `x0`."""
        return GradientDescentState(x=x0, k=0)

    def query(self, state: GradientDescentState) -> Any:
        """Return the iterate."""
        return state.x

    def step(
        self, state: GradientDescentState, grad: Any, step_size: float
    ) -> GradientDescentState:
        """Return the state after one step against `grad`, the gradient of f alone."""
        x = self.prox(state.x - step_size * grad, step_size)
        return GradientDescentState(x=x, k=state.k + 1)


@dataclass(frozen=True)
class FISTA:
    r"""y_k = x_k + β_k (x_k − x_{k−1}),  x_{k+1} = prox_{αh}(y_k − α ∇f(y_k)).

    Nesterov's method for the minimum of f + h: f is convex with L-Lipschitz gradient and h is
    convex with a known proximal operator. With α = 1/L and the sequence of 1983 the gap after k
    steps is at most 2L‖x_0 − x⋆‖² / (k + 1)². The bound also holds for step sizes that never
    grow, with 1/α of the last step for L; where they may grow, use `AdaptiveNesterov`.

    Args:
        prox: the proximal operator of h, called with a point and a step size.
        momentum: a sequence k ↦ β_k (the sequence of 1983 if left out), or a number in [0, 1).

    Raises:
        UsageError: `prox` cannot be called, or a constant momentum lies outside [0, 1).

    Source: [beck2009], Theorem 4.4.

    Example:
        >>> method = FISTA(prox=lambda v, step_size: max(v, 1.0), momentum=0.5)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.5)
        >>> state.x, method.query(state)  # 4 − 2, and 2 + 0.5·(−2)
        (2.0, 1.0)
        >>> method.step(state, grad=1.0, step_size=0.5).x
        1.0
    """

    prox: Prox
    momentum: MomentumSequence | float = field(default_factory=Momentum1983)

    def __post_init__(self) -> None:
        _require_prox(self.prox)
        object.__setattr__(self, "momentum", as_sequence(self.momentum))

    def init(self, x0: Any) -> NesterovState:
        """Return the state at rest at the starting point `x0`."""
        return NesterovState(x=x0, displacement=x0 - x0, k=0)

    def query(self, state: NesterovState) -> Any:
        """Return y_k, the iterate carried on by its own momentum."""
        return state.x + as_sequence(self.momentum)(state.k) * state.displacement

    def step(self, state: NesterovState, grad: Any, step_size: float) -> NesterovState:
        """Return the state after one step from the query point; `grad` is that of f alone."""
        x = self.prox(self.query(state) - step_size * grad, step_size)
        return NesterovState(x=x, displacement=x - state.x, k=state.k + 1)


def _require_prox(prox: object) -> None:
    if not callable(prox):
        raise UsageError(
            f"prox is {prox!r}, expected a function of a point and a step size; "
            "of a regularizer give the method, for example L1(0.1).prox"
        )
