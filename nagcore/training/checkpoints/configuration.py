"""Whether a run may go on from the checkpoint of another."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from nagcore import __version__

MAY_CHANGE = frozenset(
    {"until", "device", "progress", "checkpoints", "folder", "resume", "root", "path", "out"}
)
"""Keys of a configuration, at any depth, that may differ when a run is taken up again."""

_MANNER = frozenset({"execution", "capturable", "differentiable", "foreach", "fused"})
"""Settings of an optimizer that say how a step is run, not what it is."""
_OF_JSON = (bool, int, float, str, list, tuple, type(None))


def differences(saved: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Return the entries in which two configurations differ, as text.

    Example:
        >>> differences({"lr": 0.1, "until": "epochs=3"}, {"lr": 0.2, "until": "epochs=9"})
        ['lr: 0.1 in the checkpoint, 0.2 now']
    """
    then, now = dict(_entries(saved)), dict(_entries(current))
    return [
        f"{key}: {then.get(key, 'nothing')} in the checkpoint, {now.get(key, 'nothing')} now"
        for key in {**then, **now}
        if then.get(key) != now.get(key)
    ]


def described(part: Any) -> Any:
    """Return what part of a run this is, of an optimizer with the values it was made with.

    Example:
        >>> optimizer = torch.optim.Adagrad([torch.zeros(1)], lr=0.5)
        >>> described(optimizer)["kind"], described(optimizer)["lr"]
        ('Adagrad', 0.5)
    """
    kind = type(part).__name__
    values = getattr(part, "defaults", None)
    if not isinstance(values, Mapping):
        return kind
    plain = {name: _number(value) for name, value in values.items() if name not in _MANNER}
    return {"kind": kind, **{name: v for name, v in plain.items() if isinstance(v, _OF_JSON)}}


def versions(device: torch.device) -> dict[str, str]:
    """Return what else decides the bits of a run."""
    return {
        "nagcore": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": str(device),
        "threads": str(torch.get_num_threads()),
    }


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value


def _entries(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the entries of nested dictionaries by dotted keys, each as JSON."""
    if not isinstance(value, Mapping):
        yield path, json.dumps(value)  # in which a tuple is a list, and NaN equals itself
        return
    for key, item in value.items():
        if key not in MAY_CHANGE:
            yield from _entries(item, f"{path}.{key}" if path else str(key))
