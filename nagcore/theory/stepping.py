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

StepSize = float | Callable[[int], float] | Backtracking | None

# With shrink = 1/2 this many trials cover every positive number; a smaller step would be none.
_MOST_TRIALS = 1100


class Look(NamedTuple):
    """A query point and the gradient there, before the step."""

    state: Any
    y: np.ndarray
    grad: np.ndarray
    step_size: float


class Stepping(Protocol):
    """Finds the step size and takes the step."""

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
        UsageError: the step size is not positive, or none is given and the problem has no L.
    """
    if isinstance(step_size, Backtracking):
        return _ByTrial(method, oracle, step_size)
    if callable(step_size):
        return _Given(method, oracle, step_size)
    number = _one_over_L(oracle.problem) if step_size is None else step_size
    require_positive(number, "step_size")
    return _Given(method, oracle, number)


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

    def look(self, state: Any, k: int) -> Look:  # noqa: ARG002
        if self._next is None:
            look = self._look(state, min(1.0, self._longest))
            self._next = min(_measure_first(self._oracle, look), self._longest)
            if self._plan is None:
                return look._replace(step_size=self._next)
        self._next = min(self._next, self._longest)
        return self._look(state, self._next)

    def advance(self, look: Look) -> tuple[Any, Look]:
        after, reliable = None, False
        for _ in range(_MOST_TRIALS):
            after = self._method.step(look.state, look.grad, look.step_size)
            passed, reliable = self._test(look, after.x)
            if passed:
                break
            shorter = self._search.shorter(look.step_size)
            if self._plan is None:
                look = look._replace(step_size=shorter)
            else:
                look = self._look(look.state, shorter)
        self._next = self._search.next_trial(look.step_size, may_grow=reliable)
        return after, look

    def _look(self, state: Any, step_size: float) -> Look:
        if self._plan is not None:
            state = self._plan(state, step_size)
        y = self._method.query(state)
        self._value, grad = self._oracle.value_and_grad(y)
        return Look(state, y, grad, step_size)

    def _test(self, look: Look, x: np.ndarray) -> tuple[bool, bool]:
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
            return not np.isfinite(grad).all(), False  # a broken gradient: no trial would help
        if move_is_unseen(square, float(y @ y)):
            return True, False
        next_value = self._oracle.smooth_value(point)
        if values_can_decide(square, step_size, self._value, next_value):
            slope = float(grad @ move)
            return passes_by_values(square, step_size, self._value, next_value, slope), True
        turn = float((self._oracle.grad(point) - grad) @ move)
        return passes_by_gradients(square, step_size, turn), False


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
