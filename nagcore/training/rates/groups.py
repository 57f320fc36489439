"""Read and write the learning rates of an optimizer's groups, numbers and tensors alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from nagcore.errors import UsageError


def read_rates(groups: Iterable[dict[str, Any]]) -> list[float]:
    """Return the lr of each group; this waits for an accelerator that holds one."""
    return [float(group["lr"]) for group in groups]


def write_rates(groups: Iterable[dict[str, Any]], rates: Iterable[float]) -> None:
    """Set the lr of each group; a tensor is written over, since a captured graph may hold it."""
    for group, rate in zip(groups, rates, strict=True):
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def require_groups(count: int, optimizer: Optimizer) -> None:
    """Raise UsageError unless the optimizer has so many groups of parameters."""
    if len(optimizer.param_groups) != count:
        raise UsageError(
            f"the rates were saved for {count} groups of parameters, and the optimizer has "
            f"{len(optimizer.param_groups)}; expected the same groups, in the same order"
        )
