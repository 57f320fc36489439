"""Nesterov's method for torch parameters, exact under schedules."""

# torch exports its operations on lists of tensors under names with an underscore only
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from nagcore.core.checks import require_momentum, require_not_negative
from nagcore.errors import UsageError

_STATE = {"displacement", "query_momentum"}


class NAG(Optimizer):
    r"""x_{k+1} = y_k − α_k ∇f(y_k),  y_{k+1} = x_{k+1} + β_{k+1} (x_{k+1} − x_k).

    The parameters are the query point y_k, where the loss and its gradient are computed. The
    state is the displacement x_k − x_{k−1}, so lr and momentum may change at every step and the
    iterates remain Nesterov's; a buffer that sums gradients, as in `torch.optim.SGD`, assumes
    that lr never changes. While lr and momentum are constant, the parameters follow
    `torch.optim.SGD(lr, momentum, nesterov=True)` to rounding.

    `lr` at the call of `step()` is α_k; `momentum` at the call of `step()` is β_{k+1}, which
    forms the next query point. Evaluate and save the model at the iterate:
    `with optimizer.at_iterate(): …`. Gradients in `.grad` are read and never written. A
    parameter whose gradient is None stands still.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: step size α, 0 or larger.
        momentum: β in [0, 1).
        weight_decay: factor of the coupled L2 term added to the gradient at y_k, 0 or larger.
        maximize: climb instead of descend.

    Raises:
        UsageError: a value is out of its range, in the constructor or in a parameter group, or
            a gradient is sparse.

    Source: the method: [nesterov1983]; parameters held at y_k: [bengio2013].

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([4.0]))
        >>> optimizer = NAG([weight], lr=0.25, momentum=0.5)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     (weight.square().sum() / 2).backward()
        ...     _ = optimizer.step()
        >>> with optimizer.at_iterate():
        ...     weight.item()
        1.875
        >>> weight.item()  # y_2 = x_2 + 0.5 (x_2 − x_1) = 1.875 + 0.5 (1.875 − 3)
        1.3125
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.9,
        *,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self._is_at_iterate = False
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def state_dict(self) -> dict[str, Any]:
        """Return the state, to be saved together with the parameters at the query point."""
        self._require_query_point("state_dict()")
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another run of this optimizer.

        Args:
            state_dict: what `state_dict()` returned.

        Raises:
            UsageError: called inside `at_iterate()`, a value is out of its range, or the state
                belongs to another optimizer; nothing is taken over.
        """
        self._require_query_point("load_state_dict()")
        for group in state_dict["param_groups"]:
            _check_group({**self.defaults, **group})
        for state in state_dict["state"].values():
            if set(state) != _STATE:
                raise UsageError(
                    f"the state holds {sorted(state)}, expected {sorted(_STATE)}: it belongs to "
                    "another optimizer, so load the parameters alone and start this one afresh"
                )
        super().load_state_dict(state_dict)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle holds."""
        self._require_query_point("copying or pickling")
        return super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy or a pickle, which was made at the query point."""
        super().__setstate__(state)
        self._is_at_iterate = False

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, checked like the constructor's arguments."""
        _check_group({**self.defaults, **param_group})
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step.

        Args:
            closure: clears the gradients, computes the loss at the query point, calls backward
                and returns the loss.

        Returns:
            The loss returned by `closure`, or None.

        Raises:
            UsageError: called inside `at_iterate()`, a gradient is sparse, or lr, momentum or
                weight_decay was set to a value out of its range.
        """
        self._require_query_point("step()")
        for group in self.param_groups:
            _check_group(group)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        # All groups are looked through before one is moved: a bad gradient leaves no half a step.
        sorted_groups = [(group, self._by_kind(group)) for group in self.param_groups]
        for group, kinds in sorted_groups:
            for (query_momentum, *_), params in kinds.items():
                self._advance(group, query_momentum, params)
        return loss

    def _by_kind(self, group: dict[str, Any]) -> dict[tuple[Any, ...], list[Tensor]]:
        """Sort the parameters that have a gradient by the momentum that formed their y_k."""
        kinds: dict[tuple[Any, ...], list[Tensor]] = defaultdict(list)
        for p in group["params"]:
            if p.grad is None:
                continue
            if p.grad.is_sparse:
                raise UsageError(
                    f"a parameter of shape {tuple(p.shape)} has a sparse gradient, expected a "
                    "dense one: use sparse=False in the embedding that owns it"
                )
            state = self.state[p]
            if not state:
                state["displacement"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                state["query_momentum"] = 0.0
            kinds[state["query_momentum"], p.device, p.dtype].append(p)
        return kinds

    def _advance(self, group: dict[str, Any], query_momentum: float, params: list[Tensor]) -> None:
        displacements = [self.state[p]["displacement"] for p in params]
        _nesterov_step(
            params,
            _descent_gradients(params, group["weight_decay"], group["maximize"]),
            displacements,
            lr=group["lr"],
            query_momentum=query_momentum,
            next_momentum=group["momentum"],
        )
        for p in params:
            self.state[p]["query_momentum"] = float(group["momentum"])

    def _require_query_point(self, action: str) -> None:
        if self._is_at_iterate:
            raise UsageError(
                f"{action} was called inside at_iterate(), where the parameters are not at the "
                "query point that the state belongs to; leave the with block first"
            )

    @contextmanager
    def at_iterate(self) -> Iterator[None]:
        """Hold the parameters at the iterate x_k inside the block, at y_k again after it.

        The query points are kept aside and put back to the same bits, also when the block
        raises. Changes made to the parameters inside the block are lost.

        Raises:
            UsageError: the block is entered a second time before it was left.
        """
        self._require_query_point("at_iterate()")
        moved = [p for group in self.param_groups for p in group["params"] if self.state.get(p)]
        query_points = [p.detach().clone() for p in moved]
        self._is_at_iterate = True
        try:
            with torch.no_grad():
                for p in moved:
                    state = self.state[p]
                    p.sub_(state["displacement"], alpha=state["query_momentum"])
            yield
        finally:
            with torch.no_grad():
                for p, query_point in zip(moved, query_points, strict=True):
                    p.copy_(query_point)
            self._is_at_iterate = False


def _check_group(group: dict[str, Any]) -> None:
    if isinstance(group["lr"], Tensor):
        raise UsageError("lr is a tensor, expected a number: pass lr.item()")
    require_not_negative(group["lr"], "lr")
    require_momentum(group["momentum"])
    require_not_negative(group["weight_decay"], "weight_decay")


def _descent_gradients(params: list[Tensor], weight_decay: float, maximize: bool) -> list[Tensor]:
    """Return the gradients to descend by, leaving `.grad` itself as it is."""
    grads = [p.grad for p in params if p.grad is not None]
    if maximize:
        grads = list(torch._foreach_neg(grads))
    if weight_decay:
        grads = list(torch._foreach_add(grads, params, alpha=weight_decay))
    return grads


def _nesterov_step(
    params: list[Tensor],
    grads: list[Tensor],
    displacements: list[Tensor],
    *,
    lr: float,
    query_momentum: float,
    next_momentum: float,
) -> None:
    """Move the parameters from y_k to y_{k+1} and the displacements to x_{k+1} − x_k, in place."""
    torch._foreach_mul_(displacements, query_momentum)
    torch._foreach_add_(displacements, grads, alpha=-lr)
    torch._foreach_add_(params, grads, alpha=-lr)
    torch._foreach_add_(params, displacements, alpha=next_momentum)
