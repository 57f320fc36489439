"""Optimizer states as safetensors files keep them: tensors by name, and text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nagcore.errors import UsageError

_KEY = "nagcore.optim"
_OF_JSON = (str, int, float, type(None))


def flatten_state(state_dict: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a state by name, and all the rest as text.

    Numbers come back to the bit. No two of the tensors share memory and none has gaps, as the
    format demands; those that are so already are not copied. A distributed state is gathered
    first, or saved by torch.distributed.checkpoint.

    Args:
        state_dict: what `state_dict()` of any torch optimizer returned.

    Returns:
        What `safetensors.torch.save_file` takes as tensors and as metadata.

    Raises:
        UsageError: the state holds something that is no tensor, number, text or container of
            these.

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(2))
        >>> optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
        >>> weight.grad = torch.ones(2)
        >>> optimizer.step()
        >>> tensors, metadata = flatten_state(optimizer.state_dict())
        >>> tensors
        {'state.0.momentum_buffer': tensor([1., 1.])}
        >>> optimizer.load_state_dict(unflatten_state(tensors, metadata))
        >>> optimizer.param_groups[0]["lr"]
        0.1
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_taken_apart(dict(state_dict), (), tensors))
    return _apart_in_memory(tensors), {_KEY: text}


def unflatten_state(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the state that `flatten_state` took apart.

    Args:
        tensors: by name.
        metadata: of the file, from `safetensors.safe_open(…).metadata()`.

    Raises:
        UsageError: the file was not made from what `flatten_state` returns, or lacks a tensor.
    """
    if _KEY not in (metadata or {}):
        raise UsageError(
            f"the metadata hold {sorted(metadata or {})}, expected {_KEY!r}: save what "
            "flatten_state returns, the second part as metadata"
        )
    return _put_together(json.loads(metadata[_KEY]), tensors)


def _taken_apart(value: Any, path: tuple[str, ...], tensors: dict[str, Tensor]) -> Any:
    """Return a value as JSON knows it; what it does not know becomes a list of kind and content."""
    if isinstance(value, Tensor):
        return ["tensor", _keep(value, ".".join(path), tensors), value.is_complex()]
    if isinstance(value, dict):
        items = value.items()
        return ["dict", [[k, _taken_apart(v, (*path, str(k)), tensors)] for k, v in items]]
    if isinstance(value, list | tuple):
        items = enumerate(value)
        kind = "tuple" if isinstance(value, tuple) else "list"
        return [kind, [_taken_apart(v, (*path, str(i)), tensors) for i, v in items]]
    if not isinstance(value, _OF_JSON):
        raise UsageError(
            f"{'.'.join(path)} of the state is {value!r}, expected a tensor, a number or text"
        )
    return value


def _keep(value: Tensor, name: str, tensors: dict[str, Tensor]) -> str:
    """Put a tensor where it is saved, and return its name there."""
    if hasattr(value, "full_tensor"):
        raise UsageError(
            f"{name} of the state is distributed over processes, expected a whole tensor: save "
            "it by torch.distributed.checkpoint, or gather the state first"
        )
    while name in tensors:  # keys may hold dots
        name += "'"
    whole = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value
    tensors[name] = whole.detach()
    return name


def _apart_in_memory(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    seen: set[int] = set()
    apart = {}
    for name, value in tensors.items():
        place = value.untyped_storage().data_ptr()
        layout = {"memory_format": torch.contiguous_format}
        apart[name] = value.clone(**layout) if place in seen else value.contiguous()
        seen.add(place)
    return apart


def _put_together(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, list):
        return value
    kind, content, *rest = value
    if kind == "tensor":
        if content not in tensors:
            raise UsageError(f"the file has no tensor {content!r}, expected one: it is not whole")
        return torch.view_as_complex(tensors[content]) if rest[0] else tensors[content]
    if kind == "dict":
        return {key: _put_together(item, tensors) for key, item in content}
    items = [_put_together(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
