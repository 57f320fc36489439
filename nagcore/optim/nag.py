"""Nesterov's method for torch parameters, exact under schedules."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from nagcore.core.checks import require_momentum
from nagcore.core.forms import Coefficients, FormState, Shifted
from nagcore.optim.program import Update
from nagcore.optim.query_point import QueryPointOptimizer
from nagcore.optim.sgd_state import from_sgd, is_sgd_state, to_sgd
from nagcore.optim.tensors import as_number


class NAG(QueryPointOptimizer):
    r"""x_{k+1} = y_k − α_k ∇f(y_k),  y_{k+1} = x_{k+1} + β_{k+1} (x_{k+1} − x_k).

    The parameters are the query point y_k, where the loss and its gradient are computed. The
    state is the displacement x_k − x_{k−1}, so lr and momentum may change at every step and the
    iterates remain Nesterov's; a buffer that sums gradients, as in `torch.optim.SGD`, assumes
    that lr never changes. While lr and momentum are constant, the parameters follow
    `torch.optim.SGD(lr, momentum, nesterov=True)` to rounding, and each loads the other's
    checkpoints: `load_state_dict` takes a state of SGD, `sgd_state_dict` gives one.

    `lr` at the call of `step()` is α_k; `momentum` at the call of `step()` is β_{k+1}, which
    forms the next query point. Evaluate and save the model at the iterate:
    `with optimizer.at_iterate(): …`. Gradients in `.grad` are read and never written. A
    parameter whose gradient is None stands still.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: step size α, 0 or larger; a number or a tensor of one element.
        momentum: β in [0, 1); likewise.
        weight_decay: λ, 0 or larger.
        decoupled_weight_decay: if False, λ y_k is added to the gradient, as in
            `torch.optim.SGD`; if True, the parameters shrink by the factor 1 − αλ before the step,
            and the displacement does not hear of it.
        maximize: climb instead of descend.
        capturable: keep the numbers of the state on the device, for CUDA graphs; lr and momentum
            have to be tensors if they shall change between two replays.
        differentiable: let gradients flow through the step.
        execution: how the step is run, a name of `nagcore.optim.EXECUTIONS`.

    Raises:
        UsageError: a value is out of its range, in the constructor or in a parameter group, or
            a gradient is sparse.

    Source: the method: [nesterov1983]; parameters held at y_k: [bengio2013].

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.tensor([4.0]))
        >>> optimizer = NAG([weight], lr=0.25, momentum=0.5)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     (weight.square().sum() / 2).backward()
        ...     _ = optimizer.step()
        >>> with optimizer.at_iterate():
        ...     weight.item()
        1.875
        >>> weight.item()  # y_2 = x_2 + 0.5 (x_2 − x_1) = 1.875 + 0.5 (1.875 − 3)
        1.3125
    """

    state_tensors = ("displacement",)
    state_scalars = MappingProxyType({"query_momentum": 0.0})
    hyperparameters = ("lr", "momentum")
    offset = ("displacement", "query_momentum")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1e-3,
        momentum: float | Tensor = 0.9,
        *,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
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

    @classmethod
    def update(cls, variant: Hashable) -> Update:  # noqa: ARG003
        """Return the step of `nagcore.core.forms.Shifted`."""
        return _update

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another run of this optimizer, or of torch's SGD.

        A state of `torch.optim.SGD(momentum=…, nesterov=True)` goes on as that run would have
        while lr and momentum stay what they are.

        Args:
            state_dict: what `state_dict()` of either returned; the parameters are saved and
                loaded beside it, for both at the query point.

        Raises:
            UsageError: as `RuleOptimizer.load_state_dict`, or SGD was run without Nesterov's
                momentum; nothing is taken over.
        """
        if is_sgd_state(state_dict):
            state_dict = from_sgd(state_dict, self.param_groups)
        super().load_state_dict(state_dict)

    def sgd_state_dict(self) -> dict[str, Any]:
        """Return the state for `torch.optim.SGD(…, nesterov=True)` to go on with.

        Raises:
            UsageError: SGD has no such state: decoupled weight decay, or lr is 0.
        """
        return to_sgd(self.state_dict())


def _update(t: Mapping[str, Any], s: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    state = Shifted().step(
        FormState(t["parameter"], t["displacement"], 0),
        t["grad"],
        Coefficients(s["lr"], s["query_momentum"], s["momentum"]),
    )
    changed = {"parameter": state.parameters, "displacement": state.stored}
    return changed, {"query_momentum": s["momentum"]}
