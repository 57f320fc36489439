"""A function around the point where parameters are, asked through a closure."""

from __future__ import annotations

# torch exports its operations on lists of tensors under names with an underscore only
# pyright: reportPrivateImportUsage=false
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from nagcore.errors import UsageError
from nagcore.optim.tensors import like_parameter, plain_tensor, require_dense
from nagcore.optim.vectors import descent_gradients, inner


class Neighbourhood:
    """What an optimizer descends, at the query point y and on the ray along its gradient g there.

    With coupled weight decay that is f + λ‖y‖²/2, and −f where the optimizer climbs. Parameters
    without a gradient stand still.

    Args:
        groups: parameter groups of an optimizer, all of which climb or none.
        closure: clears the gradients, computes the loss, calls backward and returns the loss; the
            same function each time.

    Attributes:
        loss: what the closure returned at y.
        value: of what is descended, at y.
        square_of_gradient: ‖g‖².
        square_of_point: ‖y‖².
        unit: the coarsest unit in the last place of parameters and loss.

    Raises:
        UsageError: the closure returns no number, there is no gradient, it is sparse, or parameters
            are in half precision.

    Example:
        >>> x = torch.nn.Parameter(torch.tensor([3.0], dtype=torch.float64))
        >>> def closure():
        ...     x.grad = None
        ...     (loss := x.square().sum()).backward()
        ...     return loss
        >>> around = Neighbourhood(torch.optim.SGD([x], lr=0.1).param_groups, closure)
        >>> move = around.go(0.25)
        >>> around.look(), around.turn(move), x.item()
        (2.25, 4.5, 1.5)
        >>> around.back(), x.item()
        (None, 3.0)
    """

    def __init__(self, groups: Sequence[Mapping[str, Any]], closure: Callable[[], Any]) -> None:
        self._closure = closure
        self._all = [p for group in groups for p in group["params"]]
        self.loss = self._evaluate()
        self._groups = [
            (group, [p for p in group["params"] if p.grad is not None]) for group in groups
        ]
        self._parameters = list(chain(*(members for _, members in self._groups)))
        self._require_suited()
        self._grads = [None if p.grad is None else p.grad.detach().clone() for p in self._all]
        self._points = [plain_tensor(p.detach()).clone() for p in self._parameters]
        self._gradients = [g.clone() for g in self._descent()]
        self.value = self._value(self.loss)
        self.square_of_gradient = self._inner(self._gradients, self._gradients)
        self.square_of_point = self._inner(self._points, self._points)
        seen = [*self._points, self.loss] if isinstance(self.loss, Tensor) else self._points
        self.unit = max(torch.finfo(t.dtype).eps for t in seen)

    def go(self, step_size: float) -> list[Tensor]:
        """Bring the parameters to y − αg, and return the move there as it came out."""
        for p, y, g in zip(self._parameters, self._points, self._gradients, strict=True):
            plain_tensor(p.detach()).copy_(y - step_size * g)
        here = [plain_tensor(p.detach()) for p in self._parameters]
        return list(torch._foreach_sub(here, self._points))

    def look(self) -> float:
        """Return the value where the parameters are, and have the gradient computed there."""
        return self._value(self._evaluate())

    def turn(self, move: list[Tensor]) -> float:
        """Return ⟨∇f(x') − g, move⟩ with the gradient at x' where `look` was called last."""
        return self._inner(torch._foreach_sub(self._descent(), self._gradients), move)

    def slope(self, move: list[Tensor]) -> float:
        """Return ⟨g, move⟩."""
        return self._inner(self._gradients, move)

    def square(self, move: list[Tensor]) -> float:
        """Return ‖move‖²."""
        return self._inner(move, move)

    def back(self) -> None:
        """Bring parameters and gradients back to y, to the same bits."""
        for p, y in zip(self._parameters, self._points, strict=True):
            plain_tensor(p.detach()).copy_(y)
        for p, grad in zip(self._all, self._grads, strict=True):
            if grad is None or p.grad is None:
                p.grad = grad
            else:
                p.grad.copy_(grad)

    def _evaluate(self) -> Any:
        with torch.enable_grad():
            loss = self._closure()
        if not isinstance(loss, Tensor | float | int) or torch.as_tensor(loss).numel() != 1:
            raise UsageError(
                f"the closure returned {loss!r}, expected the loss as one number: it clears the "
                "gradients, computes the loss, calls backward and returns the loss"
            )
        return loss.detach() if isinstance(loss, Tensor) else float(loss)

    def _require_suited(self) -> None:
        if not self._parameters:
            raise UsageError(
                "no parameter has a gradient after the closure, expected one for each that is to "
                "move: let the closure call backward on the loss before it returns it"
            )
        for p in self._parameters:
            require_dense(p.grad, p)  # pyright: ignore[reportArgumentType]
            if p.dtype in (torch.float16, torch.bfloat16):
                raise UsageError(
                    f"a parameter of shape {tuple(p.shape)} is {p.dtype}, expected float32 or "
                    "float64: half precision is too coarse to see how the gradient bends"
                )

    def _descent(self) -> list[Tensor]:
        lists = []
        for group, members in self._groups:
            points = [plain_tensor(p.detach()) for p in members]
            grads = [plain_tensor(like_parameter(p.grad, p)) for p in members]
            lists.append(descent_gradients(group, points, grads) if members else [])
        return list(chain(*lists))

    def _value(self, loss: Any) -> float:
        value = -float(loss) if self._groups[0][0]["maximize"] else float(loss)
        for group, members in self._groups:
            if members and group["weight_decay"]:
                points = [plain_tensor(p.detach()) for p in members]
                value += group["weight_decay"] / 2 * float(inner(members, points, points))
        return value

    def _inner(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
        return float(inner(self._parameters, first, second))
