"""Where each parameter of a model lies in one flat vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_ROW = 32
"""Numbers to whose multiple a vector is filled up: every copy then begins at 128 bytes."""


@dataclass(frozen=True)
class Layout:
    """The shapes of the parameters of a model, in the order in which they lie in a flat vector.

    A rule that works element by element then needs one kernel, however many parameters there
    are. Those whose size is divisible by the highest power of two come first, so that each
    begins at a multiple of its own, as fast products of matrices ask for; zeros fill up the end.

    Args:
        shapes: by name.

    Example:
        >>> layout = layout_of(nn.Linear(4, 3))
        >>> layout.shapes, layout.size
        ({'weight': torch.Size([3, 4]), 'bias': torch.Size([3])}, 32)
        >>> {name: part.shape for name, part in layout.parts(torch.zeros(32)).items()}
        {'weight': torch.Size([3, 4]), 'bias': torch.Size([3])}
    """

    shapes: Mapping[str, torch.Size]

    @property
    def sizes(self) -> list[int]:
        """The number of numbers of each parameter, and last what fills up the end."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        return [*sizes, -sum(sizes) % _ROW]

    @property
    def size(self) -> int:
        """The length of the vector."""
        return sum(self.sizes)

    def parts(self, vector: Tensor) -> dict[str, Tensor]:
        """Return the parameters in a vector (size,), as views of it."""
        pieces = vector.split(self.sizes)
        return {
            name: piece.view(shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=False)
        }

    def vector(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return the vector (size,) in which the parameters lie."""
        pieces = [parts[name].reshape(-1) for name in self.shapes]
        return torch.cat([*pieces, pieces[0].new_zeros(self.sizes[-1])])


def layout_of(model: nn.Module) -> Layout:
    """Return the layout of the parameters of `model` that are trained."""
    shapes = {name: p.shape for name, p in model.named_parameters() if p.requires_grad}
    order = sorted(shapes, key=lambda name: -_power_of_two(shapes[name].numel()))
    return Layout({name: shapes[name] for name in order})


def _power_of_two(number: int) -> int:
    """Return the highest power of two, up to `_ROW`, that divides a number."""
    return min(number & -number, _ROW) if number else _ROW
