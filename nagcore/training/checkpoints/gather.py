"""Model and optimizer of a run as whole tensors, and back into the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from nagcore.errors import UsageError
from nagcore.training.checkpoints.tensors import find_aliases
from nagcore.training.sharding import is_sharded, whole

if TYPE_CHECKING:
    from nagcore.training.run import Run

_EXTRA = "_extra_state"


class Gathered(NamedTuple):
    """What a model is made of, apart from its code."""

    weights: dict[str, Tensor]
    """parameters and buffers, of a method with an iterate at the iterate"""
    resume: dict[str, Tensor] | None
    """the same where the optimizer keeps them; None where no bit differs"""
    rest: dict[str, Any]
    """buffers that the module leaves out of its state, and what is no tensor"""


def gather(run: Run) -> Gathered:
    """Return the model's tensors; all processes have to call this together.

    Of a model whose parameters are spread over processes, the first process alone gets them.
    """
    at_iterate = getattr(run.optimizer, "at_iterate", nullcontext)
    with at_iterate():
        weights = _copies(_whole_tensors(run.model))
    resume = _whole_tensors(run.model)
    same = all(_same_bits(weights[name], resume[name]) for name in weights)
    return Gathered(weights, None if same else resume, _rest(run.model))


def scatter(model: nn.Module, weights: Mapping[str, Tensor], rest: Mapping[str, Any]) -> None:
    """Copy tensors into the model that they were gathered from, which keeps its memory formats.

    Raises:
        UsageError: names or shapes differ; nothing is copied.
    """
    own = _tensors(model)
    _require_fit({**own, **_left_out(model)}, {**weights, **rest["buffers"]})
    state = {**weights, **rest["extra"]}
    if is_sharded(model):
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

        set_model_state_dict(model, state, options=StateDictOptions(full_state_dict=True))
    else:
        model.load_state_dict(state)
    with torch.no_grad():
        for name, buffer in _left_out(model).items():
            buffer.copy_(rest["buffers"][name])


def gather_state(part: Any) -> Any:
    """Return `part.state_dict()` with whole tensors; all processes have to call this together."""
    return tree_map_only(Tensor, _gathered, part.state_dict())


def load_optimizer(optimizer: Any, state: dict[str, Any]) -> None:
    """Load a state; what is a tensor in a group stays one, and on its device, for CUDA graphs.

    Where parameters are spread over processes, what has their shape is spread likewise.
    """
    # Not by torch.distributed.checkpoint, which takes a step first, without a closure.
    before = [dict(group) for group in optimizer.param_groups]
    own = [p for group in optimizer.param_groups for p in group["params"]]
    if any(map(_is_spread, own)):
        held = {
            number: _spread_like(own[number], entries) if _is_spread(own[number]) else entries
            for number, entries in state["state"].items()
        }
        state = {**state, "state": held}
    optimizer.load_state_dict(state)
    for group, had in zip(optimizer.param_groups, before, strict=True):
        for name, value in had.items():
            if isinstance(value, Tensor) and group[name] is not None:
                group[name] = torch.as_tensor(group[name], dtype=value.dtype, device=value.device)


def _gathered(tensor: Tensor) -> Tensor:
    return whole(tensor).cpu() if _is_spread(tensor) else tensor


def _is_spread(tensor: Tensor) -> bool:
    return hasattr(tensor, "full_tensor")


def _spread_like(parameter: Any, entries: Mapping[str, Any]) -> dict[str, Any]:
    from torch.distributed.tensor import distribute_tensor

    def spread(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.shape != parameter.shape or not value.dim():
            return value
        local = value.to(parameter.device)
        # Each process has read the file and takes its part from there.
        return distribute_tensor(
            local, parameter.device_mesh, parameter.placements, src_data_rank=None
        )

    return {name: spread(value) for name, value in entries.items()}


def _whole_tensors(model: nn.Module) -> dict[str, Tensor]:
    if not is_sharded(model):
        return _tensors(model)
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    state: dict[str, Any] = get_model_state_dict(model, options=options)
    return {name: t for name, t in state.items() if not name.endswith(_EXTRA)}


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {name: t for name, t in model.state_dict().items() if not name.endswith(_EXTRA)}


def _left_out(model: nn.Module) -> dict[str, Tensor]:
    kept = model.state_dict(keep_vars=True)
    return {name: buffer for name, buffer in model.named_buffers() if name not in kept}


def _rest(model: nn.Module) -> dict[str, Any]:
    extra = {name: t for name, t in model.state_dict().items() if name.endswith(_EXTRA)}
    return {"extra": extra, "buffers": _left_out(model)}


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies on the CPU; tied tensors stay tied."""
    aliases = find_aliases(tensors)
    copy: Callable[[Tensor], Tensor] = lambda t: t.detach().to("cpu", copy=True)  # noqa: E731
    copies = {name: copy(t) for name, t in tensors.items() if name not in aliases}
    return {name: copies[aliases.get(name, name)] for name in tensors}


def _same_bits(first: Tensor, second: Tensor) -> bool:
    # as numbers, the two zeros would be equal, and what is not a number differ from itself
    one, other = (
        t.detach().cpu().contiguous().flatten().view(torch.uint8) for t in (first, second)
    )
    return torch.equal(one, other)


def _require_fit(own: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    wrong = [
        f"{name}: {_shape(saved, name)} in the checkpoint, {_shape(own, name)} now"
        for name in {**saved, **own}
        if _shape(saved, name) != _shape(own, name)
    ]
    if wrong:
        raise UsageError(f"the model is another one ({'; '.join(wrong[:5])})")


def _shape(tensors: Mapping[str, Tensor], name: str) -> str:
    if name not in tensors:
        return "nothing"
    return f"{tuple(tensors[name].shape)} {str(tensors[name].dtype).removeprefix('torch.')}"
