"""Matrices moved by Muon, all other parameters by another method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nagcore.core import Method, Muon
from nagcore.training.copies.layout import Layout

MethodOf = Callable[[Mapping[str, Tensor]], Method]


class ByShapeState(NamedTuple):
    """The iterate, the states of the matrices and of all other parameters, and the number k."""

    x: Tensor
    matrices: tuple[Any, ...]
    rest: Any
    k: Any


@dataclass(frozen=True)
class ByShape:
    """A rule that moves matrices by Muon and all other parameters by another rule.

    Parameters with two dimensions or more count as matrices, a convolution's kernel as the matrix
    of its filters. Muon's step is scaled so that an entry moves about as far as by AdamW: one
    step size serves both.

    Args:
        rest: the rule of all other parameters; its method asks for the gradient at the iterate.

    Source: [jordan2024]; the scale: [liu2025].

    Example:
        >>> from nagcore.core import Adam
        >>> layout = Layout({"weight": torch.Size([2, 3]), "bias": torch.Size([2])})
        >>> method = ByShape(lambda h: Adam()).on(layout)({"momentum": torch.tensor(0.9)})
        >>> state = method.init(torch.zeros(layout.size))
        >>> [tuple(matrix.x.shape) for matrix in state.matrices], tuple(state.rest.x.shape)
        ([(2, 3)], (26,))
    """

    rest: MethodOf

    def on(self, layout: Layout) -> MethodOf:
        """Return the rule for vectors of this layout."""
        return lambda h: MuonByShape(layout, h, self.rest(h))

    def __call__(self, h: Mapping[str, Tensor]) -> Method:  # noqa: ARG002
        """Raise, for what is a matrix is known of a layout only."""
        raise TypeError("which parameters are matrices depends on the layout: rule.on(layout)(h)")


class MuonByShape:
    """The method of `ByShape` for one copy.

    Args:
        layout: of the vectors.
        h: hyperparameters: "momentum", and "weight_decay" if the matrices shrink before a step.
        rest: the method of all that is no matrix.
    """

    takes_gradient_step = False

    def __init__(self, layout: Layout, h: Mapping[str, Tensor], rest: Method) -> None:
        self.layout, self.rest = layout, rest
        self.weight_decay = h.get("weight_decay", 0.0)
        momentum: Any = lambda _: h["momentum"]  # noqa: E731
        self.muon = Muon(momentum, scale="match_rms_adamw")

    def init(self, x0: Tensor) -> ByShapeState:
        """Return the state at the starting point `x0` (size,)."""
        matrices, rest = self._apart(x0)
        return ByShapeState(x0, tuple(map(self.muon.init, matrices)), self.rest.init(rest), 0)

    def query(self, state: ByShapeState) -> Tensor:
        """Return the iterate."""
        return state.x

    def step(self, state: ByShapeState, grad: Tensor, step_size: Any) -> ByShapeState:
        """Return the state after one step."""
        grads, rest_grad = self._apart(grad)
        kept = 1 - step_size * self.weight_decay
        matrices = tuple(
            self.muon.step(one._replace(x=kept * one.x), g, step_size)
            for one, g in zip(state.matrices, grads, strict=True)
        )
        rest = self.rest.step(state.rest, rest_grad, step_size)
        x = self._together([one.x for one in matrices], rest.x)
        return ByShapeState(x, matrices, rest, state.k + 1)

    def _apart(self, vector: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the matrices of a vector, and all else in one."""
        pieces = vector.split(self.layout.sizes)
        matrices = [
            piece.view(shape[0], -1)
            for piece, shape in zip(pieces, self._shapes, strict=True)
            if len(shape) > 1
        ]
        others = [p for p, shape in zip(pieces, self._shapes, strict=True) if len(shape) < 2]
        return matrices, torch.cat(others)

    def _together(self, matrices: list[Tensor], rest: Tensor) -> Tensor:
        """Return the vector that `_apart` takes apart."""
        sizes = [shape.numel() for shape in self._shapes if len(shape) < 2]
        waiting, others = list(matrices), list(rest.split(sizes))
        return torch.cat(
            [
                waiting.pop(0).reshape(-1) if len(shape) > 1 else others.pop(0)
                for shape in self._shapes
            ]
        )

    @property
    def _shapes(self) -> list[torch.Size]:
        """Shapes of all pieces of a vector, last of what fills it up."""
        return [*self.layout.shapes.values(), torch.Size([self.layout.sizes[-1]])]
