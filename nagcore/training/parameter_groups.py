"""Which parameters Muon moves, and which are left to its NAdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn


def muon_groups(model: nn.Module, apart: Iterable[nn.Module]) -> list[dict[str, Any]]:
    """Return the matrices of a model for Muon, and all else for the method that it has for that.

    Muon is made for matrices between hidden layers. Embeddings and the last layer are matrices
    too, but what goes in or comes out of them is no hidden layer: name them in `apart`.

    Args:
        model: whose parameters are meant.
        apart: modules inside it whose parameters are not to be moved by Muon.

    Source: [jordan2024].

    Example:
        >>> model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
        >>> [(g["method"], len(g["params"])) for g in muon_groups(model, [model[1]])]
        [('muon', 1), ('nadamw', 3)]
    """
    left_out = {id(parameter) for module in apart for parameter in module.parameters()}
    chosen = [p for p in model.parameters() if p.ndim >= 2 and id(p) not in left_out]
    inside = {id(parameter) for parameter in chosen}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in inside]
    return [{"params": chosen, "method": "muon"}, {"params": rest, "method": "nadamw"}]
