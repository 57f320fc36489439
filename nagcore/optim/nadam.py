"""Adam with Nesterov's momentum for torch parameters, in every convention."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from nagcore.core.checks import require_momentum, require_not_negative
from nagcore.core.nadam import NADAM_CONVENTIONS, NAdamState
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.optim.base import RuleOptimizer
from nagcore.optim.program import Update, with_symbols


class NAdam(RuleOptimizer):
    r"""Adam whose step already holds the next momentum: `nagcore.core.NAdam` for torch parameters.

    Five methods go by this name, and papers rarely say which one they ran:

    - "torch" (the default): the momentum grows from β₁/2 to β₁ within some thousand steps, and the
      average of gradients has the constant weight β₁, as in `torch.optim.NAdam`;
    - "keras": the same with a schedule that ends 250 times sooner, and ε = 1e-7, as in Keras 3;
    - "constant": momentum β₁ from the first step, as in Optax;
    - "tf1": the same, with one bias correction for average and gradient, as in TensorFlow's kernel;
    - "dozat": as the paper prints it, the average weighted by the schedule too.

    The default is torch's, because settings and checkpoints that were made with it carry over.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: step size α, 0 or larger; a number or a tensor of one element.
        betas: β₁ and β₂, the weights of the old averages of gradients and of squares, in [0, 1).
        eps: ε, 0 or larger, in units of the gradient; None for the convention's own.
        weight_decay: λ, 0 or larger.
        momentum_decay: ψ, how fast the momentum grows, 0 or larger; None for the convention's own.
        decoupled_weight_decay: if False, λ x_k is added to the gradient; if True, the parameters
            shrink by the factor 1 − αλ before the step.
        convention: a name of `nagcore.core.NADAM_CONVENTIONS`.
        maximize: climb instead of descend.
        capturable: keep the numbers of the state on the device, for CUDA graphs.
        differentiable: let gradients flow through the step.
        execution: how the step is run, a name of `nagcore.optim.EXECUTIONS`.

    Raises:
        UsageError: a value is out of its range, in the constructor or in a parameter group, or
            a gradient is sparse.

    Source: [dozat2016].

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = NAdam([weight], lr=0.1, convention="constant")
        >>> weight.grad = torch.tensor([250.0])
        >>> _ = optimizer.step()
        >>> round(weight.item(), 4)  # 1 − 0.1 (0.9 · 0.1/0.19 + 1)
        0.8526
    """

    state_tensors = ("mean", "square")
    state_scalars = MappingProxyType({"step": 0, "product": 1.0})
    hyperparameters = ("lr", "beta1", "beta2", "eps", "decay")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float | None = None,
        weight_decay: float = 0.0,
        momentum_decay: float | None = None,
        decoupled_weight_decay: bool = False,
        *,
        convention: str = "torch",
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        execution: str = "auto",
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "convention": convention,
        }
        super().__init__(
            params,
            defaults,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            execution=execution,
        )

    @classmethod
    def check(cls, group: Mapping[str, Any]) -> None:
        """Raise UsageError where a value of the group is out of its range."""
        super().check(group)
        if group["convention"] not in NADAM_CONVENTIONS:
            raise UsageError(
                f"convention is {group['convention']!r}, expected one of "
                f"{closest_first(str(group['convention']), NADAM_CONVENTIONS)}"
            )
        require_betas(group["betas"], 2)
        _, _, _, eps, decay = cls.numbers(group)
        require_not_negative(eps, "eps")
        if decay != math.inf:
            require_not_negative(decay, "momentum_decay")

    @classmethod
    def variant(cls, group: Mapping[str, Any]) -> Hashable:
        """Return the convention."""
        return group["convention"]

    @classmethod
    def numbers(cls, group: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return lr, both β, ε and ψ, the convention's own where the group has none."""
        own = NADAM_CONVENTIONS[group["convention"]]
        eps, decay = group["eps"], group["momentum_decay"]
        return (
            group["lr"],
            *group["betas"],
            own.eps if eps is None else eps,
            own.decay if decay is None else decay,
        )

    @classmethod
    def update(cls, variant: Hashable) -> Update:
        """Return the step of the convention's rule."""
        rule = NADAM_CONVENTIONS[str(variant)]

        def update(t: Mapping[str, Any], s: Mapping[str, Any]) -> tuple[Any, Any]:
            symbols = {name: s[name] for name in ("beta1", "beta2", "eps", "decay")}
            before = NAdamState(t["parameter"], t["mean"], t["square"], s["product"], s["step"])
            after = with_symbols(rule, **symbols).step(before, t["grad"], s["lr"])
            changed = {"parameter": after.x, "mean": after.mean, "square": after.square}
            return changed, {"step": after.k, "product": after.product}

        return update


class NAdamW(NAdam):
    """`NAdam` with decoupled weight decay from the start.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: step size α, 0 or larger.
        betas: β₁ and β₂ in [0, 1).
        eps: ε, 0 or larger; None for the convention's own.
        weight_decay: λ, 0 or larger.
        options: further arguments of `NAdam`.

    Raises:
        UsageError: as `NAdam`.

    Source: [dozat2016]; decoupled decay: [loshchilov2019].

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
        >>> NAdamW([weight]).param_groups[0]["decoupled_weight_decay"]
        True
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float | None = None,
        weight_decay: float = 1e-2,
        **options: Any,
    ) -> None:
        options.setdefault("decoupled_weight_decay", True)
        super().__init__(params, lr, betas, eps, weight_decay, **options)


def require_betas(betas: Any, number: int) -> None:
    """Raise UsageError unless `betas` are so many numbers in [0, 1).

    Example:
        >>> require_betas((0.9, 1.0), 2)
        Traceback (most recent call last):
        nagcore.errors.UsageError: betas[1] is 1.0, expected a number in [0, 1): ...
    """
    if not isinstance(betas, tuple | list) or len(betas) != number:
        raise UsageError(f"betas is {betas!r}, expected {number} numbers in [0, 1)")
    for index, beta in enumerate(betas):
        require_momentum(beta, f"betas[{index}]")
