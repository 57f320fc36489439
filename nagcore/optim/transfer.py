"""What must fit when a state is taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nagcore.errors import UsageError


def require_fit(state_dict: Mapping[str, Any], optimizer: Any) -> None:
    """Raise UsageError unless a saved state belongs to these parameters and this optimizer.

    Args:
        state_dict: what `state_dict()` returned.
        optimizer: one of this package.
    """
    kind, groups = type(optimizer).__name__, optimizer.param_groups
    saved_groups = state_dict["param_groups"]
    _require_same_names(state_dict, optimizer)
    if len(saved_groups) != len(groups):
        raise UsageError(
            f"the state has {len(saved_groups)} parameter groups and {kind} {len(groups)}: "
            "make the groups as they were when it was saved"
        )
    for number, (saved, group) in enumerate(zip(saved_groups, groups, strict=True)):
        _require_same_parameters(number, saved, group)
        for index, p in zip(saved["params"], group["params"], strict=True):
            _require_same_shapes(index, state_dict["state"].get(index, {}), p)


def _require_same_names(state_dict: Mapping[str, Any], optimizer: Any) -> None:
    for group in state_dict["param_groups"]:
        tensors, scalars = optimizer.kind({**optimizer.defaults, **group}).names()
        expected = {*tensors, *scalars}
        for index in group["params"]:
            state = state_dict["state"].get(index)
            if state and set(state) != expected:
                raise UsageError(
                    f"the state of parameter {index} holds {sorted(state)}, expected "
                    f"{sorted(expected)}: it belongs to another optimizer than "
                    f"{type(optimizer).__name__}, so load the parameters alone and start this "
                    "one afresh"
                )


def _require_same_parameters(
    number: int, saved: Mapping[str, Any], group: Mapping[str, Any]
) -> None:
    then, now = len(saved["params"]), len(group["params"])
    gone, new = [], []
    if "param_names" in saved and "param_names" in group:
        gone = [name for name in saved["param_names"] if name not in group["param_names"]]
        new = [name for name in group["param_names"] if name not in saved["param_names"]]
        if not gone and not new and list(saved["param_names"]) != list(group["param_names"]):
            raise UsageError(
                f"the parameters of group {number} of the state are in another order, "
                f"{', '.join(saved['param_names'])}, expected {', '.join(group['param_names'])}"
            )
    if then == now and not gone and not new:
        return
    detail = "".join(
        f"; {word}: {', '.join(names)}" for word, names in (("gone", gone), ("new", new)) if names
    )
    raise UsageError(
        f"group {number} of the state has {then} parameters and that of the optimizer {now}"
        f"{detail}. Make the optimizer over the parameters that it had; one that is to stand "
        "still may stay in it with requires_grad=False, and new ones go into a group that is "
        "added after loading"
    )


def _require_same_shapes(index: Any, state: Mapping[str, Any], parameter: Tensor) -> None:
    for name, value in state.items():
        if isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape:
            raise UsageError(
                f"{name} of parameter {index} has shape {tuple(value.shape)}, and the parameter "
                f"{tuple(parameter.shape)}: the state belongs to other parameters, or to the "
                "same in another order"
            )


def own_scalars(optimizer: Any, state_dict: Mapping[str, Any]) -> None:
    """Give the numbers of a loaded state back in their own type, on the device or the host.

    Optimizers of torch turn every tensor of a state into the type of its parameter, which would
    round these. On the device equal numbers become one tensor, which a step then moves once.

    Args:
        optimizer: one of this package, with the state loaded.
        state_dict: where it came from.
    """
    saved = state_dict["state"]
    for saved_group, group in zip(state_dict["param_groups"], optimizer.param_groups, strict=True):
        shared: dict[tuple[Any, ...], dict[str, Any]] = {}
        _, names = optimizer.kind(group).names()
        for index, p in zip(saved_group["params"], group["params"], strict=True):
            if not saved.get(index):
                continue
            numbers = {
                name: value.item() if isinstance(value := saved[index][name], Tensor) else value
                for name in names
            }
            if group["capturable"]:
                key = (p.device, *numbers.values())
                if key not in shared:
                    shared[key] = {
                        name: scalar_on(p.device, value) for name, value in numbers.items()
                    }
                numbers = shared[key]
            optimizer.state[p].update(numbers)


def scalar_on(device: torch.device, value: float) -> Tensor:
    """Return a number as a tensor without dimensions, in double precision where there is one."""
    dtype = torch.float32 if device.type == "mps" else torch.float64
    return torch.full((), value, dtype=dtype, device=device)
