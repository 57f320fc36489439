"""Adam with Nesterov's momentum, in each of the conventions in circulation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from nagcore.core.adam import Adam, adaptive_scale, averaged
from nagcore.core.checks import require_not_negative


class NAdamState(NamedTuple):
    """As `AdamState`, with the product μ_1 ⋯ μ_k of the momenta so far."""

    x: Any
    mean: Any
    square: Any
    product: float
    k: int


@dataclass(frozen=True)
class NAdam:
    r"""x_{k+1} = x_k − α (μ_{k+2} m_{k+1}/(1 − Π_{k+2}) + (1 − μ_{k+1}) g_k/(1 − Π_{k+1})) / s.

    Adam whose step already holds the next momentum: s = √v̂_{k+1} + ε,
    μ_j = β₁ (1 − ½ 0.96^{ψ j}) and Π_j = μ_1 ⋯ μ_j.

    Five methods go by this name, see `NADAM_CONVENTIONS`. The default is PyTorch's: what was
    tuned, published and saved with it carries over. Its average m uses the constant β₁, while the
    paper's uses the scheduled momentum (`PrintedNAdam`); Keras lets the schedule end 250 times
    sooner (ψ = 1) and Optax has none (ψ = ∞); TensorFlow's kernel has none either and corrects
    both parts alike (`TensorFlowNAdam`).

    Args:
        beta1: weight β₁, in [0, 1).
        beta2: weight β₂, in [0, 1).
        eps: ε, 0 or larger, in units of the gradient.
        decay: ψ, how fast μ_j grows from β₁/2 to β₁, 0 or larger; with infinity μ_j is β₁.

    Raises:
        UsageError: a value is out of its range.

    Source: [dozat2016], Algorithm 2, with the constant average of [paszke2019].

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
        if self.decay != math.inf:
            require_not_negative(self.decay, "decay")

    def init(self, x0: Any) -> NAdamState:
        """Return the state at the starting point `x0`, all averages 0."""
        return NAdamState(x=x0, mean=x0 - x0, square=x0 - x0, product=1.0, k=0)

    def query(self, state: NAdamState) -> Any:
        """Return the iterate."""
        return state.x

    def step(self, state: NAdamState, grad: Any, step_size: float) -> NAdamState:
        """Return the state after one step."""
        k = state.k + 1
        now, following = self.momentum(k), self.momentum(k + 1)
        product = state.product * now
        mean = averaged(self.weight(now), state.mean, grad)
        square = averaged(self.beta2, state.square, grad * grad)
        gradient_part = (1 - now) / (1 - product) * grad
        momentum_part = following / self.correction(product, following) * mean
        x = state.x - step_size * ((gradient_part + momentum_part) / self.scale(square, k))
        return NAdamState(x, mean, square, product, k)

    def momentum(self, j: Any) -> Any:
        """Return μ_j, j = 1, 2, …"""
        return self.beta1 * (1 - 0.5 * 0.96 ** (j * self.decay))

    def weight(self, momentum: Any) -> Any:  # noqa: ARG002
        """Return the weight of the old average of gradients in a step of this momentum: β₁."""
        return self.beta1

    def correction(self, product: Any, following: Any) -> Any:
        """Return what the average is divided by: 1 − Π_{k+2}, with the momentum to come."""
        return 1 - product * following

    def scale(self, square: Any, k: Any) -> Any:
        """Return s after k steps."""
        return adaptive_scale(square, self.beta2, k, self.eps)


@dataclass(frozen=True)
class PrintedNAdam(NAdam):
    r"""x_{k+1} = x_k − α (μ_{k+2} m_{k+1}/(1 − Π_{k+2}) + (1 − μ_{k+1}) g_k/(1 − Π_{k+1})) / s.

    `NAdam` as it was printed: m_{k+1} = μ_{k+1} m_k + (1 − μ_{k+1}) g_k is averaged with the
    scheduled momentum, and s = √(β₂ v̂_{k+1}) + ε has one more factor β₂.

    Args:
        beta1: weight β₁, in [0, 1).
        beta2: weight β₂, in [0, 1).
        eps: ε, 0 or larger.
        decay: ψ; in the paper 1/250.

    Raises:
        UsageError: a value is out of its range.

    Source: [dozat2016], Algorithm 2.

    Example:
        >>> method = PrintedNAdam(beta2=0.25, eps=0.0, decay=float("inf"))
        >>> state = method.step(method.init(1.0), grad=4.0, step_size=0.1)
        >>> state.mean == NAdam().step(NAdam().init(1.0), grad=4.0, step_size=0.1).mean
        True
        >>> method.scale(state.square, k=1)  # √(¼ · 16)
        2.0
    """

    def weight(self, momentum: Any) -> Any:
        """Return μ_{k+1}."""
        return momentum

    def scale(self, square: Any, k: Any) -> Any:
        """Return √(β₂ v̂) + ε."""
        return adaptive_scale(self.beta2 * square, self.beta2, k, self.eps)


@dataclass(frozen=True)
class TensorFlowNAdam(NAdam):
    r"""x_{k+1} = x_k − α (β₁ m_{k+1} + (1 − β₁) g_k) / (1 − β₁^{k+1}) / s.

    What the kernel behind TensorFlow 1's Nadam does: no schedule, and one correction for the
    average and the gradient alike, as if the average already stood one step further on.
    s = √v̂_{k+1} + ε/√(1 − β₂^{k+1}): ε is added before the average of squares is corrected, so
    that in the first steps it is larger.

    Args:
        beta1: weight β₁, in [0, 1).
        beta2: weight β₂, in [0, 1).
        eps: ε, 0 or larger.
        decay: ψ; infinity stands for the kernel's constant momentum.

    Raises:
        UsageError: a value is out of its range.

    Source: [abadi2016].

    Example:
        The average holds (1 − β₁) of the first gradient, which the correction makes whole:
        β₁ + 1 times the step of Adam.

        >>> method = TensorFlowNAdam(eps=0.0)
        >>> round(method.step(method.init(1.0), grad=250.0, step_size=0.1).x, 12)
        0.81
    """

    decay: float = math.inf

    def correction(self, product: Any, following: Any) -> Any:  # noqa: ARG002
        """Return 1 − Π_{k+1}, as for the gradient."""
        return 1 - product

    def scale(self, square: Any, k: Any) -> Any:
        """Return √v̂ + ε/√(1 − β₂^k)."""
        eps = self.eps / (1 - self.beta2**k) ** 0.5
        return adaptive_scale(square, self.beta2, k, eps)


NADAM_CONVENTIONS: dict[str, NAdam] = {
    "torch": NAdam(),
    "keras": NAdam(decay=1.0, eps=1e-7),
    "constant": NAdam(decay=math.inf),
    "tf1": TensorFlowNAdam(),
    "dozat": PrintedNAdam(),
}
"""What the name stands for, with its owner's constants: `torch.optim.NAdam`, Keras 3's
`keras.optimizers.Nadam`, `optax.nadam`, the kernel behind TensorFlow 1's Nadam, and the paper."""
