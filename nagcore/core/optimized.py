"""The optimized gradient methods as rules: no first-order method has a smaller worst case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from nagcore.core.constants import require_number_of_steps
from nagcore.core.momentum import extrapolation, last_extrapolation
from nagcore.errors import UsageError


class OptimizedState(NamedTuple):
    """The iterate x_k, the query point y_k, the last descended point z_k and the number k."""

    x: Any
    query_point: Any
    descended: Any
    k: int


@dataclass(frozen=True)
class OGM:
    r"""z_{k+1} = y_k − α ∇f(y_k),  y_{k+1} = z_{k+1} + (θ_k − 1)/θ_{k+1} (z_{k+1} − z_k)
                                                  + θ_k/θ_{k+1} (z_{k+1} − y_k).

    Nesterov's method of 1983 with one more term, worth a factor of two. θ is its sequence t; made
    for n = `steps` steps, the last one is θ_n = (1 + √(1 + 8 θ_{n−1}²)) / 2, the iterate is
    x_k = y_k, and with α = 1/L the gap after n steps on a convex function with L-Lipschitz
    gradient is at most L‖x_0 − x⋆‖² / (2 θ_n²). No first-order method guarantees less in high
    dimension. Without `steps` the iterate is x_k = z_k, any k may be the last, and the gap after
    k steps is at most L‖x_0 − x⋆‖² / (4 θ_{k−1}²).

    Args:
        steps: the number n of steps that will be taken, 1 or more; unknown if left out.

    Raises:
        UsageError: `steps` is not a whole number, 1 or more, or a step beyond it is taken.

    Source: [kim2016], Theorem 2; no smaller guarantee: [drori2017], Theorem 3; without `steps`:
    [kim2017].

    Example:
        >>> method = OGM(steps=2)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> round(state.x, 6)  # 3 + 0 · (3 − 4) + 1/1.618034 · (3 − 4)
        2.381966
        >>> state = method.step(state, grad=1.0, step_size=0.25)
        >>> method.step(state, grad=1.0, step_size=0.25)
        Traceback (most recent call last):
        nagcore.errors.UsageError: OGM was made for 2 steps and step 3 was asked for: ...
    """

    steps: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            require_number_of_steps(self.steps)

    def init(self, x0: Any) -> OptimizedState:
        """Return the state at rest at the starting point `x0`."""
        return OptimizedState(x=x0, query_point=x0, descended=x0, k=0)

    def query(self, state: OptimizedState) -> Any:
        """Return y_k."""
        return state.query_point

    def step(self, state: OptimizedState, grad: Any, step_size: float) -> OptimizedState:
        """Return the state after one step.

        Raises:
            UsageError: all the steps that the method was made for are taken.
        """
        _require_step_left(self, state.k, self.steps)
        theta, following = extrapolation(state.k), self._theta(state.k + 1)
        moved = _move(state, grad, step_size, (theta - 1) / following, theta / following)
        return moved if self.steps is not None else moved._replace(x=moved.descended)

    def _theta(self, k: int) -> float:
        return last_extrapolation(k) if k == self.steps else extrapolation(k)


@dataclass(frozen=True)
class OGMG:
    r"""z_{k+1} = y_k − α ∇f(y_k),  y_{k+1} = z_{k+1} + b_k (z_{k+1} − z_k) + c_k (z_{k+1} − y_k).

    The optimized gradient method read backwards: it makes the gradient small, not the gap. With
    θ_n = 1, θ_k = (1 + √(1 + 4 θ_{k+1}²)) / 2 and at the end θ_0 = (1 + √(1 + 8 θ_1²)) / 2,
    c_k = (2θ_{k+1} − 1)/(2θ_k − 1) and b_k = c_k (θ_k − 1)/θ_k. The iterate is x_k = y_k. With
    α = 1/L, ‖∇f(x_n)‖² ≤ 2L (f(x_0) − f⋆) / θ_0² on every convex function with L-Lipschitz
    gradient, and no smaller bound holds for this method.

    Args:
        steps: the number n of steps that will be taken, 1 or more.

    Raises:
        UsageError: `steps` is not a whole number, 1 or more, or a step beyond it is taken.

    Source: [kim2021], Theorem 6.1.

    Example:
        >>> method = OGMG(steps=1)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> state.x  # θ_0 = 2, so 3 + 1/6 · (3 − 4) + 1/3 · (3 − 4)
        2.5
    """

    steps: int

    def __post_init__(self) -> None:
        require_number_of_steps(self.steps)

    def init(self, x0: Any) -> OptimizedState:
        """Return the state at rest at the starting point `x0`."""
        return OptimizedState(x=x0, query_point=x0, descended=x0, k=0)

    def query(self, state: OptimizedState) -> Any:
        """Return y_k, which is the iterate."""
        return state.query_point

    def step(self, state: OptimizedState, grad: Any, step_size: float) -> OptimizedState:
        """Return the state after one step.

        Raises:
            UsageError: all the steps that the method was made for are taken.
        """
        _require_step_left(self, state.k, self.steps)
        thetas = backward_extrapolations(int(self.steps))
        theta, following = thetas[state.k], thetas[state.k + 1]
        at_point = (2 * following - 1) / (2 * theta - 1)
        return _move(state, grad, step_size, at_point * (theta - 1) / theta, at_point)


@lru_cache(maxsize=8)
def backward_extrapolations(steps: int) -> tuple[float, ...]:
    """Return θ_0 … θ_n of the method for small gradients: 1 at the end, doubled at the start.

    Args:
        steps: n, 1 or more.

    Source: [kim2021], Section 6.3.

    Example:
        >>> backward_extrapolations(1)
        (2.0, 1.0)
    """
    return (last_extrapolation(steps), *(extrapolation(steps - k) for k in range(1, steps + 1)))


def _move(
    state: OptimizedState, grad: Any, step_size: float, momentum: float, at_point: float
) -> OptimizedState:
    change = step_size * grad
    descended = state.query_point - change
    point = descended + momentum * (descended - state.descended) - at_point * change
    return OptimizedState(x=point, query_point=point, descended=descended, k=state.k + 1)


def _require_step_left(method: object, k: int, steps: int | None) -> None:
    if steps is not None and k >= steps:
        raise UsageError(
            f"{type(method).__name__} was made for {steps} steps and step {k + 1} was asked for: "
            "its last step is unlike the others, so make it with a larger `steps`, or start "
            "again with init(state.x)"
        )
