"""What a threshold K on the gradient does to Nesterov's method under a few plans for the rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from nagcore.core import Nesterov
from nagcore.core.momentum import StronglyConvexMomentum
from nagcore.theory import Quadratic, spaced_spectrum
from nagcore.training.rates import GradientRangeLimiter, Piecewise

PLANS: Mapping[str, Piecewise] = MappingProxyType(
    {
        "constant": Piecewise((), (1.0,)),
        "rises": Piecewise((15,), (0.05, 1.0)),
        "falls": Piecewise((15,), (1.0, 0.1)),
        "jumps": Piecewise((15, 25), (1.0, 4.0, 1.0)),
    }
)
"""Multiples of 1/L over the step; 4/L is far beyond what converges."""


@dataclass(frozen=True)
class ThresholdRun:
    """A run under the rule of K.

    Attributes:
        steps: until the gap has fallen to the accuracy asked for, infinite if it never did.
        rise: the largest factor by which the gap f(x_k) − f⋆ stood above an earlier one; 1 if it
            never rose.
        bounded: in how many steps the rule changed the rate.
    """

    steps: float
    rise: float
    bounded: int


def run_with_threshold(
    plan: Piecewise,
    threshold: float,
    *,
    condition_number: float = 100.0,
    most: float = 0.1,
    accuracy: float = 1e-6,
    max_steps: int = 400,
) -> ThresholdRun:
    """Run Nesterov's method on a quadratic in 20 variables with L = 1 under the rule of K.

    Args:
        plan: the rate that is wanted, in multiples of 1/L.
        threshold: K, in the unit of the gradient, whose largest entry is 0.9 at the start; 0
            leaves every rate as it is wanted.
        condition_number: κ; the momentum is the one made for it.
        most: the largest relative change of the rate in a step, while the gradient is in [−K, K].
        accuracy: of the gap, as a part of the first.
        max_steps: when to give up.

    Example:
        >>> run_with_threshold(PLANS["constant"], 1.0).bounded
        0
    """
    problem = Quadratic(spaced_spectrum(20, condition_number), center=(1.0,) * 20, rotation_seed=0)
    limiter = GradientRangeLimiter(K=threshold, most=most)
    method = Nesterov(StronglyConvexMomentum(problem.L, problem.mu))
    state, used, gaps, bounded = method.init(np.zeros(20)), [], [], 0
    for k in range(max_steps):
        gaps.append(problem.value(state.x))
        if not accuracy * gaps[0] < gaps[-1] < 1e12 * gaps[0]:
            break
        gradient = problem.grad(method.query(state))
        wanted = [plan.at(k) / problem.L]
        used = limiter.limit(wanted, before=used, largest=float(np.abs(gradient).max()))
        bounded += used != wanted
        state = method.step(state, gradient, used[0])
    reached = gaps[-1] <= accuracy * gaps[0]
    rise = max(np.array(gaps) / np.minimum.accumulate(gaps))
    return ThresholdRun(len(gaps) - 1 if reached else math.inf, float(rise), bounded)


def run_with_rate(rate: float) -> ThresholdRun:
    """Run the same with a constant rate, which is what K is where it means the rate itself.

    Args:
        rate: in multiples of 1/L.

    Example:
        >>> run_with_rate(0.3).steps > run_with_rate(1.0).steps
        True
    """
    return run_with_threshold(Piecewise((), (rate,)), 0.0)
