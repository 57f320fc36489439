"""Optimizers whose parameters are not the iterate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch

from nagcore.errors import UsageError
from nagcore.optim.base import RuleOptimizer
from nagcore.optim.tensors import plain_tensor


class QueryPointOptimizer(RuleOptimizer):
    """The parameters are the query point y, where gradients are taken; the iterate is y − c·d.

    `d` and `c` are a tensor and a scalar of the state, named by `offset`. Evaluate and save the
    model at the iterate: `with optimizer.at_iterate(): …`.
    """

    offset: ClassVar[tuple[str, str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._is_at_iterate = False
        super().__init__(*args, **kwargs)

    @contextmanager
    def at_iterate(self) -> Iterator[None]:
        """Hold the parameters at the iterate x_k inside the block, at y_k again after it.

        The query points are kept aside and put back to the same bits, also when the block
        raises. Changes made to the parameters inside the block are lost.

        Raises:
            UsageError: the block is entered a second time before it was left.
        """
        self.require_ready("at_iterate()")
        direction, factor = self.offset
        moved = [p for group in self.param_groups for p in group["params"] if self.state.get(p)]
        query_points = [p.detach().clone() for p in moved]
        self._is_at_iterate = True
        try:
            with torch.no_grad():
                for p in moved:
                    state = self.state[p]
                    plain_tensor(p).sub_(state[factor] * plain_tensor(state[direction]))
            yield
        finally:
            with torch.no_grad():
                for p, query_point in zip(moved, query_points, strict=True):
                    p.copy_(query_point)
            self._is_at_iterate = False

    def state_dict(self) -> dict[str, Any]:
        """Return the state, to be saved together with the parameters at the query point."""
        self.require_ready("state_dict()")
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another run; see `RuleOptimizer.load_state_dict`."""
        self.require_ready("load_state_dict()")
        super().load_state_dict(state_dict)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle holds."""
        self.require_ready("copying or pickling")
        return super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy or a pickle, which was made at the query point."""
        super().__setstate__(state)
        self._is_at_iterate = False

    def require_ready(self, action: str) -> None:
        """Raise UsageError inside `at_iterate()`."""
        if self._is_at_iterate:
            raise UsageError(
                f"{action} was called inside at_iterate(), where the parameters are not at the "
                "query point that the state belongs to; leave the with block first"
            )
