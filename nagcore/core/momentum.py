"""Momentum sequences β_k, one class each.

A sequence is called with the number k of steps taken and returns β_k, the weight of the last
displacement in y_k = x_k + β_k (x_k − x_{k−1}). Since x_0 − x_{−1} = 0, the value of β_0 never
matters; every sequence that starts from rest returns 0 there.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from nagcore.core.checks import (
    require_count,
    require_curvature,
    require_momentum,
    require_positive,
)
from nagcore.core.constants import (
    require_constants,
    require_curved,
    require_number_of_steps,
)
from nagcore.errors import UsageError

MomentumSequence = Callable[[int], float]


@dataclass(frozen=True)
class ConstantMomentum:
    """β_k = β.

    Args:
        momentum: β in [0, 1).

    Raises:
        UsageError: β lies outside [0, 1).

    Example:
        >>> ConstantMomentum(0.9)(7)
        0.9
    """

    momentum: float

    def __post_init__(self) -> None:
        require_momentum(self.momentum)

    def __call__(self, k: int) -> float:  # noqa: ARG002
        """Return β, whatever k is."""
        return self.momentum


@dataclass(frozen=True)
class StronglyConvexMomentum:
    r"""β_k = (1 − √(μ/L)) / (1 + √(μ/L)).

    The constant momentum for L-smooth, μ-strongly convex functions with step size 1/L. The gap
    after k steps is at most (1 − √(μ/L))^k (f(x_0) − f⋆ + μ/2 ‖x_0 − x⋆‖²).

    Args:
        L: Lipschitz constant of the gradient, positive.
        mu: strong convexity constant, 0 < mu ≤ L.

    Raises:
        UsageError: the constants are not ordered 0 < mu ≤ L.

    Source: [nesterov2018], §2.2.1; the bound: [daspremont2021], Corollary 4.15.

    Example:
        >>> StronglyConvexMomentum(L=100.0, mu=1.0)(3)  # (1 − 0.1) / (1 + 0.1)
        0.8181818181818181
    """

    L: float
    mu: float

    def __post_init__(self) -> None:
        require_curvature(self.L, self.mu)

    def __call__(self, k: int) -> float:  # noqa: ARG002
        """Return the constant, whatever k is."""
        root = math.sqrt(self.mu / self.L)
        return (1 - root) / (1 + root)


@dataclass(frozen=True)
class VariableStronglyConvexMomentum:
    r"""β_k = (t_{k−1} − 1) / (t_k + q t_{k−1}²) with t_k² − t_k = (1 − q t_k) t_{k−1}², q = μ/L.

    The sequence of 1983 made for strong convexity: t_0 = 1, and for q = 0 it is that sequence.
    It starts like it and tends to the constant (1 − √q)/(1 + √q), so that one run has both
    bounds: with step size 1/L the gap after k steps is at most
    min(2/(k + 1)², ½ (1 + √q)(1 − √q)^k) L‖x_0 − x⋆‖².

    Args:
        L: Lipschitz constant of the gradient, positive.
        mu: strong convexity constant, 0 ≤ mu < L.

    Raises:
        UsageError: the constants are not ordered 0 ≤ mu < L.

    Source: the recurrence: [nesterov2018], §2.2.1; the bound: [chambolle2016], §4.

    Example:
        >>> sequence = VariableStronglyConvexMomentum(L=100.0, mu=1.0)
        >>> [round(sequence(k), 4) for k in (0, 1, 2, 10, 1000)]
        [0.0, 0.0, 0.2782, 0.7254, 0.8182]
    """

    L: float
    mu: float
    _t: list[float] = field(default_factory=lambda: [1.0], init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_constants(self.L, self.mu)
        require_curved(self.L, self.mu)

    def __call__(self, k: int) -> float:
        """Return β_k."""
        if k == 0:
            return 0.0
        before = self.t(k - 1)
        return (before - 1) / (self.t(k) + self.mu / self.L * before**2)

    def t(self, k: int) -> float:
        """Return t_k, from t_0 = 1 up to the limit 1/√q."""
        require_count(k, "k")
        q = self.mu / self.L
        while len(self._t) <= k:
            square = self._t[-1] ** 2
            half = (1 - q * square) / 2
            self._t.append(half + math.sqrt(half * half + square))
        return self._t[k]


@dataclass(frozen=True)
class Momentum1983:
    r"""β_k = (t_{k−1} − 1) / t_k with t_0 = 1 and t_k = (1 + √(1 + 4 t_{k−1}²)) / 2.

    Nesterov's sequence of 1983, the one that FISTA uses too. With step size 1/L the gap after k
    steps is at most L‖x_0 − x⋆‖² / (2 t_{k−1}²) ≤ 2L‖x_0 − x⋆‖² / (k + 1)².

    Source: [nesterov1983]; the bound: [beck2009], Theorem 4.4.

    Example:
        >>> [round(Momentum1983()(k), 4) for k in range(4)]
        [0.0, 0.0, 0.2818, 0.434]
    """

    def __call__(self, k: int) -> float:
        """Return β_k."""
        return 0.0 if k == 0 else (extrapolation(k - 1) - 1) / extrapolation(k)


@dataclass(frozen=True)
class SimplifiedMomentum:
    r"""β_k = (k − 1) / (k + 2), written k / (k + 3) where the index counts from y_{k+1}.

    A rational stand-in for the sequence of 1983 with the same rate: with step size 1/L the gap
    after k steps is at most 2L‖x_0 − x⋆‖² / (k² + 5k + 6) (found numerically to be exact).

    Source: [su2016], equation (1); the constant: [goujaud2024], accelerated gradient, simplified.

    Example:
        >>> [SimplifiedMomentum()(k) for k in range(5)]
        [0.0, 0.0, 0.25, 0.4, 0.5]
    """

    def __call__(self, k: int) -> float:
        """Return β_k."""
        return max(k - 1, 0) / (k + 2)


@dataclass(frozen=True)
class ChambolleDossalMomentum:
    r"""β_k = (k − 1) / (k + a).

    For a = 2 this is the simplified sequence. For a > 2 the iterates themselves were proved to
    converge first, not only their gaps; for a = 2 and for the sequence of 1983 this was open until
    2025. With step size 1/L the gap after k steps is at most
    a² L‖x_0 − x⋆‖² / (2 (k + a − 1)²).

    Args:
        a: 2 or larger; 3 or a little more is usual.

    Raises:
        UsageError: a is not a finite number of 2 or more.

    Source: [chambolle2015]; the case that was open: [jang2025], [bot2025].

    Example:
        >>> [ChambolleDossalMomentum(3)(k) for k in range(4)]
        [0.0, 0.0, 0.2, 0.3333333333333333]
    """

    a: float = 3.0

    def __post_init__(self) -> None:
        require_positive(self.a, name="a")
        if self.a < 2:
            raise UsageError(
                f"a is {self.a!r}, expected 2 or more: below it t_k = (k + a)/a breaks "
                "t_k² − t_k ≤ t_{k−1}², on which the bound rests"
            )

    def __call__(self, k: int) -> float:
        """Return β_k."""
        return max(k - 1, 0) / (k + self.a)


@dataclass(frozen=True)
class Schedule2013:
    r"""β_k = min(1 − 2^{−1−log₂(⌊k/250⌋ + 1)}, β_max) = min(1 − 1/(2(⌊k/250⌋ + 1)), β_max).

    The schedule with which deep autoencoders were trained in 2013: 1/2 for the first 250 steps,
    3/4 for the next 250, and so on up to the ceiling.

    Args:
        maximum: β_max in [0, 1).
        period: number of steps between two changes, positive.

    Raises:
        UsageError: `maximum` lies outside [0, 1), or `period` is not positive.

    Source: [sutskever2013], equation (5).

    Example:
        >>> schedule = Schedule2013(maximum=0.9)
        >>> [schedule(k) for k in (0, 249, 250, 500, 10_000)]
        [0.5, 0.5, 0.75, 0.8333333333333334, 0.9]
    """

    maximum: float = 0.999
    period: int = 250

    def __post_init__(self) -> None:
        require_momentum(self.maximum, name="maximum")
        require_number_of_steps(self.period, name="period")

    def __call__(self, k: int) -> float:
        """Return β_k."""
        return min(1 - 1 / (2 * (k // self.period + 1)), self.maximum)


_extrapolations = [1.0]
_growing = threading.Lock()


def extrapolation(k: int) -> float:
    """Return t_k of the sequence of 1983, t_0 = 1, growing like k/2.

    Args:
        k: index, not negative.

    Raises:
        UsageError: k is not a whole number, 0 or larger.

    Source: [nesterov1983].

    Example:
        >>> extrapolation(1)
        1.618033988749895
    """
    require_count(k, "k")
    if len(_extrapolations) <= k:
        with _growing:  # two threads would otherwise append the same number twice
            while len(_extrapolations) <= k:
                t = _extrapolations[-1]
                _extrapolations.append((1 + math.sqrt(1 + 4 * t * t)) / 2)
    return _extrapolations[k]


def last_extrapolation(k: int) -> float:
    """Return θ_k = (1 + √(1 + 8 t_{k−1}²)) / 2, which stands for t_k in a last step; θ_0 = 1.

    Args:
        k: index, not negative.

    Raises:
        UsageError: k is not a whole number, 0 or larger.

    Source: [kim2016].

    Example:
        >>> last_extrapolation(1)
        2.0
    """
    require_count(k, "k")
    return 1.0 if k == 0 else (1 + math.sqrt(1 + 8 * extrapolation(k - 1) ** 2)) / 2


def as_sequence(momentum: MomentumSequence | float) -> MomentumSequence:
    """Return `momentum` as a sequence: a number becomes a constant one.

    Raises:
        UsageError: a number outside [0, 1), or a class in the place of a sequence.

    Example:
        >>> as_sequence(0.9)
        ConstantMomentum(momentum=0.9)
    """
    if isinstance(momentum, type):
        raise UsageError(
            f"momentum is the class {momentum.__name__}, expected a sequence: "
            f"write {momentum.__name__}(...)"
        )
    return momentum if callable(momentum) else ConstantMomentum(momentum)
