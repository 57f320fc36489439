"""The state of a run in a file: plain containers, numbers, text and tensors, nothing that runs."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from nagcore.errors import UsageError
from nagcore.training.checkpoints.error import FlawError
from nagcore.training.checkpoints.reading import open_regular

_NUMBERS_AND_TEXT = (bool, int, float, complex, str, bytes)


def plain(value: Any, where: str = "state") -> Any:
    """Return a value made of what a checkpoint may hold, or refuse it.

    NumPy's numbers become Python's. A tensor is taken without its gradient, and without the
    memory around it where it is a part of a larger one.

    Args:
        value: dictionaries, lists, tuples, numbers, text, None and dense tensors.
        where: what to call it in an error.

    Raises:
        UsageError: there is something else in it; the message says where and what.

    Example:
        >>> plain({"step": np.int64(3), "betas": (0.9, 0.999)})
        {'step': 3, 'betas': (0.9, 0.999)}
    """
    if isinstance(value, Tensor):
        return _plain_tensor(value, where)
    if type(value) in (dict, OrderedDict):
        return {
            _atom(key, f"a key of {where}"): plain(item, f"{where}[{key!r}]")
            for key, item in value.items()
        }
    if type(value) in (list, tuple, torch.Size):
        items = [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
        return items if type(value) is list else tuple(items)
    return _atom(value, where)


def _atom(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is not None and type(value) not in _NUMBERS_AND_TEXT:
        raise UsageError(
            f"{where} is {value!r:.100} of the type {type(value).__name__}; a checkpoint holds "
            "numbers, text, None and dense tensors in dictionaries, lists and tuples, and "
            "nothing else: let state_dict() return such"
        )
    return value


def _plain_tensor(tensor: Tensor, where: str) -> Tensor:
    if hasattr(tensor, "full_tensor") or tensor.layout != torch.strided or tensor.is_meta:
        raise UsageError(f"{where} is a tensor that is not dense and whole; gather it first")
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if tensor.untyped_storage().nbytes() > tensor.nbytes:
        tensor = tensor.clone()  # of the same layout, without what lies around it
    return tensor.as_subclass(Tensor)


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a plain state to a new file, and read it back to be sure that this can be done.

    Raises:
        OSError: the file cannot be written.
        UsageError: it cannot be read back.
    """
    with path.open("wb") as file:
        stream = _Stream(file)
        torch.save(state, stream)  # pyright: ignore[reportArgumentType]
        if stream.failure is not None:
            raise stream.failure
    try:
        read_state(path)
    except FlawError as flaw:
        raise UsageError(f"the state cannot be kept in a checkpoint: {flaw}") from flaw


class _Stream(io.RawIOBase):
    """Keeps the first failure to itself: torch.save would hide it behind one of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.failure = file, None

    def write(self, data: Any) -> int:
        if self.failure is None:
            try:
                self.file.write(data)
                self.file.flush()
            except OSError as error:
                self.failure: OSError | None = error
        return len(data)


def read_state(path: Path) -> dict[str, Any]:
    """Return the state in a file, tensors on the CPU.

    Nothing in the file is run: torch's reader of weights alone takes it, whose objects are
    tensors and containers.

    Raises:
        FlawError: the file holds anything else.
    """
    with open_regular(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _require_stored(path, file)
        try:
            state = plain(torch.load(file, map_location="cpu", weights_only=True))
        except Exception as error:
            # torch's message would go on to say how to load the file nevertheless
            raise FlawError(path, _why(error)) from None
    if not isinstance(state, dict):
        raise FlawError(path, f"holds a {type(state).__name__}, expected a dictionary")
    return state


def _require_stored(path: Path, file: Any) -> None:
    """Refuse an archive that would grow when unpacked; torch writes none."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except Exception as error:
        raise FlawError(path, f"is not an archive written by torch.save ({error})") from error
    size = sum(entry.file_size for entry in entries)
    if size > path.stat().st_size or any(entry.compress_type for entry in entries):
        raise FlawError(path, f"is an archive that grows when unpacked, to {size} bytes")
    file.seek(0)


def _why(error: Exception) -> str:
    named = re.search(r"GLOBAL (\S+)", str(error))
    if named is not None:
        return (
            f"asks for {named[1]}, which no state of a run needs; nothing of it was run, and "
            "it should not be loaded by other means"
        )
    first = str(error).partition("\n")[0] or type(error).__name__
    return f"is not a state of a run ({first:.200})"
