"""What a parameter's tensors are to an elementwise step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nagcore.errors import UsageError


def plain_tensor(tensor: Tensor) -> Tensor:
    """Return a view of dense, real, local numbers on which an elementwise step can work.

    A complex tensor is seen as pairs of real numbers, a distributed one as this process's part.

    Example:
        >>> plain_tensor(torch.zeros(3, dtype=torch.complex64)).shape
        torch.Size([3, 2])
    """
    to_local = getattr(tensor, "to_local", None)
    if to_local is not None:
        tensor = to_local()
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def require_dense(grad: Tensor, parameter: Tensor) -> None:
    """Raise UsageError where a gradient is sparse."""
    if grad.layout is not torch.strided:
        raise UsageError(
            f"a parameter of shape {tuple(parameter.shape)} has a sparse gradient, expected a "
            "dense one: use sparse=False in the embedding that owns it"
        )


def like_parameter(grad: Tensor, parameter: Tensor) -> Tensor:
    """Return a distributed gradient laid out as its parameter is, any other as it is."""
    placements = getattr(parameter, "placements", None)
    if placements is None or getattr(grad, "placements", None) == placements:
        return grad
    return grad.redistribute(placements=placements)  # pyright: ignore[reportAttributeAccessIssue]


def as_number(value: Any, name: str) -> float:
    """Return a number for a check, reading a tensor of one element.

    Raises:
        UsageError: the tensor holds more than one element.
    """
    if not isinstance(value, Tensor):
        return value
    if value.numel() != 1:
        raise UsageError(
            f"{name} is a tensor of shape {tuple(value.shape)}, expected one of one element"
        )
    return value.item()


def on_host(value: Any) -> Any:
    """Return a tensor on the CPU as a number, anything else as it is.

    A tensor elsewhere is not read, for that would wait for the device.
    """
    if isinstance(value, Tensor) and value.device.type == "cpu" and not value.requires_grad:
        return value.item()
    return value
