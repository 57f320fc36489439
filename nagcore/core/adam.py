"""Adam, and Adam with Nesterov's momentum, as rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from nagcore.core.checks import require_momentum, require_not_negative


class AdamState(NamedTuple):
    """The iterate, the averages of gradients and of their squares, and the number of steps."""

    x: Any
    mean: Any
    square: Any
    k: int


class NAdamState(NamedTuple):
    """As `AdamState`, with the product μ_1 ⋯ μ_k of the momenta so far."""

    x: Any
    mean: Any
    square: Any
    product: float
    k: int


@dataclass(frozen=True)
class Adam:
    r"""x_{k+1} = x_k − α m̂_{k+1} / (√v̂_{k+1} + ε), with m̂, v̂ the unbiased averages of g and g².

    m_{k+1} = β₁ m_k + (1 − β₁) g_k and v_{k+1} = β₂ v_k + (1 − β₂) g_k², elementwise, divided by
    1 − β₁^{k+1} and 1 − β₂^{k+1}. The first steps are of size α in every coordinate, whatever the
    size of the gradient.

    Args:
        beta1: weight β₁ of the old average of gradients, in [0, 1).
        beta2: weight β₂ of the old average of squares, in [0, 1).
        eps: ε, 0 or larger, in units of the gradient.

    Raises:
        UsageError: a value is out of its range.

    Source: [kingma2015], Algorithm 1.

    Example:
        >>> method = Adam(eps=0.0)
        >>> round(method.step(method.init(1.0), grad=250.0, step_size=0.1).x, 12)
        0.9
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    takes_gradient_step = False

    def __post_init__(self) -> None:
        require_momentum(self.beta1, "beta1")
        require_momentum(self.beta2, "beta2")
        require_not_negative(self.eps, "eps")

    def init(self, x0: Any) -> AdamState:
        """Return the state at the starting point `x0`, all averages 0."""
        return AdamState(x=x0, mean=x0 - x0, square=x0 - x0, k=0)

    def query(self, state: AdamState) -> Any:
        """Return the iterate."""
        return state.x

    def step(self, state: AdamState, grad: Any, step_size: float) -> AdamState:
        """Return the state after one step."""
        mean, scale, square = self.averages(state, grad)
        unbiased = mean / (1 - self.beta1 ** (state.k + 1))
        return AdamState(state.x - step_size * (unbiased / scale), mean, square, state.k + 1)

    def averages(self, state: AdamState | NAdamState, grad: Any) -> tuple[Any, Any, Any]:
        """Return m_{k+1}, the scale √v̂_{k+1} + ε, and v_{k+1}."""
        mean = self.beta1 * state.mean + (1 - self.beta1) * grad
        square = self.beta2 * state.square + (1 - self.beta2) * (grad * grad)
        unbiased = square / (1 - self.beta2 ** (state.k + 1))
        return mean, unbiased**0.5 + self.eps, square


@dataclass(frozen=True)
class NAdam:
    r"""x_{k+1} = x_k − α (μ_{k+2} m_{k+1}/(1 − Π_{k+2}) + (1 − μ_{k+1}) g_k/(1 − Π_{k+1})) / s.

    Adam whose step already holds the next momentum: s = √v̂_{k+1} + ε,
    μ_j = β₁ (1 − ½ 0.96^{ψ j}) and Π_j = μ_1 ⋯ μ_j. The average m uses the constant β₁, as in
    `torch.optim.NAdam`; other libraries leave out the schedule or write it differently.

    Args:
        beta1: weight β₁, in [0, 1).
        beta2: weight β₂, in [0, 1).
        eps: ε, 0 or larger.
        decay: ψ, how fast μ_j grows from β₁/2 to β₁, 0 or larger.

    Raises:
        UsageError: a value is out of its range.

    Source: [dozat2016], Algorithm 2.

    Example:
        >>> method = NAdam()
        >>> state = method.step(method.init(1.0), grad=1.0, step_size=0.1)
        >>> round(state.x, 4)
        0.8944
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    decay: float = 0.004
    takes_gradient_step = False

    def __post_init__(self) -> None:
        Adam(self.beta1, self.beta2, self.eps)  # refuses what it would refuse
        require_not_negative(self.decay, "decay")

    def init(self, x0: Any) -> NAdamState:
        """Return the state at the starting point `x0`, all averages 0."""
        return NAdamState(x=x0, mean=x0 - x0, square=x0 - x0, product=1.0, k=0)

    def query(self, state: NAdamState) -> Any:
        """Return the iterate."""
        return state.x

    def momentum(self, j: int) -> float:
        """Return μ_j, j = 1, 2, …"""
        return self.beta1 * (1 - 0.5 * 0.96 ** (j * self.decay))

    def step(self, state: NAdamState, grad: Any, step_size: float) -> NAdamState:
        """Return the state after one step."""
        averages = Adam(self.beta1, self.beta2, self.eps)
        mean, scale, square = averages.averages(state, grad)
        now, following = self.momentum(state.k + 1), self.momentum(state.k + 2)
        product = state.product * now
        gradient_part = (1 - now) / (1 - product) * grad
        momentum_part = following / (1 - product * following) * mean
        x = state.x - step_size * ((gradient_part + momentum_part) / scale)
        return NAdamState(x, mean, square, product, state.k + 1)
