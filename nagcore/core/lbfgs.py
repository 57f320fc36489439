"""L-BFGS as a rule, for comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from nagcore.core.checks import require_count
from nagcore.core.inner import inner
from nagcore.errors import UsageError


class LBFGSState(NamedTuple):
    """The iterate, what was seen one step ago (None at first), the pairs kept, and the steps."""

    x: Any
    last: tuple[Any, Any] | None
    pairs: tuple[tuple[Any, Any, float], ...]
    k: int


@dataclass(frozen=True)
class LBFGS:
    r"""x_{k+1} = x_k − α H_k ∇f(x_k), with H_k the inverse Hessian as the last m steps show it.

    H_k follows from the pairs s = x_{j+1} − x_j, u = ∇f(x_{j+1}) − ∇f(x_j) by the two-loop
    recursion, from γI with γ = sᵀu/uᵀu of the latest pair, and from I while there is none. A pair
    without positive curvature is not kept. The step size is usually 1 and needs a line search
    where the function is not close to a quadratic. `Backtracking` is none for this rule, because
    it tries the plain step x_k − α ∇f(x_k); for solving a problem use SciPy's L-BFGS-B, which has
    a line search.

    Args:
        memory: number m of pairs kept, at least 1.

    Raises:
        UsageError: `memory` is not a whole number of at least 1.

    Source: [liu1989].

    Example:
        In one dimension the second step knows the curvature and reaches the minimum.

        >>> method = LBFGS()
        >>> state = method.init(3.0)
        >>> for _ in range(2):
        ...     state = method.step(state, grad=5.0 * state.x, step_size=1.0)
        >>> state.x
        0.0
    """

    memory: int = 10
    takes_gradient_step = False

    def __post_init__(self) -> None:
        require_count(self.memory, "memory")
        if self.memory == 0:
            raise UsageError("memory is 0, expected at least 1; without pairs use GradientDescent")

    def init(self, x0: Any) -> LBFGSState:
        """Return the state at the starting point `x0`, with nothing seen yet."""
        return LBFGSState(x=x0, last=None, pairs=(), k=0)

    def query(self, state: LBFGSState) -> Any:
        """Return the iterate."""
        return state.x

    def step(self, state: LBFGSState, grad: Any, step_size: float) -> LBFGSState:
        """Return the state after one step along −H_k ∇f(x_k)."""
        pairs = self._remembered(state, grad)
        x = state.x - step_size * _times_inverse_hessian(pairs, grad)
        return LBFGSState(x=x, last=(state.x, grad), pairs=pairs, k=state.k + 1)

    def _remembered(self, state: LBFGSState, grad: Any) -> tuple[tuple[Any, Any, float], ...]:
        if state.last is None:
            return ()
        s, u = state.x - state.last[0], grad - state.last[1]
        curvature = inner(s, u)
        if curvature <= 0:
            return state.pairs
        return (*state.pairs, (s, u, curvature))[-self.memory :]


def _times_inverse_hessian(pairs: tuple[tuple[Any, Any, float], ...], grad: Any) -> Any:
    direction, shares = grad, []
    for s, u, curvature in reversed(pairs):
        shares.append(inner(s, direction) / curvature)
        direction = direction - shares[-1] * u
    if pairs:
        _, u, curvature = pairs[-1]
        direction = curvature / inner(u, u) * direction
    for (s, u, curvature), share in zip(pairs, reversed(shares), strict=True):
        direction = direction + (share - inner(u, direction) / curvature) * s
    return direction
