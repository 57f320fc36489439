"""The noisy quadratic model: steps to a target against the batch size, without a random number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nagcore.core.checks import require_count, require_positive
from nagcore.core.method import Method
from nagcore.errors import UsageError
from nagcore.theory.moments import moment_matrix

# Octaves of steps that are looked at before a run counts as one that does not arrive: 2^30 steps.
_OCTAVES = 30
# How many points of an octave: every step up to 256, then 256 of them between t and 2t.
_PER_OCTAVE = 256


@dataclass(frozen=True, eq=False)
class NoisyQuadratic:
    r"""f(x) = ½ Σ h_i x_i², whose gradient at y comes as h_i y_i + ε_i, Var ε_i = c h_i / B.

    Each coordinate starts with E x_i² = 1 and has noise of its own, fresh at each step. A rule that
    is linear in its state maps the second moments of the state linearly, so that the expected loss
    after any number of steps is the power of a small matrix.

    Args:
        curvatures: h, shape (n,), positive.
        counts: how many coordinates have each of them, shape (n,); one each if left out.
        noise: c, the variance of the gradient of one example over the curvature.

    Raises:
        UsageError: shapes do not fit together, or a value is not positive.

    Source: [zhang2019], §3.

    Example:
        >>> from nagcore.core import GradientDescent
        >>> model = NoisyQuadratic(np.array([1.0]), noise=0.5)
        >>> model.losses(GradientDescent(), [0, 1, 2], step_size=0.5, batch_size=1).tolist()
        [0.5, 0.1875, 0.109375]
    """

    curvatures: np.ndarray
    counts: np.ndarray | None = None
    noise: float = 1.0

    def __post_init__(self) -> None:
        curvatures = np.asarray(self.curvatures, dtype=float)
        counts = np.ones_like(curvatures) if self.counts is None else np.asarray(self.counts)
        if curvatures.ndim != 1 or not curvatures.size or counts.shape != curvatures.shape:
            raise UsageError(
                f"curvatures have the shape {curvatures.shape} and counts {counts.shape}, "
                "expected (n,) for both, n ≥ 1"
            )
        if not np.isfinite(curvatures).all() or curvatures.min() <= 0 or counts.min() <= 0:
            raise UsageError(
                f"curvatures begin at {curvatures.min()} and counts at {counts.min()}, "
                "expected positive numbers"
            )
        require_positive(self.noise, "noise")
        object.__setattr__(self, "curvatures", curvatures)
        object.__setattr__(self, "counts", counts.astype(float))

    @property
    def first_loss(self) -> float:
        """½ Σ h_i, the loss at the start."""
        return float(self._weights.sum())

    @property
    def _weights(self) -> np.ndarray:
        return 0.5 * self.curvatures * np.asarray(self.counts)

    def losses(
        self, method: Method[Any], steps: npt.ArrayLike, *, step_size: float, batch_size: float
    ) -> np.ndarray:
        """Return the expected loss at the iterate after each of these numbers of steps.

        Assumes a rule with constant momentum whose state holds the iterate, at most one
        displacement, and the count: gradient descent, heavy ball, Nesterov's method.

        Args:
            method: the rule.
            steps: k, whole numbers, shape (n,).
            step_size: α.
            batch_size: B, examples.

        Returns:
            Losses, shape (n,); inf or nan where the method diverged beyond all numbers.
        """
        wanted = np.asarray(steps, dtype=np.int64)
        matrix, moments = self._system(method, step_size, batch_size)
        shape = (len(wanted), len(self.curvatures), len(moments))
        states = np.broadcast_to(moments, shape)[..., None].copy()
        with np.errstate(all="ignore"):
            for bit in range(int(wanted.max(initial=0)).bit_length()):
                odd = (wanted >> bit) % 2 == 1
                states[odd] = matrix @ states[odd]
                matrix = matrix @ matrix
            return self._losses_of(states)[:, 0]

    def steps_to_target(
        self,
        method: Method[Any],
        *,
        step_size: npt.ArrayLike,
        batch_size: float,
        target: float = 0.01,
        per_octave: int = _PER_OCTAVE,
        only_best: bool = False,
    ) -> np.ndarray:
        """Return the first number of steps after which the expected loss is at most `target`.

        Step sizes and the momentum of the rule may be arrays of one shape. The loss is looked at
        after every step up to `per_octave`, and from there at that many places between t and 2t;
        between two places the step is found by bisection. The last step counts in part, by the
        logarithm of the loss, so that the result is smooth in the settings; round it up.

        Args:
            method: as for `losses`; an array of momenta comes by `spectrum.with_momenta`.
            step_size: α, any shape.
            batch_size: B, examples.
            target: the loss to reach, positive.
            per_octave: places, a power of two.
            only_best: stop where the first of the settings arrives; the others get inf.

        Returns:
            Steps, in the shape of step sizes and momenta together; inf for 2^30 or more.

        Raises:
            UsageError: `target` is not positive, or `per_octave` not a power of two.
        """
        require_positive(target, "target")
        require_count(per_octave, "per_octave")
        if per_octave & (per_octave - 1):
            raise UsageError(f"per_octave is {per_octave}, expected a power of two")
        matrix, start = self._system(method, np.asarray(step_size, float)[..., None], batch_size)
        shape, m = matrix.shape[:-3], matrix.shape[-1]
        found = np.full(int(np.prod(shape)), 0.0 if self.first_loss <= target else np.inf)
        running = np.flatnonzero(np.isinf(found))
        states = np.broadcast_to(start, (len(running), len(self.curvatures), m))[..., None]
        # powers[p] is the map of 2^p steps, for the settings that have not arrived
        powers = [matrix.reshape(-1, *matrix.shape[-3:])[running]]
        with np.errstate(all="ignore"):
            for octave in range(_OCTAVES):
                span = 2 ** max(octave - 1, 0)
                stride = max(span // per_octave, 1)
                points = _points(powers, states, span, stride)
                crossed = self._losses_of(points) <= target
                arrived = crossed.any(axis=1)
                for row in np.flatnonzero(arrived):
                    at = int(crossed[row].argmax())
                    before = points[row, ..., at - 1] if at else states[row, ..., 0]
                    offset = self._bisect([p[row] for p in powers], before, stride, target)
                    found[running[row]] = (span if octave else 0) + at * stride + offset
                if arrived.all() or (only_best and arrived.any()):
                    break
                states = points[..., -1:]
                if arrived.any():
                    states, running = states[~arrived], running[~arrived]
                    powers = [power[~arrived] for power in powers]
                if octave:
                    powers.append(powers[-1] @ powers[-1])
        return found.reshape(shape)[()]

    def _system(
        self, method: Method[Any], step_size: npt.ArrayLike, batch_size: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the map of the moments, a constant 1 behind them, and the moments at the start."""
        require_positive(batch_size, "batch_size")
        variance = self.noise * self.curvatures / batch_size
        matrix = moment_matrix(
            method, curvature=self.curvatures, variance=variance, step_size=step_size
        )
        start = np.zeros(matrix.shape[-1])
        start[[0, -1]] = 1.0
        return matrix, start

    def _losses_of(self, points: np.ndarray) -> np.ndarray:
        """Return the losses (…, p) of moments (…, n, m, p)."""
        return np.einsum("...np,n->...p", points[..., 0, :], self._weights)

    def _bisect(
        self, powers: list[np.ndarray], state: np.ndarray, stride: int, target: float
    ) -> float:
        """Return the steps from `state` (n, m) to the target, which lies within the stride."""
        state, done = state[..., None], 0
        for power in range(stride.bit_length() - 2, -1, -1):
            trial = powers[power] @ state
            if not self._losses_of(trial)[0] <= target:
                state, done = trial, done + 2**power
        above, below = (self._losses_of(s)[0] for s in (state, powers[0] @ state))
        part = np.log(above / target) / np.log(above / below)
        return done + max(float(part), 1e-9)  # a step that ends at 0 is a step, too


