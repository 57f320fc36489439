"""Convex functions h with a cheap proximal operator, for composite problems f + h.

prox(v, α) = argmin_u h(u) + ‖u − v‖²/(2α). Points are NumPy arrays or torch tensors: only
operations that both share are used. `Box` and `Simplex` are the indicators of sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

from nagcore.core.checks import require_count, require_not_negative, require_positive
from nagcore.core.indicators import Box, Simplex
from nagcore.errors import UsageError

__all__ = ["L1", "Box", "ElasticNet", "GroupNorm", "Regularizer", "Simplex", "Zero"]


class Regularizer(Protocol):
    """A convex function whose proximal operator is known."""

    @property
    def mu(self) -> float:
        """Return the strong convexity constant of h, 0 for most."""
        ...

    def value(self, x: Any) -> float:
        """Return h(x), infinite outside of its domain."""
        ...

    def prox(self, v: Any, step_size: float) -> Any:
        """Return argmin_u h(u) + ‖u − v‖²/(2 step_size), shaped like v."""
        ...


@dataclass(frozen=True)
class Zero:
    """h(x) = 0, with which a proximal method is the plain one.

    Example:
        >>> Zero().prox(3.0, 1.0), Zero().value(3.0)
        (3.0, 0.0)
    """

    @property
    def mu(self) -> float:
        """Return 0."""
        return 0.0

    def value(self, x: Any) -> float:  # noqa: ARG002
        """Return 0."""
        return 0.0

    def prox(self, v: Any, step_size: float) -> Any:
        """Return v itself."""
        require_positive(step_size, "step_size")
        return v


@dataclass(frozen=True)
class L1:
    r"""h(x) = λ ‖x‖₁; the prox moves every entry by αλ towards 0 and stops there.

    Args:
        weight: λ, not negative.

    Raises:
        UsageError: λ is negative or not a finite number.

    Source: [beck2009], equation (1.5).

    Example:
        >>> import numpy as np
        >>> h = L1(2.0)
        >>> h.prox(np.array([3.0, -0.5, -2.0]), step_size=0.5).tolist()
        [2.0, 0.0, -1.0]
        >>> h.value(np.array([3.0, -1.0]))
        8.0
    """

    weight: float

    def __post_init__(self) -> None:
        require_not_negative(self.weight, "weight")

    @property
    def mu(self) -> float:
        """Return 0: the norm is piecewise linear."""
        return 0.0

    def value(self, x: Any) -> float:
        """Return λ ‖x‖₁."""
        return self.weight * float(abs(x).sum())

    def prox(self, v: Any, step_size: float) -> Any:
        """Return sign(v) (|v| − αλ)⁺, entry by entry."""
        require_positive(step_size, "step_size")
        threshold = step_size * self.weight
        return v - v.clip(-threshold, threshold)


@dataclass(frozen=True)
class ElasticNet:
    r"""h(x) = λ₁ ‖x‖₁ + λ₂/2 ‖x‖²; the prox is that of λ₁ ‖x‖₁ divided by 1 + αλ₂.

    Args:
        l1: λ₁, not negative.
        l2: λ₂, not negative.

    Raises:
        UsageError: a weight is negative or not a finite number.

    Source: the penalty: [zou2005], equation (3); its prox: [parikh2014], §6.5.3.

    Example:
        >>> import numpy as np
        >>> ElasticNet(l1=2.0, l2=1.0).prox(np.array([3.0, -0.5]), step_size=1.0).tolist()
        [0.5, 0.0]
    """

    l1: float
    l2: float

    def __post_init__(self) -> None:
        require_not_negative(self.l1, "l1")
        require_not_negative(self.l2, "l2")

    @property
    def mu(self) -> float:
        """Return λ₂."""
        return float(self.l2)

    def value(self, x: Any) -> float:
        """Return λ₁ ‖x‖₁ + λ₂/2 ‖x‖²."""
        return self.l1 * float(abs(x).sum()) + self.l2 / 2 * float((x * x).sum())

    def prox(self, v: Any, step_size: float) -> Any:
        """Return sign(v) (|v| − αλ₁)⁺ / (1 + αλ₂), entry by entry."""
        return L1(self.l1).prox(v, step_size) / (1 + step_size * self.l2)


@dataclass(frozen=True)
class GroupNorm:
    r"""h(x) = Σ_g λ_g ‖x_g‖₂; the prox shortens each x_g by αλ_g and stops at 0.

    Entries of x in no group are left alone.

    Args:
        weight: one number λ for all groups, or a list, tuple or array of one λ_g for each group;
            not negative. The root of the group's size is a usual λ_g.
        groups: for each group the indices of its entries; no index twice.

    Raises:
        UsageError: a weight is negative or not finite, the number of weights is wrong, a group is
            empty, an index is no whole number of 0 or more, or groups overlap. Later: a point has
            fewer entries than the largest index needs.

    Source: the penalty: [yuan2006], equation (2.1); its prox: [parikh2014], §6.5.4.

    Example:
        >>> import numpy as np
        >>> h = GroupNorm(weight=1.0, groups=((0, 1), (2,)))
        >>> h.prox(np.array([3.0, 4.0, 0.5]), step_size=1.0).round(6).tolist()
        [2.4, 3.2, 0.0]
    """

    weight: Any  # a number, or made a tuple of one for each group
    groups: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", _as_groups(self.groups))
        if not isinstance(self.weight, Real):
            object.__setattr__(self, "weight", _as_weights(self.weight))
        if len(self._weights) != len(self.groups):
            raise UsageError(
                f"weight has {len(self._weights)} entries and groups has {len(self.groups)}, "
                "expected one number, or one for each group"
            )
        for weight in self._weights:
            require_not_negative(weight, "weight")

    @property
    def mu(self) -> float:
        """Return 0: each norm is linear along its rays."""
        return 0.0

    @property
    def _weights(self) -> tuple[float, ...]:
        if isinstance(self.weight, Real):
            return (float(self.weight),) * len(self.groups)
        return tuple(self.weight)

    def value(self, x: Any) -> float:
        """Return Σ_g λ_g ‖x_g‖₂."""
        self._require_entries(x)
        parts = zip(self._weights, self.groups, strict=True)
        return sum((weight * _norm(x[list(group)]) for weight, group in parts), 0.0)

    def prox(self, v: Any, step_size: float) -> Any:
        """Return (1 − αλ_g/‖v_g‖)⁺ v_g, group by group."""
        require_positive(step_size, "step_size")
        self._require_entries(v)
        v = v + 0.0  # in NumPy and torch alike floats, where v has integers
        result = v + 0.0  # a copy
        for weight, group in zip(self._weights, self.groups, strict=True):
            part = v[list(group)]
            norm, threshold = _norm(part), step_size * weight
            shorter = part * (1 - threshold / norm) if norm > threshold else part - part
            result[list(group)] = shorter
        return result

    def _require_entries(self, x: Any) -> None:
        needed = 1 + max(max(group) for group in self.groups)
        if len(x.shape) != 1 or x.shape[0] < needed:
            raise UsageError(
                f"the point has shape {tuple(x.shape)}, expected one axis of at least {needed} "
                f"entries: the groups name index {needed - 1}"
            )


def _norm(part: Any) -> float:
    return float((part * part).sum()) ** 0.5


def _as_weights(weight: Any) -> tuple[Any, ...]:
    if not isinstance(weight, str):
        try:
            return tuple(weight)
        except TypeError:
            pass
    raise UsageError(f"weight is {weight!r}, expected one number, or one for each group")


def _as_groups(groups: Any) -> tuple[tuple[int, ...], ...]:
    try:
        found = tuple(tuple(group) for group in groups)
    except TypeError as error:
        raise UsageError(f"groups is {groups!r}, expected a list of lists of indices") from error
    if not found or not all(found):
        raise UsageError(f"groups is {groups!r}, expected at least one group, and none empty")
    seen: set[int] = set()
    for group in found:
        for index in group:
            require_count(index, "an index of groups")
            if index in seen:
                raise UsageError(
                    f"index {index} stands in groups twice, expected groups that do not overlap: "
                    "the proximal operator is not known in closed form otherwise"
                )
            seen.add(index)
    return tuple(tuple(int(index) for index in group) for group in found)
