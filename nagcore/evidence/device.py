"""The devices that a measurement can run on, and their names in words."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import torch

from nagcore.errors import UsageError
from nagcore.evidence.declaration import DEVICES
from nagcore.names import closest_first


def require_known(device: str) -> None:
    """Raise UsageError unless `device` is "cpu" or "cuda"."""
    if device not in DEVICES:
        raise UsageError(f"device is {device!r}, expected one of {closest_first(device, DEVICES)}")


def require_available(device: str) -> None:
    """Raise UsageError unless measurements can run on `device` here.

    Example:
        >>> require_available("cpu")
    """
    require_known(device)
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "device is 'cuda', and this machine has no CUDA device that torch "
            f"{torch.__version__} can use; expected a GPU with its driver and a torch built "
            "for it, or take device 'cpu'"
        )


def in_words(device: str) -> str:
    """Return the kind and model of a device, for example 'CPU (AMD EPYC 7B13)'."""
    if device == "cuda":
        return f"GPU ({torch.cuda.get_device_name()})"
    return f"CPU ({_cpu_model()})"


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    name = found.group(1) if found else platform.processor() or platform.machine()
    return " ".join(re.sub(r"\((R|TM)\)", "", name).split())
