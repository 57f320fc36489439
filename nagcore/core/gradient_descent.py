"""Gradient descent as a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class GradientDescentState(NamedTuple):
    """The iterate x_k and the number k of steps taken."""

    x: Any
    k: int


@dataclass(frozen=True)
class GradientDescent:
    r"""x_{k+1} = x_k − α ∇f(x_k).

    On a convex function with L-Lipschitz gradient and α = 1/L the gap after k steps is at most
    L‖x_0 − x⋆‖² / (4k + 2), and no smaller bound holds for all such functions.

    Source: [drori2014], Theorems 3.1 and 3.2.

    Example:
        One step on f(x) = x²/2 with step size 1/L = 1 reaches the minimum.

        >>> method = GradientDescent()
        >>> state = method.init(3.0)
        >>> method.step(state, grad=method.query(state), step_size=1.0).x
        0.0
    """

    def init(self, x0: Any) -> GradientDescentState:
        """Return the state at the starting point `x0`."""
        return GradientDescentState(x=x0, k=0)

    def query(self, state: GradientDescentState) -> Any:
        """Return the iterate: gradient descent asks for the gradient where it stands."""
        return state.x

    def step(
        self, state: GradientDescentState, grad: Any, step_size: float
    ) -> GradientDescentState:
        """Return the state after one step against `grad`."""
        return GradientDescentState(x=state.x - step_size * grad, k=state.k + 1)
