"""Whether the saved state of one rate setter may be taken over by another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer

from nagcore.errors import UsageError
from nagcore.training.rates.groups import require_groups

_FIELDS = {"source", "limiter", "instructions", "used", "record"}


def as_text_or_none(value: object) -> str | None:
    """Return a limiter as it is saved."""
    return None if value is None else str(value)


def require_saved_alike(
    state: object, schedule: object, limiter: object, optimizer: Optimizer | None
) -> None:
    """Raise UsageError unless a setter like this one saved the state.

    Args:
        state: what is to be loaded.
        schedule: the setter's own.
        limiter: the setter's own, or None.
        optimizer: the one that is attached, if there is one.
    """
    if not isinstance(state, Mapping) or set(state) != _FIELDS:
        expected = ", ".join(sorted(_FIELDS))
        raise UsageError(f"this is not the state of a rate setter; expected {expected}")
    source: Any = state["source"]
    for name, saved, own in (
        ("schedule", source.get("schedule"), str(schedule)),
        ("limiter", state["limiter"], as_text_or_none(limiter)),
    ):
        if saved != own:
            raise UsageError(
                f"the state was saved with the {name} {saved}, and this rate setter has {own}; "
                f"make it with the {name} {saved}, or begin a new run"
            )
    if optimizer is not None:
        require_groups(len(source["own"]), optimizer)
