"""When to forget the momentum and start again from where one stands."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from nagcore.core.checks import require_count, require_positive
from nagcore.core.inner import inner
from nagcore.errors import UsageError


class Move(NamedTuple):
    """What a criterion may look at after a step.

    `mapping` is the gradient at the query point y; for a composite function the gradient mapping
    (y − x_{k+1})/α. `since` counts the steps since the last restart, this one included. `value()`
    evaluates F(x_{k+1}).
    """

    x: Any
    next_x: Any
    mapping: Any
    step_size: float
    since: int
    value: Callable[[], float]


class Restart(Protocol):
    """A criterion: pure, with what it remembers handed in and out."""

    @property
    def needs_value(self) -> bool:
        """Return whether the criterion asks for function values."""
        ...

    def begin(self, value: Callable[[], float]) -> Any:
        """Return the first memory; `value()` evaluates F(x_0)."""
        ...

    def judge(self, memory: Any, move: Move) -> tuple[Any, bool]:
        """Return the next memory, and whether to restart at x_{k+1}."""
        ...


def require_criterion(criterion: Any, name: str) -> None:
    """Raise UsageError unless `criterion` is a restart criterion.

    Example:
        >>> require_criterion("gradient", "restart")
        Traceback (most recent call last):
        nagcore.errors.UsageError: restart is 'gradient', expected a criterion, for example ...
    """
    missing = not (hasattr(criterion, "begin") and hasattr(criterion, "judge"))
    if isinstance(criterion, type) or missing:
        found = repr(criterion)
        if isinstance(criterion, type):
            found = f"the class {criterion.__name__}"
        raise UsageError(
            f"{name} is {found}, expected a criterion, for example GradientRestart() or "
            "FixedRestart(100), with its parentheses"
        )


@dataclass(frozen=True)
class GradientRestart:
    """Restart where ⟨∇f(y_k), x_{k+1} − x_k⟩ > 0: the last step went uphill.

    For a composite function the gradient mapping stands in for the gradient. No function value
    is needed. For functions of more than one variable no bound is known, only the experience that
    it is hard to beat.

    Source: [odonoghue2015], §3.2.

    Example:
        >>> from nagcore.core.nesterov import Nesterov
        >>> Restarted(Nesterov(), GradientRestart()).criterion.needs_value
        False
    """

    needs_value = False

    def begin(self, value: Callable[[], float]) -> None:  # noqa: ARG002
        """Return nothing: this criterion remembers nothing."""
        return

    def judge(self, memory: None, move: Move) -> tuple[None, bool]:
        """Return whether the step went against the descent direction."""
        return memory, bool(inner(move.mapping, move.next_x - move.x) > 0)


@dataclass(frozen=True)
class FunctionRestart:
    """Restart where F(x_{k+1}) > F(x_k). One function value a step.

    Source: [odonoghue2015], §3.2.
    """

    needs_value = True

    def begin(self, value: Callable[[], float]) -> float:
        """Return F(x_0)."""
        return value()

    def judge(self, memory: float, move: Move) -> tuple[float, bool]:
        """Return F(x_{k+1}), and whether it is above F(x_k)."""
        value = move.value()
        return value, value > memory


@dataclass(frozen=True)
class SpeedRestart:
    """Restart where ‖x_{k+1} − x_k‖ < ‖x_k − x_{k−1}‖: the iterates slow down.

    Proved to converge linearly on strongly convex functions in the limit of small steps.

    Args:
        minimum: least number of steps between two restarts, positive: the first few steps after
            a restart do not tell.

    Raises:
        UsageError: `minimum` is not a positive whole number.

    Source: [su2016], §5.
    """

    minimum: int = 10
    needs_value = False

    def __post_init__(self) -> None:
        require_count(self.minimum, "minimum")
        require_positive(self.minimum, "minimum")

    def begin(self, value: Callable[[], float]) -> float:  # noqa: ARG002
        """Return 0, the length of no step."""
        return 0.0

    def judge(self, memory: float, move: Move) -> tuple[float, bool]:
        """Return ‖x_{k+1} − x_k‖², and whether it has fallen."""
        displacement = move.next_x - move.x
        square = float(inner(displacement, displacement))
        return square, move.since >= self.minimum and square < memory


@dataclass(frozen=True)
class FixedRestart:
    """Restart after every so many steps.

    With known μ, about 2e √(L/μ) steps are a good interval; see `nagcore.theory.best_interval`.

    Args:
        every: number of steps between two restarts, positive.

    Raises:
        UsageError: `every` is not a positive whole number.

    Source: [odonoghue2015], §3.1.
    """

    every: int
    needs_value = False

    def __post_init__(self) -> None:
        require_count(self.every, "every")
        require_positive(self.every, "every")

    def begin(self, value: Callable[[], float]) -> None:  # noqa: ARG002
        """Return nothing: this criterion remembers nothing."""
        return

    def judge(self, memory: None, move: Move) -> tuple[None, bool]:
        """Return whether the number of steps is reached."""
        return memory, move.since >= self.every


class RestartedState(NamedTuple):
    """The iterate x_k, the number k of steps and of restarts, the state of the method within, and
    what the criterion remembers."""

    x: Any
    k: int
    restarts: int
    inner: Any
    memory: Any


@dataclass(frozen=True)
class Restarted:
    """A method that starts again whenever its criterion says so: itself a method.

    Args:
        method: any rule.
        criterion: a criterion that needs no function value.

    Raises:
        UsageError: `criterion` is no criterion, or it needs function values, which a rule is not
            given.

    Example:
        >>> from nagcore.core.nesterov import Nesterov
        >>> method = Restarted(Nesterov(), FixedRestart(every=4))
        >>> state = method.init(1.0)
        >>> for _ in range(10):
        ...     state = method.step(state, method.query(state), step_size=0.1)
        >>> state.k, state.restarts, state.inner.k
        (10, 2, 2)
    """

    method: Any
    criterion: Restart

    def __post_init__(self) -> None:
        require_criterion(self.criterion, "criterion")
        if self.criterion.needs_value:
            raise UsageError(
                f"{type(self.criterion).__name__} needs function values, which a rule is not "
                "given; hand it to the solver: minimize(problem, method, x0, restart=...)"
            )

    @property
    def prox(self) -> Callable[[Any, float], Any] | None:
        """Return the proximal operator of the method within, None where it has none."""
        return getattr(self.method, "prox", None)

    @property
    def longest_step(self) -> float:
        """Return the longest step size that the method within can take."""
        return getattr(self.method, "longest_step", math.inf)

    @property
    def takes_gradient_step(self) -> bool:
        """Return whether the method within takes the plain step that a `Backtracking` tries."""
        return getattr(self.method, "takes_gradient_step", True)

    @property
    def plan(self) -> Callable[[RestartedState, float], RestartedState]:
        """Return `plan` of the method within; there is none where that has none."""
        inner_plan = self.method.plan

        def plan(state: RestartedState, step_size: float) -> RestartedState:
            return state._replace(inner=inner_plan(state.inner, step_size))

        return plan

    def init(self, x0: Any) -> RestartedState:
        """Return the state at the starting point `x0`."""
        return RestartedState(x0, 0, 0, self.method.init(x0), self.criterion.begin(_no_value))

    def query(self, state: RestartedState) -> Any:
        """Return the query point of the method within."""
        return self.method.query(state.inner)

    def step(self, state: RestartedState, grad: Any, step_size: float) -> RestartedState:
        """Return the state after one step, restarted where the criterion says so."""
        inner = self.method.step(state.inner, grad, step_size)
        mapping = grad
        if self.prox is not None:
            mapping = (1 / step_size) * (self.query(state) - inner.x)
        move = Move(state.x, inner.x, mapping, step_size, inner.k, _no_value)
        memory, again = self.criterion.judge(state.memory, move)
        if again:
            inner = self.method.init(inner.x)
        return RestartedState(inner.x, state.k + 1, state.restarts + again, inner, memory)


def _no_value() -> float:
    return math.nan
