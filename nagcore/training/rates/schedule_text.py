"""Schedules and limiters from text, for the command line and configuration files."""

from __future__ import annotations

from nagcore.training.calls import parse_call
from nagcore.training.rates.limiter import GradientRangeLimiter
from nagcore.training.rates.schedule import Schedule
from nagcore.training.rates.schedules import SCHEDULES

_LIMITERS = {GradientRangeLimiter.name: GradientRangeLimiter}


def parse_schedule(text: str) -> Schedule:
    """Return the schedule that a text such as `cosine(steps=1000, final=0.01)` means.

    `str` of a schedule gives such a text back. Nothing in the text is executed.

    Raises:
        UsageError: a name or a value that cannot be used; the message lists the known ones.

    Example:
        >>> parse_schedule("step_decay(every=30, factor=0.5)")
        StepDecay(every=30, factor=0.5)
        >>> parse_schedule("cosin(steps=9)")
        Traceback (most recent call last):
        nagcore.errors.UsageError: schedule 'cosin' is not known; expected one of cosine, ...
    """
    return parse_call(text, "schedule", SCHEDULES, "cosine(steps=1000, final=0.01)")


def parse_limiter(text: str) -> GradientRangeLimiter:
    """Return the limiter that a text such as `gradient_range(K=0.1, most=0.01)` means.

    Raises:
        UsageError: a name or a value that cannot be used.

    Example:
        >>> parse_limiter("gradient_range(K=inf)")
        GradientRangeLimiter(K=inf, most=0.01)
    """
    return parse_call(text, "limiter", _LIMITERS, "gradient_range(K=0.1, most=0.01)")
