"""A problem as the solver asks it: checked at first, every evaluation counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from nagcore.errors import UsageError


class Oracle:
    """Answers for values and gradients, and how many there were.

    The last answer of each kind is kept: asked again at the same array, it costs nothing.

    Args:
        problem: has `value` and `grad`, and perhaps `smooth_value` and `value_and_grad`.
        x0: the starting point, shape (n,).

    Raises:
        UsageError: `value` or `grad` cannot be called, or x0 does not have the problem's shape.
    """

    def __init__(self, problem: Any, x0: np.ndarray) -> None:
        _require_functions(problem)
        _require_dimension(problem, x0)
        self.problem = problem
        self.gradient_evaluations = 0
        self.value_evaluations = 0
        self._smooth_value = getattr(problem, "smooth_value", None)
        if self._smooth_value is None and not hasattr(problem, "prox"):
            self._smooth_value = problem.value
        self._same_value = self._smooth_value == problem.value
        self._both = getattr(problem, "value_and_grad", None)
        self._x0: np.ndarray | None = x0
        self._grad_at = self._value_at = self._smooth_at = None
        self._grad_kept: Any = None
        self._value_kept = self._smooth_kept = np.nan

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient of the smooth part at x."""
        if x is self._grad_at:
            return self._grad_kept
        grad = self.problem.grad(x) if self._x0 is None else self._first_grad(x)
        self.gradient_evaluations += 1
        self._grad_at, self._grad_kept = x, grad
        return grad

    def value(self, x: np.ndarray) -> float:
        """Return F(x)."""
        if self._same_value:
            return self.smooth_value(x)
        if x is not self._value_at:
            self.value_evaluations += 1
            self._value_at, self._value_kept = x, float(self.problem.value(x))
        return self._value_kept

    def smooth_value(self, x: np.ndarray) -> float:
        """Return f(x), the value of the smooth part."""
        if x is not self._smooth_at:
            if self._smooth_value is None:
                raise UsageError(
                    f"{type(self.problem).__name__} has prox but no smooth_value(x), the value "
                    "without the part that prox belongs to; a step size by trial needs it"
                )
            self.value_evaluations += 1
            self._smooth_at, self._smooth_kept = x, float(self._smooth_value(x))
        return self._smooth_kept

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return f(x) and its gradient, in one pass over the data where the problem can."""
        if self._both is None or self._x0 is not None or x is self._grad_at or x is self._smooth_at:
            return self.smooth_value(x), self.grad(x)
        value, grad = self._both(x)
        self.gradient_evaluations += 1
        self.value_evaluations += 1
        self._grad_at, self._grad_kept = x, grad
        self._smooth_at, self._smooth_kept = x, float(value)
        return self._smooth_kept, grad

    def _first_grad(self, x: np.ndarray) -> np.ndarray:
        expected = x.shape
        try:
            grad = self.problem.grad(x)
        except (ValueError, IndexError) as error:
            shape = np.shape(getattr(self.problem, "x_star", x))
            if shape != expected:
                raise _wrong_shape(expected, shape) from error
            raise
        self._x0 = None
        if not isinstance(grad, np.ndarray) or grad.shape != expected:
            raise UsageError(
                f"grad returned {_describe(grad)}, expected an array of shape {expected}, "
                "the shape of x0"
            )
        return grad


def _require_functions(problem: Any) -> None:
    for name, meaning in (("value", "f(x)"), ("grad", "its gradient")):
        if not callable(getattr(problem, name, None)):
            raise UsageError(
                f"problem is {problem!r}, expected an object with value(x) and grad(x): "
                f"{name}, which returns {meaning}, cannot be called"
            )


def _require_dimension(problem: Any, x0: np.ndarray) -> None:
    dimension = getattr(problem, "dimension", None)
    if isinstance(dimension, int) and x0.shape != (dimension,):
        raise _wrong_shape(x0.shape, (dimension,))


def _wrong_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> UsageError:
    return UsageError(f"x0 has shape {found}, expected {expected}, as the problem has it")


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"shape {value.shape}"
    return f"a {type(value).__name__}"
