"""Nesterov's method with weights that follow the step size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from nagcore.core.checks import require_not_negative, require_positive
from nagcore.core.proximal import Prox
from nagcore.errors import UsageError

# From here on 1 + μA is μA to the last digit, so that a larger A would change no weight. Without
# the ceiling A, which grows geometrically where μ > 0, would overflow.
_CEILING = 2.0**60


class AdaptiveNesterovState(NamedTuple):
    """The iterate x_k, the averaging point z_k, the number k of steps taken, the weight A_k, and
    the size of the step to come (None before the first one)."""

    x: Any
    z: Any
    k: int
    weight: float
    step_size: float | None


class _Weights(NamedTuple):
    # what one step of size α adds to A, how far y lies towards z, how far z moves
    gain: float
    towards: float
    stride: float


@dataclass(frozen=True)
class AdaptiveNesterov:
    r"""y_k = x_k + τ_k (z_k − x_k),  x_{k+1} = prox_{αh}(y_k − α ∇f(y_k)),
    z_{k+1} = z_k + δ_k (μ (y_k − z_k) − (y_k − x_{k+1})/α).

    Nesterov's method in three sequences, with weights that follow a step size α = α_k which may
    rise and fall at every step. With A_0 = 0, A' = A_{k+1} and A = A_k,
    (A' − A)² = α A' (1 + μA'), τ = (A' − A)(1 + μA)/(A' + 2μAA' − μA²) and
    δ = (A' − A)/(1 + μA').

    Let f be convex (μ-strongly convex), h convex, F = f + h, and let each step satisfy
    f(x_{k+1}) ≤ f(y_k) + ⟨∇f(y_k), x_{k+1} − y_k⟩ + ‖x_{k+1} − y_k‖²/(2α), which α ≤ 1/L
    ensures. Then A_k (F(x_k) − F⋆) + (1 + μA_k)/2 ‖z_k − x⋆‖² never grows, so that the gap is at
    most ‖x_0 − x⋆‖²/(2A_k), where A_k ≥ (√α_0 + ½ Σ_{0<i<k} √α_i)². For a constant step size
    and μ = 0 this is the method of 1983, and its bound.

    Args:
        mu: μ, the strong convexity of f alone, not negative; 0 where it is unknown.
        prox: the proximal operator of h, called with a point and a step size; None for h = 0.

    Raises:
        UsageError: μ is negative or not finite; a step size is not positive or has μα ≥ 1; or the
            size of a step is not the one that was planned.

    Source: the weights and the potential: [daspremont2021], §4.4 to §4.6; step sizes that grow
    and shrink: [calatroni2019].

    Example:
        >>> method = AdaptiveNesterov()
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> state.x, state.z, state.weight
        (3.0, 3.0, 0.25)
        >>> state = method.plan(state, step_size=0.5)
        >>> method.query(state)
        3.0
        >>> round(method.step(state, grad=3.0, step_size=0.5).weight, 4)  # (A' − ¼)² = ½ A'
        0.933
    """

    mu: float = 0.0
    prox: Prox | None = None

    def __post_init__(self) -> None:
        require_not_negative(self.mu, "mu")

    @property
    def longest_step(self) -> float:
        """Return the longest step size to try, a little below 1/μ: a step of 1/μ or more passes
        the descent test only where f is a quadratic of curvature μ."""
        return 0.999 / self.mu if self.mu > 0 else math.inf

    def init(self, x0: Any) -> AdaptiveNesterovState:
        """Return the state at rest at the starting point `x0`."""
        return AdaptiveNesterovState(x=x0, z=x0, k=0, weight=0.0, step_size=None)

    def plan(self, state: AdaptiveNesterovState, step_size: float) -> AdaptiveNesterovState:
        """Return the state that knows the size of the step to come.

        Without it the size of the step before is taken to stay.

        Raises:
            UsageError: the step size is not positive and finite.
        """
        if not 0 < step_size < math.inf:
            require_positive(step_size, "step_size")
        return state._replace(step_size=step_size)

    def query(self, state: AdaptiveNesterovState) -> Any:
        """Return y_k, a point between the iterate and the averaging point."""
        if state.step_size is None or state.weight == 0:
            return state.x  # where z_k lies too, so that no weight matters
        towards = self._weights(state.weight, state.step_size).towards
        return state.x + towards * (state.z - state.x)

    def step(
        self, state: AdaptiveNesterovState, grad: Any, step_size: float
    ) -> AdaptiveNesterovState:
        """Return the state after one short step to x and one long step of z."""
        if state.weight != 0 and step_size != state.step_size:
            raise UsageError(
                f"step_size is {step_size!r}, expected {state.step_size!r}, for which the query "
                "point was made; call plan(state, step_size) before query"
            )
        y, weights = self.query(state), self._weights(state.weight, step_size)
        x = y - step_size * grad
        push = grad
        if self.prox is not None:
            x = self.prox(x, step_size)
            push = (1 / step_size) * (y - x)
        z = state.z - weights.stride * push
        weight = state.weight + weights.gain
        if self.mu > 0:
            z = z + (weights.stride * self.mu) * (y - state.z)
            weight = min(weight, _CEILING / self.mu)
        return AdaptiveNesterovState(x, z, state.k + 1, weight, step_size)

    def _weights(self, A: float, step_size: float) -> _Weights:
        mu, left = self.mu, 1 - self.mu * step_size
        if not 0 < step_size < math.inf:
            require_positive(step_size, "step_size")
        if not left > 0:
            raise UsageError(
                f"step_size is {step_size!r} and mu is {mu!r}, expected step_size < 1/mu: "
                "mu is at most L, and the step size at most 1/L"
            )
        # the positive root of (A' − A)² = α A' (1 + μA'), every term of it positive
        root = math.sqrt(step_size * (step_size + 4 * A * (1 + mu * A)))
        gain = (step_size * (1 + 2 * mu * A) + root) / (2 * left)
        towards = gain * (1 + mu * A) / (A + gain + mu * A * (A + 2 * gain))
        return _Weights(gain, towards, gain / (1 + mu * (A + gain)))