def _points(powers: list[np.ndarray], states: np.ndarray, span: int, stride: int) -> np.ndarray:
    """Return the moments (…, n, m, p) at stride, 2 stride, …, span steps from `states`."""
    points = powers[stride.bit_length() - 1] @ states
    while points.shape[-1] * stride < span:
        ahead = powers[(points.shape[-1] * stride).bit_length() - 1] @ points
        points = np.concatenate([points, ahead], axis=-1)
    return points


def harmonic_quadratic(
    dimensions: int = 10_000, *, alone: int = 64, ratio: float = 1.02
) -> NoisyQuadratic:
    """Return the model with h_i = 1/i, i = 1, …, K, and covariance H/B of the noise.

    Equal treatment costs the same for a thousand curvatures as for one, so those after the first
    ones are gathered in groups whose ends have a constant ratio; a group stands at its mean, so
    that ½ Σ h_i is exact.

    Args:
        dimensions: K.
        alone: how many of the largest curvatures stay alone.
        ratio: of the ends of a group, above 1; nearer to 1 is finer.

    Source: [zhang2019], where K = 10⁴.

    Example:
        >>> model = harmonic_quadratic()
        >>> len(model.curvatures), round(model.first_loss, 3)
        (346, 4.894)
    """
    require_count(dimensions, "dimensions")
    if not ratio > 1:
        raise UsageError(f"ratio is {ratio!r}, expected a number above 1")
    ends = [min(alone, dimensions)]
    while ends[-1] < dimensions:
        ends.append(min(max(int(ends[-1] * ratio), ends[-1] + 1), dimensions))
    starts = np.array([*range(ends[0]), *ends[:-1]])
    counts = np.diff(np.append(starts, dimensions))
    sums = np.add.reduceat(1 / np.arange(1, dimensions + 1), starts)
    return NoisyQuadratic(sums / counts, counts)
