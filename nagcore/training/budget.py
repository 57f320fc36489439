"""What can be said of a stopping condition before the run: that it ends, and when."""

from __future__ import annotations

import math

from nagcore.errors import UsageError
from nagcore.training.stopping import (
    Both,
    Condition,
    Either,
    Epochs,
    Patience,
    Steps,
    Target,
    WallTime,
    require_condition,
)


def require_stopping(value: object, *, evaluates: bool) -> Condition:
    """Return `value` if it is a condition that stops every run and can be judged in this one.

    Args:
        value: what was given as `until`.
        evaluates: whether the run has evaluation data.

    Raises:
        UsageError: it is not.
    """
    until = require_condition(value)
    if not is_bounded(until):
        raise UsageError(f"until={until!r} may never stop; add a budget: … | Epochs(100)")
    unknown = sorted(m for m in metrics(until) if m.startswith("eval_") and not evaluates)
    if unknown:
        raise UsageError(
            f"until={until!r} looks at {', '.join(unknown)}, and there are no evaluation data; "
            "give evaluate_on"
        )
    return until


def is_bounded(until: Condition) -> bool:
    """Return whether `until` stops every run in the end.

    Example:
        >>> is_bounded(Patience("train_loss", 3)), is_bounded(Patience("train_loss", 3) | Steps(9))
        (False, True)
    """
    match until:
        case Either(first, second):
            return is_bounded(first) or is_bounded(second)
        case Both(first, second):
            return is_bounded(first) and is_bounded(second)
        case _:
            return isinstance(until, Epochs | Steps | WallTime)


def max_steps(until: Condition, steps_per_epoch: int) -> float:
    """Return the steps after which `until` stops for certain, infinite where time decides.

    Example:
        >>> max_steps(Epochs(3) | Steps(50), steps_per_epoch=20)
        50
    """
    match until:
        case Epochs(count):
            return count * steps_per_epoch
        case Steps(count):
            return count
        case Either(first, second):
            return min(max_steps(first, steps_per_epoch), max_steps(second, steps_per_epoch))
        case Both(first, second):
            return max(max_steps(first, steps_per_epoch), max_steps(second, steps_per_epoch))
        case _:
            return math.inf


def metrics(until: Condition) -> frozenset[str]:
    """Return the columns of the history that `until` looks at."""
    match until:
        case Target(metric) | Patience(metric):
            return frozenset({metric})
        case Either(first, second) | Both(first, second):
            return metrics(first) | metrics(second)
        case _:
            return frozenset()
