"""Tensors by name in a safetensors file: tied ones stored once, none shared, none with gaps."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nagcore.errors import MissingExtraError, UsageError
from nagcore.optim.safetensors_state import flatten_state, unflatten_state
from nagcore.training.checkpoints.error import FlawError
from nagcore.training.checkpoints.reading import open_regular

_ALIASES = "nagcore.aliases"
LARGEST_HEADER = 32 * 2**20
"""Bytes of names, shapes and positions; enough for more than 100,000 tensors."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a new file, each under its name.

    Names of one and the same tensor are stored once, as `safetensors.torch.load_model` expects.

    Args:
        path: where to write.
        tensors: as `state_dict()` of a module returns them, on any device.

    Raises:
        UsageError: something else than a plain tensor is among them.
        OSError: the file cannot be written.
    """
    save_file = _safetensors("writing a checkpoint").torch.save_file
    aliases = find_aliases(tensors)
    kept = {name: _on_cpu(name, t) for name, t in tensors.items() if name not in aliases}
    flat, metadata = flatten_state(kept)
    try:
        save_file(flat, path, {**metadata, _ALIASES: json.dumps(aliases)})
    except OSError:
        raise
    except Exception as error:  # the library says in text what the system said
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise UsageError(f"the weights cannot be kept in a checkpoint: {error}") from error
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file, on the CPU, each in memory of its own but tied ones.

    Raises:
        FlawError: the file is none of those that `write_tensors` makes.
    """
    library = _safetensors("reading a checkpoint")
    _require_header(path)
    try:
        with library.safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            # copied, because the file may be gone before they are used
            flat = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        tensors = unflatten_state(flat, metadata)
        for name, kept in json.loads(metadata[_ALIASES]).items():
            tensors[name] = tensors[kept]
        if not all(isinstance(t, Tensor) for t in tensors.values()):
            raise UsageError("its names do not stand for tensors")
    except Exception as error:
        raise FlawError(path, f"is not a safetensors file of a checkpoint ({error})") from error
    return tensors


def find_aliases(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Return for each further name of a tensor the first one.

    Example:
        >>> weight = torch.ones(2, 2)
        >>> find_aliases({"encoder": weight, "decoder": weight, "bias": weight[0]})
        {'decoder': 'encoder'}
    """
    first: dict[Any, str] = {}
    aliases = {}
    for name, t in tensors.items():
        if not _is_dense(t) or not t.numel():
            continue
        place = (t.device, t.data_ptr(), t.dtype, t.shape, t.stride(), t.is_conj(), t.is_neg())
        if place in first:
            aliases[name] = first[place]
        first.setdefault(place, name)
    return aliases


def _is_dense(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and not value.is_meta


def _on_cpu(name: str, tensor: Tensor) -> Tensor:
    if not _is_dense(tensor):
        raise UsageError(
            f"{name} is {tensor!r:.200}, expected a dense tensor; a checkpoint holds no other "
            "weights"
        )
    return tensor.detach().resolve_neg().cpu()


def _require_header(path: Path) -> None:
    """Refuse a file whose header would not fit, before the library makes room for it."""
    with open_regular(path) as file:
        length = int.from_bytes(file.read(8), "little")
    if length > min(LARGEST_HEADER, path.stat().st_size - 8):
        raise FlawError(path, f"announces a header of {length} bytes, which it cannot have")


def _safetensors(purpose: str) -> Any:
    try:
        import safetensors
        import safetensors.torch
    except ImportError as error:
        raise MissingExtraError("safetensors", "stream", purpose) from error
    return safetensors
