"""Momentum in three places as one rule: the triple and the robust momentum method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from nagcore.core.checks import require_momentum, require_not_negative


class TripleMomentumState(NamedTuple):
    """The iterate x_k, the centre ξ_k, its displacement ξ_k − ξ_{k−1} and the number k."""

    x: Any
    center: Any
    displacement: Any
    k: int


@dataclass(frozen=True)
class TripleMomentum:
    r"""ξ_{k+1} = ξ_k + β d_k − α ∇f(y_k) with d_k = ξ_k − ξ_{k−1}, y_k = ξ_k + γ d_k,
    x_k = ξ_k + δ d_k.

    The displacement of the centre ξ counts three times: in the move, in the query point and in
    the iterate. γ = δ = 0 is heavy ball and γ = β, δ = 0 is Nesterov's method. The numbers that
    give the smallest known guarantee for strongly convex functions come from
    `tune_triple_momentum`, and those that give away some of it for robustness against errors in
    the gradient from `tune_robust_momentum`; both also give the step size.

    Args:
        momentum: β in [0, 1).
        query_momentum: γ, not negative.
        output_momentum: δ, not negative.

    Raises:
        UsageError: a number lies outside its range.

    Source: [vanscoy2018], §II; the robust method: [cyrus2018], §III.

    Example:
        >>> method = TripleMomentum(momentum=0.5, query_momentum=0.25, output_momentum=1.0)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> state.center, state.x, method.query(state)
        (3.0, 2.0, 2.75)
    """

    momentum: float
    query_momentum: float
    output_momentum: float

    def __post_init__(self) -> None:
        require_momentum(self.momentum)
        require_not_negative(self.query_momentum, "query_momentum")
        require_not_negative(self.output_momentum, "output_momentum")

    def init(self, x0: Any) -> TripleMomentumState:
        """Return the state at rest at the starting point `x0`."""
        return TripleMomentumState(x=x0, center=x0, displacement=x0 - x0, k=0)

    def query(self, state: TripleMomentumState) -> Any:
        """Return y_k."""
        return state.center + self.query_momentum * state.displacement

    def step(self, state: TripleMomentumState, grad: Any, step_size: float) -> TripleMomentumState:
        """Return the state after one step."""
        displacement = self.momentum * state.displacement - step_size * grad
        center = state.center + displacement
        return TripleMomentumState(
            x=center + self.output_momentum * displacement,
            center=center,
            displacement=displacement,
            k=state.k + 1,
        )
