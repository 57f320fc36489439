"""The step size and momentum with which a method reaches a target first, in the noisy quadratic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nagcore.core.checks import require_momentum
from nagcore.core.gradient_descent import GradientDescent
from nagcore.core.heavy_ball import HeavyBall
from nagcore.core.method import Method
from nagcore.core.nesterov import Nesterov
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.theory.noisy_quadratic import NoisyQuadratic
from nagcore.theory.spectrum import with_momenta


def _without_momentum(momentum: Any) -> Method[Any]:  # noqa: ARG001
    return GradientDescent()


NOISY_METHODS: dict[str, Callable[[Any], Method[Any]]] = {
    "sgd": _without_momentum,
    "heavy-ball": HeavyBall,
    "nag": Nesterov,
}
"""The methods that are searched, by name: a momentum to a rule."""

# The first grid: α h_1/(1 − β) from 1e-8 to 1e4, and 1 − β from 1 to 1e-7; natural logarithms.
_LOW, _HIGH = np.log([1e-8, 1e-7]), np.log([1e4, 1.0])
_FIRST = (49, 17)
# It shrinks round each of its best points, of which so many are followed for so many rounds, and
# then round the best one, until the points lie this near.
_STARTS, _ROUNDS, _NEAR = 4, 5, 2e-3
_SIDE, _SHRINKS = 9, 0.7
# Coarser than the final count: dips of the loss within this part of an octave may be overlooked.
_PER_OCTAVE = 16
# Where even the first grid's best run is longer than this, steps are smooth in the settings.
_LONG = 4096


class BestSettings(NamedTuple):
    """The settings with which a target is reached in the fewest steps, and how many these are."""

    step_size: float
    momentum: float
    steps: float

    @property
    def whole_steps(self) -> int:
        """The first whole number of steps after which the target is reached."""
        return int(np.ceil(self.steps))


def best_settings(
    model: NoisyQuadratic,
    name: str,
    *,
    batch_size: float,
    target: float = 0.01,
    momentum: float | None = None,
) -> BestSettings:
    """Search the step size and the momentum with which a method reaches the target first.

    A grid over the logarithms of α/(1 − β) and 1 − β shrinks round its best points. What it finds
    is the bottom of the best of the valleys that the first, coarse grid shows.

    Args:
        model: the noisy quadratic.
        name: a key of `NOISY_METHODS`.
        batch_size: B, examples.
        target: the expected loss to reach.
        momentum: β, in [0, 1), where only the step size is to be searched.

    Raises:
        UsageError: the name is unknown, the momentum out of its range, or no setting of the first
            grid reaches the target.

    Example:
        >>> model = NoisyQuadratic(np.array([1.0, 0.01]))
        >>> best = best_settings(model, "heavy-ball", batch_size=1e9, target=1e-6)
        >>> best.steps < best_settings(model, "sgd", batch_size=1e9, target=1e-6).steps / 5
        True
    """
    if name not in NOISY_METHODS:
        raise UsageError(
            f"there is no method {name!r} here; the methods: {closest_first(name, NOISY_METHODS)}"
        )
    if momentum is None and name == "sgd":
        momentum = 0.0
    low, high, sides = _LOW.copy(), _HIGH.copy(), np.array(_FIRST)
    if momentum is not None:
        require_momentum(momentum)
        low[1] = high[1] = np.log1p(-momentum)
        sides[1] = 1

    def count(points: np.ndarray, per_octave: int) -> np.ndarray:
        step_sizes, momenta = _settings(points, model)
        return model.steps_to_target(
            with_momenta(NOISY_METHODS[name], momenta[:, None]),
            step_size=step_sizes,
            batch_size=batch_size,
            target=target,
            per_octave=per_octave,
            only_best=True,
        )

    best = _search(count, low, high, sides)
    if best is None:
        raise UsageError(
            f"no setting of {name} brings the loss to {target!r} at batch size {batch_size!r}; "
            "expected a larger target"
        )
    step_sizes, momenta = _settings(best[None], model)
    return BestSettings(float(step_sizes[0]), float(momenta[0]), float(count(best[None], 256)[0]))


def _settings(points: np.ndarray, model: NoisyQuadratic) -> tuple[np.ndarray, np.ndarray]:
    """Return step sizes and momenta at the points of the grid, shape (points, 2)."""
    rest = np.exp(points[:, 1])
    return np.exp(points[:, 0]) * rest / model.curvatures.max(), 1 - rest


_Count = Callable[..., np.ndarray]


def _search(count: _Count, low: np.ndarray, high: np.ndarray, sides: np.ndarray) -> Any:
    """Return the point (2,) where the count is least, or None where it is infinite everywhere."""
    points, spacing = _grid(low, high, sides), (high - low) / np.maximum(sides - 1, 1)
    steps = count(points, 4)
    long = steps.min() > _LONG
    look = partial(count, per_octave=4 if long else _PER_OCTAVE)
    sides = np.where(sides > 1, _SIDE, 1)
    found = []
    while len(found) < (_STARTS // 2 if long else _STARTS) and np.isfinite(steps).any():
        start = points[steps.argmin()]
        found.append(_shrink(look, start, float(steps.min()), spacing, sides, _ROUNDS))
        steps = np.where((np.abs(points - start) <= 1.01 * spacing).all(axis=1), np.inf, steps)
    if not found:
        return None
    best, least = min(found, key=lambda pair: pair[1])
    spacing = spacing * _SHRINKS**_ROUNDS
    rounds = int(np.ceil(np.log(_NEAR / spacing.max()) / np.log(_SHRINKS)))
    return _shrink(look, best, least, spacing, sides, rounds)[0]


def _shrink(
    count: _Count,
    best: np.ndarray,
    least: float,
    spacing: np.ndarray,
    sides: np.ndarray,
    rounds: int,
) -> tuple[np.ndarray, float]:
    """Return the best point and its count, of a grid that shrinks so many times round it."""
    for _ in range(rounds):
        reach = 1.5 * spacing
        points = _grid(best - reach, np.minimum(best + reach, [np.inf, 0.0]), sides)
        steps = count(points)
        if steps.min() < least:
            best, least = points[steps.argmin()], float(steps.min())
        spacing = spacing * _SHRINKS
    return best, least


def _grid(low: np.ndarray, high: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return the points of the grid, shape (points, 2)."""
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, sides, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
