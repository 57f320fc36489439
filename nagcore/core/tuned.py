"""A rule together with the step size that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from nagcore.core.method import Method


class TunedMethod(NamedTuple):
    """A rule with its step size: a number α, or a sequence k ↦ α_k."""

    method: Method[Any]
    step_size: float | Callable[[int], float]
