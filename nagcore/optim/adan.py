"""Adan for torch parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from nagcore.core.adan import Adan as AdanRule
from nagcore.core.adan import AdanState
from nagcore.core.checks import require_not_negative
from nagcore.optim.base import Decay, RuleOptimizer
from nagcore.optim.nadam import require_betas
from nagcore.optim.program import Update, with_symbols


class Adan(RuleOptimizer):
    r"""Nesterov's momentum by differences of gradients: `nagcore.core.Adan` for torch parameters.

    The step looks ahead by the change of the gradient since the last step instead of moving the
    parameters to a query point, which costs one more copy of the gradient. Weight decay is the
    authors' proximal one, x ← x/(1 + αλ) after the step.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: step size α, 0 or larger; a number or a tensor of one element.
        betas: weights of the old averages of gradients, of their changes and of squares, each in
            [0, 1); the paper's βᵢ are one minus these.
        eps: ε, 0 or larger, in units of the gradient.
        weight_decay: λ, 0 or larger.
        maximize: climb instead of descend.
        capturable: keep the numbers of the state on the device, for CUDA graphs.
        differentiable: let gradients flow through the step.
        execution: how the step is run, a name of `nagcore.optim.EXECUTIONS`.

    Raises:
        UsageError: a value is out of its range, in the constructor or in a parameter group, or
            a gradient is sparse.

    Source: [xie2024], Algorithm 1.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = Adan([weight], lr=0.1)
        >>> weight.grad = torch.tensor([250.0])
        >>> _ = optimizer.step()
        >>> round(weight.item(), 6)  # the first step is of size α
        0.9
    """

    state_tensors = ("mean", "difference", "square", "last_grad")
    state_scalars = MappingProxyType({"step": 0})
    hyperparameters = ("lr", "beta1", "beta2", "beta3", "eps")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        execution: str = "auto",
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay},
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            execution=execution,
        )

    @classmethod
    def check(cls, group: Mapping[str, Any]) -> None:
        """Raise UsageError where a value of the group is out of its range."""
        super().check(group)
        require_betas(group["betas"], 3)
        require_not_negative(group["eps"], "eps")

    @classmethod
    def decay(cls, group: Mapping[str, Any]) -> Decay:  # noqa: ARG003
        """Return that the decay is the rule's own."""
        return "none"

    @classmethod
    def variant(cls, group: Mapping[str, Any]) -> Hashable:
        """Return whether there is a decay."""
        return bool(group["weight_decay"])

    @classmethod
    def numbers(cls, group: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return lr, the three β and ε."""
        return (group["lr"], *group["betas"], group["eps"])

    @classmethod
    def first_tensors(cls, parameter: Tensor, descent: Tensor) -> dict[str, Tensor]:
        """Return averages of 0, and the first gradient as the one before: no change yet."""
        return {**super().first_tensors(parameter, descent), "last_grad": descent.clone()}

    @classmethod
    def update(cls, variant: Hashable) -> Update:
        """Return the step of the rule."""
        decays = bool(variant)

        def update(t: Mapping[str, Any], s: Mapping[str, Any]) -> tuple[Any, Any]:
            symbols = {name: s[name] for name in ("beta1", "beta2", "beta3", "eps")}
            if decays:
                symbols["weight_decay"] = s["weight_decay"]
            averages = {name: t[name] for name in cls.state_tensors}
            before = AdanState(x=t["parameter"], k=s["step"], **averages)
            after = with_symbols(AdanRule(), **symbols).step(before, t["grad"], s["lr"])
            changed = {name: getattr(after, name) for name in cls.state_tensors}
            return {"parameter": after.x, **changed}, {"step": after.k}

        return update
