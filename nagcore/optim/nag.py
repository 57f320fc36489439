"""Nesterov's method for torch parameters, exact under schedules."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor

from nagcore.core.checks import require_momentum
from nagcore.core.forms import Coefficients, FormState, Shifted
from nagcore.optim.cohorts import Cohort
from nagcore.optim.program import Update
from nagcore.optim.query_point import QueryPointOptimizer
from nagcore.optim.restarting import (
    count_restarts,
    move_and_restart,
    require_restart,
    with_restart,
    without_restart,
)
from nagcore.optim.sgd_state import from_sgd, is_sgd_state, to_sgd
from nagcore.optim.tensors import as_number


class NAG(QueryPointOptimizer):
    r"""x_{k+1} = y_k − α_k ∇f(y_k),  y_{k+1} = x_{k+1} + β_{k+1} (x_{k+1} − x_k).

    The parameters are the query point y_k, where the loss and its gradient are computed. The
    state is the displacement x_k − x_{k−1}, so lr and momentum may change at every step and the
    iterates remain Nesterov's; a buffer that sums gradients, as in `torch.optim.SGD`, assumes
    that lr never changes. While lr and momentum are constant, the parameters follow
    `torch.optim.SGD(lr, momentum, nesterov=True)` to rounding, and each loads the other's
    checkpoints: `load_state_dict` takes a state of SGD and goes on as that run would have, while
    lr and momentum stay what they are; `sgd_state_dict` gives one. A state that knows no restart
    leaves this optimizer's as it is, and its count begins anew.

    `lr` at the call of `step()` is α_k; `momentum` at the call of `step()` is β_{k+1}, which
    forms the next query point. Evaluate and save the model at the iterate:
    `with optimizer.at_iterate(): …`. Gradients in `.grad` are read and never written. A
    parameter whose gradient is None stands still.

    A restart forgets the momentum: y_{k+1} = x_{k+1}, and the displacement is 0. `restart` says
    when, after a step with the gradient g (weight decay and the sign of `maximize` included):

    - "gradient": where ⟨g, x_{k+1} − x_k⟩ > 0, as `nagcore.core.GradientRestart` does;
    - "speed": where ‖x_{k+1} − x_k‖ < ‖x_k − x_{k−1}‖ and the last restart is at least 10 steps
      ago, as `nagcore.core.SpeedRestart`;
    - "function": where the loss that the closure returned, at y_k, is above the one before.
      `nagcore.core.FunctionRestart` compares F(x_{k+1}) with F(x_k), which would cost a second
      evaluation; this costs none, and sees the rise a step later. Weight decay is not in it.

    They are made for the gradient of the whole function: a mini-batch's noise sets them off too. A
    GPU is not waited for. In a run of several processes each decides by itself, so for "function"
    let the closure return the same loss in all.

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
        restart: None, "gradient", "function" or "speed".
        restart_scope: "all": the groups of one criterion are judged and restarted as one
            vector; "group": each by itself.
        execution: how the step is run, a name of `nagcore.optim.EXECUTIONS`.

    Raises:
        UsageError: a value is out of its range, in the constructor or in a parameter group, or
            a gradient is sparse; step() has no loss for the restart by function.

    Source: the method: [nesterov1983]; parameters held at y_k: [bengio2013]; restart by function
    and gradient: [odonoghue2015], §3.2; by speed: [su2016], §5.

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
    takes_gradient_step = True

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
        restart: Literal["gradient", "function", "speed"] | None = None,
        restart_scope: Literal["all", "group"] = "all",
        execution: str = "auto",
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "restart": restart,
            "restart_scope": restart_scope,
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
        require_restart(group)

    @classmethod
    def update(cls, variant: Hashable) -> Update:  # noqa: ARG003
        """Return the step of `nagcore.core.forms.Shifted`."""
        return _update

    @property
    def restarts(self) -> int:
        """How often there was a restart, in all groups; on a GPU this waits for the device."""
        return count_restarts(self.param_groups)

    def move(self, cohorts: list[Cohort], loss: Any) -> None:
        """Move all parameters, and restart those whose criterion says so."""
        if all(group["restart"] is None for group in self.param_groups):
            super().move(cohorts, loss)
        else:
            move_and_restart(cohorts, loss, self.param_groups, self.advance)

    def adapt(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """Return a state of torch's SGD as one of NAG, with a restart where it knows none.

        Args:
            state_dict: of either.

        Raises:
            UsageError: SGD was run without Nesterov's momentum.
        """
        if is_sgd_state(state_dict):
            state_dict = from_sgd(state_dict, self.param_groups)
        return with_restart(state_dict, self.param_groups)

    def sgd_state_dict(self) -> dict[str, Any]:
        """Return the state for `torch.optim.SGD(…, nesterov=True)` to go on with, without restart.

        Raises:
            UsageError: SGD has no such state: decoupled weight decay, or lr is 0.
        """
        return to_sgd(without_restart(self.state_dict()))


def _update(t: Mapping[str, Any], s: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    state = Shifted().step(
        FormState(t["parameter"], t["displacement"], 0),
        t["grad"],
        Coefficients(s["lr"], s["query_momentum"], s["momentum"]),
    )
    changed = {"parameter": state.parameters, "displacement": state.stored}
    return changed, {"query_momentum": s["momentum"]}
