"""Adan, Nesterov's momentum by differences of gradients, as a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from nagcore.core.adam import adaptive_scale, averaged
from nagcore.core.checks import require_momentum, require_not_negative


class AdanState(NamedTuple):
    """The iterate, three averages, the gradient before (None at first) and the number of steps."""

    x: Any
    mean: Any
    difference: Any
    square: Any
    last_grad: Any
    k: int


@dataclass(frozen=True)
class Adan:
    r"""x_{k+1} = (x_k − α (m̂ + β₂ d̂) / (√n̂ + ε)) / (1 + α λ).

    Averages of the gradient g, of its change g − g₋₁, and of the square of g + β₂ (g − g₋₁), the
    gradient as it is expected one step ahead; each divided by its 1 − βᵢ^{k+1}. The first change
    is 0. The βᵢ are the weights of the old averages, as in the authors' program; in the paper βᵢ
    is the weight of what is new, and the change has the factor 1 − β₂. The decay of the weights
    is a proximal step: it takes effect after the step along the gradient.

    Args:
        beta1: of the average of gradients, in [0, 1).
        beta2: of the average of changes, in [0, 1).
        beta3: of the average of squares, in [0, 1).
        eps: ε, 0 or larger, in units of the gradient.
        weight_decay: λ, 0 or larger.

    Raises:
        UsageError: a value is out of its range.

    Source: [xie2024], Algorithm 1.

    Example:
        >>> method = Adan(eps=0.0)
        >>> round(method.step(method.init(1.0), grad=250.0, step_size=0.1).x, 12)
        0.9
    """

    beta1: float = 0.98
    beta2: float = 0.92
    beta3: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    takes_gradient_step = False

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2", "beta3"):
            require_momentum(getattr(self, name), name)
        require_not_negative(self.eps, "eps")
        require_not_negative(self.weight_decay, "weight_decay")

    def init(self, x0: Any) -> AdanState:
        """Return the state at the starting point `x0`, all averages 0."""
        zero = x0 - x0
        return AdanState(x0, mean=zero, difference=zero, square=zero, last_grad=None, k=0)

    def query(self, state: AdanState) -> Any:
        """Return the iterate."""
        return state.x

    def step(self, state: AdanState, grad: Any, step_size: float) -> AdanState:
        """Return the state after one step."""
        k = state.k + 1
        change = grad - (grad if state.last_grad is None else state.last_grad)
        ahead = grad + self.beta2 * change
        mean = averaged(self.beta1, state.mean, grad)
        difference = averaged(self.beta2, state.difference, change)
        square = averaged(self.beta3, state.square, ahead * ahead)
        direction = mean / (1 - self.beta1**k) + self.beta2 / (1 - self.beta2**k) * difference
        moved = state.x - step_size * (direction / adaptive_scale(square, self.beta3, k, self.eps))
        x = moved / (1 + step_size * self.weight_decay)
        return AdanState(x, mean, difference, square, grad, k)
