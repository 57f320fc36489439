"""Adam as a rule, and the two averages that it shares with its kin."""

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
        k = state.k + 1
        mean = averaged(self.beta1, state.mean, grad)
        square = averaged(self.beta2, state.square, grad * grad)
        unbiased = mean / (1 - self.beta1**k)
        x = state.x - step_size * (unbiased / adaptive_scale(square, self.beta2, k, self.eps))
        return AdamState(x, mean, square, k)


def averaged(weight: Any, old: Any, new: Any) -> Any:
    """Return the average in which what was has the weight, and what comes the rest.

    Args:
        weight: of `old`, a number in [0, 1).
        old: the average before.
        new: what is taken into it.

    Example:
        >>> averaged(0.75, 4.0, 8.0)
        5.0
    """
    return weight * old + (1 - weight) * new


def adaptive_scale(square: Any, weight: Any, k: Any, eps: Any) -> Any:
    """Return √(v / (1 − β^k)) + ε: about the size of the gradient in each coordinate.

    Args:
        square: v, an average of squares that began with 0.
        weight: β, with which it was averaged.
        k: how many squares are in it.
        eps: ε, in units of the gradient.

    Source: [kingma2015], Algorithm 1.

    Example:
        >>> adaptive_scale(averaged(0.75, 0.0, 9.0), 0.75, 1, eps=0.0)
        3.0
    """
    return (square / (1 - weight**k)) ** 0.5 + eps
