"""Checkpoints of torch's SGD, to and fro."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nagcore.core.forms import Coefficients, FormState, TorchBuffer
from nagcore.core.nesterov import NesterovState
from nagcore.errors import UsageError
from nagcore.optim.tensors import as_number

_OF_SGD_ALONE = ("dampening", "nesterov", "foreach", "fused")
_OF_NAG_ALONE = ("decoupled_weight_decay", "capturable", "execution")


def is_sgd_state(state_dict: Mapping[str, Any]) -> bool:
    """Return whether a state dict was made by `torch.optim.SGD`."""
    return all("dampening" in group for group in state_dict["param_groups"])


def from_sgd(state_dict: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the state of NAG that goes on as a run of torch's SGD would have.

    The displacement is −α b, with the buffer b and the step size α of the state.

    Args:
        state_dict: of `torch.optim.SGD`.
        groups: of the optimizer that takes it over, for the values that SGD does not have.

    Raises:
        UsageError: SGD was run without Nesterov's momentum, or with lr 0 and a buffer that it
            would need again.
    """
    for number, group in enumerate(state_dict["param_groups"]):
        if not group["nesterov"]:
            raise UsageError(
                f"group {number} was run by SGD with momentum={group['momentum']!r} and "
                "nesterov=False, expected nesterov=True: its buffer belongs to another method, so "
                "load the parameters alone and start afresh"
            )
        if group["dampening"]:
            raise UsageError(
                f"group {number} was run by SGD with dampening={group['dampening']!r}, expected "
                "0: with it the iteration is not Nesterov's, so load the parameters alone"
            )
    own = [{name: group[name] for name in _OF_NAG_ALONE} for group in groups]
    own += [own[-1]] * (len(state_dict["param_groups"]) - len(own))
    new_groups, states = [], {}
    for group, values in zip(state_dict["param_groups"], own, strict=False):
        kept = {name: value for name, value in group.items() if name not in _OF_SGD_ALONE}
        new_groups.append({**kept, **values, "decoupled_weight_decay": False})
        now = _coefficients(group)
        for index in group["params"]:
            buffer = state_dict["state"].get(index, {}).get("momentum_buffer")
            if buffer is None:
                continue
            if now.step_size == 0 and buffer.any():
                raise UsageError(
                    "lr is 0 in the state of SGD, so that the displacement −lr·buffer is lost: "
                    "set state_dict['param_groups'][…]['lr'] to the next step size first"
                )
            displacement = TorchBuffer().leave(FormState(0.0, buffer, 0), now).displacement
            states[index] = {"displacement": displacement, "query_momentum": now.momentum}
    return {"state": states, "param_groups": new_groups}


def to_sgd(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of torch's SGD that goes on as a run of NAG would have.

    Args:
        state_dict: of NAG.

    Raises:
        UsageError: SGD has no such state.
    """
    new_groups, states = [], {}
    for number, group in enumerate(state_dict["param_groups"]):
        if group["decoupled_weight_decay"] and group["weight_decay"]:
            raise UsageError(
                f"group {number} has decoupled weight decay {group['weight_decay']!r}, which "
                "torch's SGD does not know: expected coupled weight decay"
            )
        kept = {name: value for name, value in group.items() if name not in _OF_NAG_ALONE}
        extra = {"dampening": 0, "nesterov": True, "foreach": None, "fused": None}
        new_groups.append({**kept, **extra})
        now = _coefficients(group)
        for index in group["params"]:
            state = state_dict["state"].get(index)
            if state is None:
                continue
            if now.step_size == 0:
                raise UsageError(
                    f"lr of group {number} is 0, and a buffer that sums gradients is the "
                    "displacement divided by lr: set it to the next step size first"
                )
            query = as_number(state["query_momentum"], "query_momentum")
            entered = TorchBuffer().enter(
                NesterovState(0.0, state["displacement"], 0), now._replace(momentum=query)
            )
            states[index] = {"momentum_buffer": entered.stored}
    return {"state": states, "param_groups": new_groups}


def _coefficients(group: Mapping[str, Any]) -> Coefficients:
    momentum = as_number(group["momentum"], "momentum")
    return Coefficients(as_number(group["lr"], "lr"), momentum, momentum)
