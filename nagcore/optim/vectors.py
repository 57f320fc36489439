"""Lists of tensors as one long vector: its gradient and its inner products."""

from __future__ import annotations

# torch exports its operations on lists of tensors under names with an underscore only
# pyright: reportPrivateImportUsage=false
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def descent_gradients(
    group: Mapping[str, Any], points: list[Tensor], grads: list[Tensor]
) -> list[Tensor]:
    """Return the gradients along which a group descends; where they are `grads`, no copy is made.

    They are those of −f for a group that climbs, with λy added for coupled weight decay.

    Args:
        group: has "maximize" and "weight_decay", perhaps "decoupled_weight_decay".
        points: where the gradients were taken, dense and local.
        grads: one for each point.

    Example:
        >>> group = {"maximize": True, "weight_decay": 0.5}
        >>> descent_gradients(group, [torch.tensor([2.0])], [torch.tensor([3.0])])
        [tensor([-2.])]
    """
    if group["maximize"]:
        grads = list(torch._foreach_neg(grads))
    if group["weight_decay"] and not group.get("decoupled_weight_decay", False):
        grads = list(torch._foreach_add(grads, points, alpha=group["weight_decay"]))
    return grads


def inner(
    parameters: Iterable[Tensor], first: Iterable[Tensor], second: Iterable[Tensor]
) -> Tensor:
    """Return ⟨a, b⟩ over all tensors as one number, which stays on the device.

    Products are summed in the type of the tensors, half precision in float32, and the sums in
    double precision where the device has it. What is spread over processes is summed over them.

    Args:
        parameters: which of them a pair belongs to says how it is spread.
        first: dense, real and local tensors, at least one.
        second: likewise.

    Example:
        >>> a, b = [torch.ones(2, 3), torch.tensor([2.0])], [torch.ones(2, 3), torch.tensor([3.0])]
        >>> inner(a, a, b)
        tensor(12., dtype=torch.float64)
    """
    alike: dict[Any, list[Tensor]] = {}
    for p, a, b in zip(parameters, first, second, strict=True):
        product = _dot(a, b)
        alike.setdefault((_layout(p), product.dtype, product.device), []).append(product)
    sums = [_sum(products, layout) for (layout, *_), products in alike.items()]
    return sums[0] if len(sums) == 1 else torch.stack([s.to(sums[0]) for s in sums]).sum()


def _dot(a: Tensor, b: Tensor) -> Tensor:
    dtype = torch.promote_types(a.dtype, b.dtype)
    dtype = torch.float32 if dtype in _HALF else dtype
    return torch.dot(a.reshape(-1).to(dtype), b.reshape(-1).to(dtype))


def _layout(parameter: Tensor) -> tuple[Any, tuple[bool, ...]] | None:
    """Return the processes over which a tensor is spread, and along which of their dimensions it
    is the same everywhere; None for one that is whole."""
    placements = getattr(parameter, "placements", None)
    if placements is None:
        return None
    mesh = parameter.device_mesh  # pyright: ignore[reportAttributeAccessIssue]
    return mesh, tuple(placement.is_replicate() for placement in placements)


def _sum(products: list[Tensor], layout: tuple[Any, tuple[bool, ...]] | None) -> Tensor:
    double = torch.float32 if products[0].device.type == "mps" else torch.float64
    total = torch.stack(products).sum(dtype=double)
    if layout is None:
        return total
    from torch.distributed.tensor import DTensor, Partial, Replicate

    mesh, repeated = layout
    placements = [Replicate() if same else Partial() for same in repeated]
    return DTensor.from_local(total, mesh, placements, run_check=False).full_tensor()
