"""One rule moves all copies: its state as tensors, and its step under `vmap`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from nagcore.core import Method
from nagcore.errors import UsageError

Schedule = Callable[[Tensor, Mapping[str, Tensor]], Mapping[str, Tensor]]


class Start(NamedTuple):
    """What copies begin with."""

    state: Any
    """of the rule; each tensor in it has the copies first"""
    query: Tensor
    """(N, P) where the first gradients are wanted"""
    asks_at_iterate: bool
    """whether that is the iterate itself, at every step"""


class Mover:
    """Moves copies by a rule that is written for one.

    Args:
        rule: hyperparameters of one copy to a method.
        schedule: step k and hyperparameters to those at step k; None where they stay.
    """

    def __init__(
        self, rule: Callable[[Mapping[str, Tensor]], Method], schedule: Schedule | None
    ) -> None:
        self.rule, self.schedule = rule, schedule

    def start(self, x0: Tensor, hyper: Mapping[str, Tensor]) -> Start:
        """Return the state of copies that begin at `x0` (N, P).

        Raises:
            UsageError: the state of the rule is not made of numbers and tensors.
        """
        at_iterate: list[bool] = []
        k = torch.zeros((), dtype=torch.int64, device=x0.device)

        def begin(x0: Tensor, h: Mapping[str, Tensor]) -> tuple[Any, Tensor]:
            method = self.rule(self._at(k, h))
            state = pytree.tree_map(lambda leaf: _as_tensor(leaf, x0), method.init(x0))
            query = method.query(state)
            at_iterate.append(query is state.x)
            return state, query

        with _names_missing():
            state, query = vmap(begin)(x0, dict(hyper))
        # A rule may begin with one tensor in two places, and with a view that all copies share.
        state = pytree.tree_map(torch.clone, state)
        return Start(state, state.x if at_iterate[-1] else query.clone(), at_iterate[-1])

    def step(
        self, state: Any, grad: Tensor, hyper: Mapping[str, Tensor], k: Tensor
    ) -> tuple[Any, Tensor]:
        """Return the states after step k, and where the next gradients are wanted, (N, P)."""

        def move(state: Any, grad: Tensor, h: Mapping[str, Tensor]) -> tuple[Any, Tensor]:
            now = self._at(k, h)
            after = self.rule(now).step(state, grad, now["step_size"])  # pyright: ignore
            return after, self.rule(self._at(k + 1, h)).query(after)

        with _names_missing():
            return vmap(move)(state, grad, dict(hyper))

    def _at(self, k: Tensor, h: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return h if self.schedule is None else self.schedule(k, h)


@contextmanager
def _names_missing() -> Iterator[None]:
    """Say of a hyperparameter that is read and not there what it is."""
    try:
        yield
    except KeyError as error:
        raise UsageError(
            f"the rule or the schedule reads {error}, which hyper does not give; add it, one "
            "number for each copy"
        ) from error


def _as_tensor(leaf: Any, like: Tensor) -> Tensor:
    """Return a part of a state as a tensor; numbers, such as k, in float64."""
    if isinstance(leaf, Tensor):
        return leaf
    if isinstance(leaf, int | float):
        # 1 − 0.999^k would lose half of its digits in float32.
        return torch.tensor(float(leaf), dtype=torch.float64, device=like.device)
    raise UsageError(
        f"the rule's state holds {leaf!r}; expected numbers and tensors, as many before the first "
        "step as after it"
    )
