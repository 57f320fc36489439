"""Translations between the two-sequence form and the form with an averaging point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nagcore.core.checks import require_count
from nagcore.core.momentum import MomentumSequence
from nagcore.core.nesterov import NesterovState
from nagcore.core.three_sequences import ThreeSequencesState
from nagcore.errors import UsageError

WeightSequence = Callable[[int], float]


@dataclass(frozen=True)
class MomentumOfWeights:
    r"""β_k = θ_k (1 − θ_{k−1}) / θ_{k−1}: the momentum that belongs to the weights θ_k.

    Args:
        weights: k ↦ θ_k, not 0.

    Source: [tseng2008].

    Example:
        >>> beta = MomentumOfWeights(lambda k: 2 / (k + 2))  # (k − 1)/(k + 2)
        >>> round(beta(2), 12), round(beta(4), 12)
        (0.25, 0.5)
    """

    weights: WeightSequence

    def __call__(self, k: int) -> float:
        """Return β_k, 0 for k = 0."""
        require_count(k, "k")
        if k == 0:
            return 0.0
        before = self.weights(k - 1)
        return self.weights(k) * (1 - before) / before


@dataclass(frozen=True)
class WeightsOfMomentum:
    r"""θ_k = β_k θ_{k−1} / (1 − θ_{k−1}): the weights that belong to the momentum β_k.

    A momentum sequence leaves θ_0 open. With θ_0 = 1, as for the sequence of 1983, β_1 = 0 and
    θ_1 is open as well: give the value there as `first` and start from k = 1.

    Args:
        momentum: k ↦ β_k.
        first: the weight at k = `start`, neither 0 nor 1.
        start: the index of that weight; all before it are 1.

    Raises:
        UsageError: `first` is 0 or 1, or a later weight becomes 1, after which none is defined.

    Source: [tseng2008].

    Example:
        >>> from nagcore.core.momentum import SimplifiedMomentum
        >>> theta = WeightsOfMomentum(SimplifiedMomentum(), first=2 / 3, start=1)
        >>> [round(theta(k), 4) for k in range(5)]  # 2/(k + 2)
        [1.0, 0.6667, 0.5, 0.4, 0.3333]
    """

    momentum: MomentumSequence
    first: float
    start: int = 0
    _known: list[float] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_count(self.start, "start")
        if self.first in (0, 1):
            raise UsageError(f"first is {self.first!r}, expected a weight other than 0 and 1")
        self._known.extend([1.0] * self.start + [self.first])

    def __call__(self, k: int) -> float:
        """Return θ_k."""
        require_count(k, "k")
        while len(self._known) <= k:
            before = self._known[-1]
            if before == 1:
                raise UsageError(
                    f"the weight at k = {len(self._known) - 1} is 1, expected another value: "
                    "x and z are one point after it, which no momentum leads out of"
                )
            self._known.append(self.momentum(len(self._known)) * before / (1 - before))
        return self._known[k]


@dataclass(frozen=True)
class AveragingForm:
    r"""y_k = (1 − θ_k) x_k + θ_k z_k,  x_{k+1} = y_k − α ∇f(y_k),  z_{k+1} = z_k − (α/θ_k) ∇f(y_k).

    One step of it is one step of `Nesterov` with β_k = θ_k (1 − θ_{k−1}) / θ_{k−1}, whatever the
    step sizes are, since z_{k+1} = x_k + (x_{k+1} − x_k)/θ_k. After a weight of 1 the points x and
    z coincide and the displacement cannot be told; it is of no consequence, for β is then 0.

    Args:
        weights: k ↦ θ_k, not 0.

    Source: [tseng2008].

    Example:
        >>> form = AveragingForm(lambda k: 0.5)
        >>> state = form.enter(NesterovState(x=3.0, displacement=-1.0, k=1))
        >>> state.z, form.query(state)
        (2.0, 2.5)
        >>> form.leave(form.step(state, 2.5, 0.25))
        NesterovState(x=1.875, displacement=-1.125, k=2)
    """

    weights: WeightSequence

    def enter(self, state: NesterovState) -> ThreeSequencesState:
        """Return z_k = x_k + (1/θ_{k−1} − 1) (x_k − x_{k−1}); at rest it is x_0."""
        factor = 0.0 if state.k == 0 else 1 / self.weights(state.k - 1) - 1
        return ThreeSequencesState(state.x, state.x + factor * state.displacement, state.k)

    def query(self, state: ThreeSequencesState) -> Any:
        """Return the weighted mean of x_k and z_k."""
        return state.x + self.weights(state.k) * (state.z - state.x)

    def step(self, state: ThreeSequencesState, grad: Any, step_size: float) -> ThreeSequencesState:
        """Take a short step to the next iterate and a long one of the averaging point."""
        x = self.query(state) - step_size * grad
        z = state.z - (step_size / self.weights(state.k)) * grad
        return ThreeSequencesState(x, z, state.k + 1)

    def leave(self, state: ThreeSequencesState) -> NesterovState:
        """Return the displacement (z_k − x_k) θ_{k−1} / (1 − θ_{k−1})."""
        before = 1.0 if state.k == 0 else self.weights(state.k - 1)
        factor = 0.0 if before == 1 else before / (1 - before)
        return NesterovState(state.x, factor * (state.z - state.x), state.k)
