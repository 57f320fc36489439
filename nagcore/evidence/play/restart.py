"""Restart to play with: the gap on an ill-conditioned quadratic, by the rule of when to restart."""

from __future__ import annotations

import math

import numpy as np

from nagcore.core.momentum import Momentum1983, StronglyConvexMomentum
from nagcore.core.nesterov import Nesterov
from nagcore.core.restart import FixedRestart, GradientRestart
from nagcore.errors import UsageError
from nagcore.evidence.figures.restart import draw_restarts
from nagcore.evidence.play.base import Playground
from nagcore.names import closest_first
from nagcore.theory.minimize import minimize
from nagcore.theory.quadratic import Quadratic, spaced_spectrum
from nagcore.theory.restart_bounds import best_interval

DIMENSION = 10
"""Eigenvalues of the quadratic, evenly spaced in their logarithm from L/κ to L."""
RULES = ("none", "every", "function", "gradient", "known")
"""When the method starts again; "known" never does, and has the constant momentum for κ."""
_LEAST, _GREATEST = 10.0, 10_000.0  # κ on the slider
_INTERVALS = (2, 2000)  # likewise


def restart(
    *, condition_number: float = 1000.0, interval: int | None = None, rule: str = "none"
) -> Playground:
    """Return the gap of Nesterov's method against the step, to be played with.

    The error begins as a multiple of (1, …, 1) with the gap 1; the step size is 1/L.

    Args:
        condition_number: κ at first, 10 to 10,000.
        interval: steps between two restarts at first; that of the theorem if left out.
        rule: at first, one of `RULES`.

    Raises:
        UsageError: an argument is out of its range.

    Example:
        >>> dict(restart(rule="gradient").attributes)
        {'condition-number': 1000.0, 'interval': 171, 'rule': 'gradient'}
    """
    if not _LEAST <= condition_number <= _GREATEST:
        raise UsageError(
            f"condition_number is {condition_number!r}, expected {_LEAST:g} to {_GREATEST:g}"
        )
    if rule not in RULES:
        raise UsageError(f"there is no rule {rule!r}; the rules: {closest_first(rule, RULES)}")
    every = best_interval(condition_number) if interval is None else interval
    if not _INTERVALS[0] <= every <= _INTERVALS[1]:
        raise UsageError(f"interval is {every!r}, expected {_INTERVALS[0]} to {_INTERVALS[1]}")
    problem = Quadratic(spaced_spectrum(DIMENSION, condition_number))
    known = StronglyConvexMomentum(problem.L, problem.mu)
    start = np.ones(DIMENSION) / math.sqrt(problem.value(np.ones(DIMENSION)))
    steps = 50 * math.ceil(0.32 * math.sqrt(condition_number))  # the width of the element's axis
    runs = {
        name: minimize(problem, method, start, restart=criterion, max_steps=steps, trace=True)
        for name, method, criterion in (
            ("no restart", Nesterov(), None),
            ("fixed interval", Nesterov(), FixedRestart(every)),
            ("gradient restart", Nesterov(), GradientRestart()),
            ("known mu", Nesterov(known), None),
        )
    }
    sequences = dict.fromkeys(runs, Momentum1983()) | {"known mu": known}
    return Playground(
        "nag-restart",
        draw_restarts(runs, sequences),
        "Gaps on a quadratic against the step. Without restart the gap sinks in ripples; restarted "
        "at a fixed interval or by the gradient it falls far faster, about as fast as with the "
        "constant momentum for the known condition number. Below, the momentum of each step: with "
        "restarts it has teeth like a saw.",
        {"condition-number": condition_number, "interval": every, "rule": rule},
    )
