"""Schedule-free methods: a weighted average of iterates in place of a schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nagcore.core.adam import adaptive_scale, averaged
from nagcore.core.checks import require_momentum, require_not_negative
from nagcore.core.momentum import MomentumSequence, as_sequence

# Where all step sizes so far were 0 the share is 0/this; it is lost beside the weight of any other.
_TINY = 2.0**-126


class ScheduleFreeState(NamedTuple):
    """The base iterate, the average, the sum of weights, the largest step size and k."""

    z: Any
    x: Any
    total: float
    largest: float
    k: int


class ScheduleFreeOffsetState(NamedTuple):
    """The query point y, the offset z − x, its weight 1 − β_k in y, and numbers as before."""

    y: Any
    offset: Any
    weight: float
    total: float
    largest: float
    k: int

    @property
    def x(self) -> Any:
        """Return the average, y − (1 − β_k)(z − x)."""
        return self.y - self.weight * self.offset


class ScheduleFreeAdamWState(NamedTuple):
    """The state of the schedule-free method inside, and the average of squares."""

    inside: Any
    square: Any

    @property
    def x(self) -> Any:
        """Return the average of the iterates."""
        return self.inside.x

    @property
    def k(self) -> int:
        """Return the number of steps taken."""
        return self.inside.k


@dataclass(frozen=True)
class ScheduleFree:
    r"""z_{k+1} = z_k − α ∇f(y_k),  x_{k+1} = (1 − c) x_k + c z_{k+1},  y_k = (1 − β) z_k + β x_k.

    Gradients are taken between the base iterate z and the average x, which is the answer. The
    share c is that of the new weight in all weights so far; the weight of step j is
    j^r · (the largest step size up to j)^p, so that a warm-up counts for less. With β = 0 it is
    Polyak's and Ruppert's averaging, and with β = 1 it would be primal averaging.

    Args:
        momentum: β, a number in [0, 1), or a sequence k ↦ β_k.
        power: p, 0 or larger.
        r: power of the number of the step, 0 or larger.

    Raises:
        UsageError: a value is out of its range.

    Source: [defazio2024], Algorithm 1; the weights as in the authors' program.

    Example:
        The first share is 1, so the average starts with the first base iterate.

        >>> method = ScheduleFree(momentum=0.5)
        >>> state = method.step(method.init(4.0), grad=4.0, step_size=0.25)
        >>> state.z, state.x
        (3.0, 3.0)
        >>> state = method.step(state, grad=4.0, step_size=0.25)
        >>> state.z, state.x, method.query(state)
        (2.0, 2.5, 2.25)
    """

    momentum: MomentumSequence | float = 0.9
    power: float = 2.0
    r: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", as_sequence(self.momentum))
        require_not_negative(self.power, "power")
        require_not_negative(self.r, "r")

    def init(self, x0: Any) -> ScheduleFreeState:
        """Return the state at the starting point `x0`."""
        return ScheduleFreeState(z=x0, x=x0, total=0.0, largest=0.0, k=0)

    def query(self, state: ScheduleFreeState) -> Any:
        """Return y_k."""
        momentum = as_sequence(self.momentum)(state.k)
        return (1 - momentum) * state.z + momentum * state.x

    def step(self, state: ScheduleFreeState, grad: Any, step_size: float) -> ScheduleFreeState:
        """Return the state after one step."""
        share, total, largest = self.share(state, step_size)
        z = state.z - step_size * grad
        x = (1 - share) * state.x + share * z
        return ScheduleFreeState(z, x, total, largest, state.k + 1)

    def share(
        self, state: ScheduleFreeState | ScheduleFreeOffsetState, step_size: float
    ) -> tuple[Any, Any, Any]:
        """Return c, and with this step the sum of weights and the largest step size."""
        largest = _larger(state.largest, step_size)
        weight = (state.k + 1) ** self.r * largest**self.power
        total = state.total + weight
        return weight / (total + _TINY), total, largest


@dataclass(frozen=True)
class ScheduleFreeOffset:
    r"""x_k = y_k − (1 − β_k) e_k,  e_{k+1} = (1 − c)(e_k − α ∇f(y_k)),  e = z − x.

    The three sequences in two: y, where gradients are taken, and the offset e of the base iterate
    from the average. x_{k+1} = x_k + c (e_k − α ∇f(y_k)) and y_{k+1} = x_{k+1} + (1 − β_{k+1})
    e_{k+1}. The momentum may change at every step; y knows the one it was made with.

    Args:
        method: whose sequences these are.

    Source: [defazio2024], rewritten.

    Example:
        >>> method = ScheduleFreeOffset(ScheduleFree(momentum=0.5))
        >>> state = method.init(4.0)
        >>> for _ in range(2):
        ...     state = method.step(state, grad=4.0, step_size=0.25)
        >>> state.y, state.x, method.leave(state).z
        (2.25, 2.5, 2.0)
    """

    method: ScheduleFree = field(default_factory=ScheduleFree)

    def init(self, x0: Any) -> ScheduleFreeOffsetState:
        """Return the state at the starting point `x0`."""
        return self.enter(self.method.init(x0))

    def enter(self, state: ScheduleFreeState) -> ScheduleFreeOffsetState:
        """Write the three sequences in two."""
        weight = 1 - as_sequence(self.method.momentum)(state.k)
        y, offset = self.method.query(state), state.z - state.x
        return ScheduleFreeOffsetState(y, offset, weight, state.total, state.largest, state.k)

    def leave(self, state: ScheduleFreeOffsetState) -> ScheduleFreeState:
        """Return the three sequences."""
        x = state.x
        return ScheduleFreeState(x + state.offset, x, state.total, state.largest, state.k)

    def query(self, state: ScheduleFreeOffsetState) -> Any:
        """Return y_k."""
        return state.y

    def step(
        self, state: ScheduleFreeOffsetState, grad: Any, step_size: float
    ) -> ScheduleFreeOffsetState:
        """Return the state after one step."""
        share, total, largest = self.method.share(state, step_size)
        moved = state.offset - step_size * grad  # z_{k+1} − x_k
        x = state.x + share * moved
        offset = (1 - share) * moved
        weight = 1 - as_sequence(self.method.momentum)(state.k + 1)
        y = x + weight * offset
        return ScheduleFreeOffsetState(y, offset, weight, total, largest, state.k + 1)


@dataclass(frozen=True)
class ScheduleFreeAdamW:
    r"""Schedule-free steps along g / (√v̂ + ε) + λ y, v̂ the unbiased average of squares.

    As in Adam every coordinate has its own scale, but there is no average of gradients: the
    momentum is that of the schedule-free method. Weights decay at the query point.

    Args:
        method: the schedule-free method inside, in either form.
        beta2: weight β₂ of the old average of squares, in [0, 1).
        eps: ε, 0 or larger, in units of the gradient.
        weight_decay: λ, 0 or larger.

    Raises:
        UsageError: a value is out of its range.

    Source: [defazio2024], Algorithm 1 applied to AdamW, as in the authors' program.

    Example:
        >>> method = ScheduleFreeAdamW(eps=0.0)
        >>> round(method.step(method.init(1.0), grad=250.0, step_size=0.1).x, 12)
        0.9
    """

    method: ScheduleFree | ScheduleFreeOffset = field(default_factory=ScheduleFree)
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    takes_gradient_step = False

    def __post_init__(self) -> None:
        require_momentum(self.beta2, "beta2")
        require_not_negative(self.eps, "eps")
        require_not_negative(self.weight_decay, "weight_decay")

    def init(self, x0: Any) -> ScheduleFreeAdamWState:
        """Return the state at the starting point `x0`, the average of squares 0."""
        return ScheduleFreeAdamWState(self.method.init(x0), x0 - x0)

    def query(self, state: ScheduleFreeAdamWState) -> Any:
        """Return y_k."""
        return self.method.query(state.inside)

    def step(
        self, state: ScheduleFreeAdamWState, grad: Any, step_size: float
    ) -> ScheduleFreeAdamWState:
        """Return the state after one step."""
        square = averaged(self.beta2, state.square, grad * grad)
        scaled = grad / adaptive_scale(square, self.beta2, state.k + 1, self.eps)
        direction = scaled + self.weight_decay * self.query(state)
        return ScheduleFreeAdamWState(self.method.step(state.inside, direction, step_size), square)


def _larger(a: Any, b: Any) -> Any:
    """Return the larger one, of numbers and also of symbols: b where it is larger, else a."""
    return a + (b - a) * (b > a)
