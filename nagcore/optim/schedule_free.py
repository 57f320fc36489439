"""Schedule-free methods for torch parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from nagcore.core.checks import require_momentum, require_not_negative
from nagcore.core.schedule_free import ScheduleFree as ScheduleFreeRule
from nagcore.core.schedule_free import ScheduleFreeAdamW as ScheduleFreeAdamWRule
from nagcore.core.schedule_free import (
    ScheduleFreeAdamWState,
    ScheduleFreeOffset,
    ScheduleFreeOffsetState,
)
from nagcore.optim.base import Decay
from nagcore.optim.nadam import require_betas
from nagcore.optim.program import Update, with_symbols
from nagcore.optim.query_point import QueryPointOptimizer
from nagcore.optim.tensors import as_number

_SCALARS = MappingProxyType({"weight": 1.0, "total": 0.0, "largest": 0.0, "step": 0})


class ScheduleFree(QueryPointOptimizer):
    r"""Nesterov's three sequences with an average as the answer, in place of a schedule.

    The parameters are y, where gradients are taken, between the base iterate z and the average x
    of the base iterates, see `nagcore.core.ScheduleFree`. The state is the offset z − x, so that x
    is there for any momentum, 0 included, and the momentum may change. Evaluate and save the model
    at x: `with optimizer.at_iterate(): …`. A warm-up of lr is a scheduler's business; steps with a
    small lr weigh less in the average.

    With batch normalization the running averages belong to y: let the model see some batches in
    training mode inside `at_iterate()` before it is evaluated.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: step size α, 0 or larger; a number or a tensor of one element.
        momentum: β in [0, 1), the share of x in y.
        weight_decay: λ, 0 or larger.
        decoupled_weight_decay: if False, λ y is added to the gradient, as the authors do; if True,
            y shrinks by the factor 1 − αλ before the step.
        weight_lr_power: the weight of a step in the average is the largest lr so far to this
            power, 0 or larger.
        r: and the number of the step to this power, 0 or larger.
        maximize: climb instead of descend.
        capturable: keep the numbers of the state on the device, for CUDA graphs.
        differentiable: let gradients flow through the step.
        execution: how the step is run, a name of `nagcore.optim.EXECUTIONS`.

    Raises:
        UsageError: a value is out of its range, in the constructor or in a parameter group, or
            a gradient is sparse.

    Source: [defazio2024], Algorithm 1.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.tensor([4.0]))
        >>> optimizer = ScheduleFree([weight], lr=0.25, momentum=0.5)
        >>> for _ in range(2):
        ...     weight.grad = torch.tensor([4.0])
        ...     _ = optimizer.step()
        >>> weight.item()  # y, between z = 2 and x = 2.5
        2.25
        >>> with optimizer.at_iterate():
        ...     weight.item()
        2.5
    """

    state_tensors = ("offset",)
    state_scalars = _SCALARS
    hyperparameters = ("lr", "momentum", "power", "r")
    offset = ("offset", "weight")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1.0,
        momentum: float | Tensor = 0.9,
        *,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        weight_lr_power: float = 2.0,
        r: float = 0.0,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        execution: str = "auto",
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "weight_lr_power": weight_lr_power,
            "r": r,
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
        require_momentum(as_number(group["momentum"], "momentum"))
        _require_powers(group)

    @classmethod
    def numbers(cls, group: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return lr, β and both powers."""
        return group["lr"], group["momentum"], group["weight_lr_power"], group["r"]

    @classmethod
    def update(cls, variant: Hashable) -> Update:  # noqa: ARG003
        """Return the step of the rule, in the form that stores the offset."""
        return _update


def _update(t: Mapping[str, Any], s: Mapping[str, Any]) -> tuple[Any, Any]:
    after = _rule(s, s["momentum"]).step(_before(t, s), t["grad"], s["lr"])
    return _changed(after)


class ScheduleFreeAdamW(QueryPointOptimizer):
    r"""`ScheduleFree` with the scale of Adam in each coordinate and decay at y.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: step size α, 0 or larger; a number or a tensor of one element.
        betas: β₁, the share of x in y, and β₂, the weight of the old average of squares, in
            [0, 1).
        eps: ε, 0 or larger, in units of the gradient.
        weight_decay: λ, 0 or larger; λ y is added to the scaled gradient.
        weight_lr_power: as in `ScheduleFree`.
        r: as in `ScheduleFree`.
        maximize: climb instead of descend.
        capturable: keep the numbers of the state on the device, for CUDA graphs.
        differentiable: let gradients flow through the step.
        execution: how the step is run, a name of `nagcore.optim.EXECUTIONS`.

    Raises:
        UsageError: a value is out of its range, in the constructor or in a parameter group, or
            a gradient is sparse.

    Source: [defazio2024].

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = ScheduleFreeAdamW([weight], lr=0.1)
        >>> weight.grad = torch.tensor([250.0])
        >>> _ = optimizer.step()
        >>> round(weight.item(), 6)  # the first step is of size α
        0.9
    """

    state_tensors = ("offset", "square")
    state_scalars = _SCALARS
    hyperparameters = ("lr", "beta1", "beta2", "eps", "power", "r")
    offset = ("offset", "weight")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 2.5e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        weight_lr_power: float = 2.0,
        r: float = 0.0,
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
            "weight_lr_power": weight_lr_power,
            "r": r,
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
        require_betas(group["betas"], 2)
        require_not_negative(group["eps"], "eps")
        _require_powers(group)

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
        """Return lr, both β, ε and both powers."""
        return (
            group["lr"],
            *group["betas"],
            group["eps"],
            group["weight_lr_power"],
            group["r"],
        )

    @classmethod
    def update(cls, variant: Hashable) -> Update:
        """Return the step of the rule, in the form that stores the offset."""
        decays = bool(variant)

        def update(t: Mapping[str, Any], s: Mapping[str, Any]) -> tuple[Any, Any]:
            symbols = {"beta2": s["beta2"], "eps": s["eps"], "method": _rule(s, s["beta1"])}
            if decays:
                symbols["weight_decay"] = s["weight_decay"]
            before = ScheduleFreeAdamWState(_before(t, s), t["square"])
            rule = with_symbols(ScheduleFreeAdamWRule(), **symbols)
            after = rule.step(before, t["grad"], s["lr"])
            tensors, scalars = _changed(after.inside)
            return {**tensors, "square": after.square}, scalars

        return update


def _rule(s: Mapping[str, Any], momentum: Any) -> ScheduleFreeOffset:
    inside = with_symbols(
        ScheduleFreeRule(), momentum=lambda _: momentum, power=s["power"], r=s["r"]
    )
    return with_symbols(ScheduleFreeOffset(), method=inside)


def _before(t: Mapping[str, Any], s: Mapping[str, Any]) -> ScheduleFreeOffsetState:
    numbers = (s["weight"], s["total"], s["largest"], s["step"])
    return ScheduleFreeOffsetState(t["parameter"], t["offset"], *numbers)


def _changed(after: ScheduleFreeOffsetState) -> tuple[dict[str, Any], dict[str, Any]]:
    scalars = {
        "weight": after.weight,
        "total": after.total,
        "largest": after.largest,
        "step": after.k,
    }
    return {"parameter": after.y, "offset": after.offset}, scalars


def _require_powers(group: Mapping[str, Any]) -> None:
    require_not_negative(group["weight_lr_power"], "weight_lr_power")
    require_not_negative(group["r"], "r")
