"""Where the step size of the next step comes from: a number, a sequence or trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from nagcore.core.backtracking import (
    Backtracking,
    move_is_unseen,
    passes_by_gradients,
    passes_by_values,
    values_can_decide,
)
from nagcore.core.checks import require_positive
from nagcore.core.method import Method
from nagcore.errors import UsageError
from nagcore.theory.oracle import Oracle
from nagcore.theory.rules import require_steps_by_gradient
from nagcore.theory.solution import Status

StepSize = float | Callable[[int], float] | Backtracking | None

# With shrink = 1/2 this many trials cover every positive number; a smaller step would be none.
_MOST_TRIALS = 1100
# A curvature that grows so much while the trials shrink is that of no smooth function.
_TOO_CURVED = 1e4


class Look(NamedTuple):
    """A query point and the gradient there, before the step."""

    state: Any
    y: np.ndarray
    grad: np.ndarray
    step_size: float


Trouble = tuple[Status, str]
"""How a run must end, and why."""


class Stepping(Protocol):
    """Finds the step size and takes the step.

    Attributes:
        trouble: why `advance` could find no step, None where it did.
    """

    trouble: Trouble | None

    def look(self, state: Any, k: int) -> Look:
        """Return the query point of step k and the gradient there."""
        ...

    def advance(self, look: Look) -> tuple[Any, Look]:
        """Return the state after the step, and the look from which it was taken at last."""
        ...


def stepping_of(method: Method[Any], oracle: Oracle, step_size: StepSize) -> Stepping:
    """Return the way of stepping that a user's `step_size` asks for.

    Args:
        method: the rule.
        oracle: the problem.
        step_size: α; a sequence k ↦ α_k; a `Backtracking`; or None for 1/L of the problem.

    Raises:
        UsageError: the step size is not positive, none is given and the problem has no L, or the
            method takes no step that a `Backtracking` could try.
    """
    _require_no_class_or_list(step_size)
    if isinstance(step_size, Backtracking):
        require_steps_by_gradient(method)
        return _ByTrial(method, oracle, step_size)
    if callable(step_size):
        return _Given(method, oracle, step_size)
    number = _one_over_L(oracle.problem) if step_size is None else step_size
    require_positive(number, "step_size")
    return _Given(method, oracle, number)


def _require_no_class_or_list(step_size: Any) -> None:
    if isinstance(step_size, type):
        name = step_size.__name__
        raise UsageError(
            f"step_size is the class {name}, expected an object of it: {name}(...), with its "
            "parentheses"
        )
    if isinstance(step_size, list | tuple | np.ndarray) and np.ndim(step_size):
        raise UsageError(
            f"step_size is a {type(step_size).__name__}, expected a number or a function "
            "k ↦ α_k; for a list of as many as max_steps: step_size=lambda k: sizes[k]"
        )


def _one_over_L(problem: Any) -> float:
    L = getattr(problem, "L", None)
    if L is None:
        raise UsageError(
            "step_size is None and the problem has no L, from which 1/L would follow; "
            "give step_size=α, or step_size=Backtracking() to find one by trial"
        )
    require_positive(L, "L")
    return 1 / L


class _Given:
    trouble: Trouble | None = None

    def __init__(
        self, method: Method[Any], oracle: Oracle, step_size: float | Callable[[int], float]
    ) -> None:
        self._query, self._step, self._grad = method.query, method.step, oracle.grad
        self._plan = getattr(method, "plan", None)
        self._step_size = step_size

    def look(self, state: Any, k: int) -> Look:
        step_size = self._step_size
        if callable(step_size):
            step_size = step_size(k)
            require_positive(step_size, f"step_size({k})")
        if self._plan is not None:
            state = self._plan(state, step_size)
        y = self._query(state)
        return Look(state, y, self._grad(y), step_size)

    def advance(self, look: Look) -> tuple[Any, Look]:
        return self._step(look.state, look.grad, look.step_size), look


class _ByTrial:
    def __init__(self, method: Method[Any], oracle: Oracle, search: Backtracking) -> None:
        self._method, self._oracle, self._search = method, oracle, search
        self._plan = getattr(method, "plan", None)
        self._prox = getattr(method, "prox", None)
        self._longest = getattr(method, "longest_step", math.inf)
        self._next = search.first
        self._value = math.nan  # f at the query point last looked at
        self.trouble: Trouble | None = None

    def look(self, state: Any, k: int) -> Look:  # noqa: ARG002
        if self._next is None:
            look = self._look(state, min(1.0, self._longest))
            self._next = min(_measure_first(self._oracle, look), self._longest)
            if self._plan is None:
                return look._replace(step_size=self._next)
        self._next = min(self._next, self._longest)
        return self._look(state, self._next)

    def advance(self, look: Look) -> tuple[Any, Look]:
        if self._value_is_broken(look):
            return None, look
        after, reliable, failures = None, False, _Failures()
        for _ in range(_MOST_TRIALS):
            after = self._method.step(look.state, look.grad, look.step_size)
            passed, reliable = self._test(look, after.x, failures)
            if passed:
                break
            shorter = self._search.shorter(look.step_size)
            if self._plan is None:
                look = look._replace(step_size=shorter)
            else:
                look = self._look(look.state, shorter)
        if not reliable and failures.blame_the_gradient():
            self.trouble = "diverged", failures.describe(look)
        self._next = self._search.next_trial(look.step_size, may_grow=reliable)
        return after, look

    def _value_is_broken(self, look: Look) -> bool:
        # ∞ is the value out of the domain, from where any step is welcome
        if math.isnan(self._value) and np.isfinite(look.y).all() and np.isfinite(look.grad).all():
            reason = (
                "value returned nan at a point where grad is finite, so that no step size can be "
                "tried: look for a logarithm of a negative number, 0/0 or ∞ − ∞ in `value`"
            )
            self.trouble = "nonfinite", reason
        return self.trouble is not None

    def _look(self, state: Any, step_size: float) -> Look:
        if self._plan is not None:
            state = self._plan(state, step_size)
        y = self._method.query(state)
        self._value, grad = self._oracle.value_and_grad(y)
        return Look(state, y, grad, step_size)

    def _test(self, look: Look, x: np.ndarray, failures: _Failures) -> tuple[bool, bool]:
        # whether the step passes, and whether its word is good enough to try a longer one next
        _, y, grad, step_size = look
        point = y - step_size * grad
        if self._prox is not None:
            point = self._prox(point, step_size)
        if np.array_equal(point, x):
            point = x  # so that the next step finds this value kept; heavy ball goes elsewhere
        move = point - y
        square = float(move @ move)
        if not math.isfinite(square):
            # where gradient or prox is broken no trial would help
            return not np.isfinite(grad).all() or blame_prox(look, point) is not None, False
        if move_is_unseen(square, float(y @ y)):
            return True, False
        next_value = self._oracle.smooth_value(point)
        if values_can_decide(square, step_size, self._value, next_value):
            slope = float(grad @ move)
            if passes_by_values(square, step_size, self._value, next_value, slope):
                return True, True
            failures.add(step_size, 2 * (next_value - self._value - slope) / square)
            return False, True
        turn = float((self._oracle.grad(point) - grad) @ move)
        return passes_by_gradients(square, step_size, turn), False


class _Failures:
    """What the failed trials of one step have shown of the curvature.

    If the gradient is right, the bend f(x') − f(y) − ⟨∇f(y), x' − y⟩ is at most L/2 ‖x' − y‖²: the
    curvature that it shows is bounded, and a short enough trial passes. If it is wrong, the bend
    falls like ‖x' − y‖ alone, and the curvature that it shows grows without end.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._last_curvature = 0.0

    def add(self, step_size: float, curvature: float) -> None:
        """Keep a trial that values decided; one out of the domain shows nothing."""
        if math.isfinite(curvature):
            self._first = self._first or (step_size, curvature)
            self._last_curvature = curvature

    def blame_the_gradient(self) -> bool:
        """Return whether no function with this gradient could have failed like that."""
        return self._first is not None and self._last_curvature > _TOO_CURVED * self._first[1]

    def describe(self, look: Look) -> str:
        """Return the reason, at the look from which no trial passed."""
        first = math.nan if self._first is None else self._first[0]
        norm = math.sqrt(float(look.grad @ look.grad))
        return (
            f"Backtracking shortened its trials from {first:.3g} to {look.step_size:.3g} at a "
            f"gradient norm of {norm:.3g}, and no value fell as the gradient says: grad is not "
            "the gradient of value, or the function has a kink there; see "
            "check_gradient(problem, x) of nagcore.theory"
        )


def blame_prox(look: Look, x: np.ndarray) -> Trouble | None:
    """Return how a run ends whose prox returned x, None where it is not to blame.

    Args:
        look: the look from which the step was taken.
        x: what prox returned.
    """
    if np.isfinite(x).all() or not np.isfinite(look.y - look.step_size * look.grad).all():
        return None
    return "nonfinite", (
        "prox returned a point that is not finite from one that is: look for a division by 0 or "
        "an overflow in `prox`"
    )


def _measure_first(oracle: Oracle, look: Look) -> float:
    # 1/curvature along the first gradient: never less than 1/L, so that trials only shorten it
    y, grad = look.y, look.grad
    norm, length = math.sqrt(float(grad @ grad)), math.sqrt(float(y @ y)) or 1.0
    if not 0 < norm < math.inf:
        return 1.0  # no step will be taken from here
    move = (-1e-4 * length / norm) * grad
    turn = float((oracle.grad(y + move) - grad) @ move)
    square = float(move @ move)
    return square / turn if 0 < turn < math.inf and square > 0 else length / norm
