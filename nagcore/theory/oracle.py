"""A problem as the solver asks it: checked, every evaluation counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from nagcore.errors import UsageError
from nagcore.theory.answers import (
    Keeper,
    as_number,
    require_array,
    require_dimension,
    require_functions,
    wrong_dimension,
)


class Oracle:
    """Answers for values and gradients, and how many there were.

    The last answer of each kind is kept: asked again at the same array, it costs nothing. A point
    that is handed to the problem becomes read-only, so that NumPy raises where a user's function
    changes it, and a gradient that the problem may overwrite is copied.

    Args:
        problem: has `value` and `grad`, and perhaps `smooth_value` and `value_and_grad`.
        x0: the starting point, shape (n,).

    Raises:
        UsageError: `value` or `grad` cannot be called, or x0 does not have the problem's shape.
            Later: an answer has another shape than it must, or is not real.
    """

    def __init__(self, problem: Any, x0: np.ndarray) -> None:
        require_functions(problem)
        require_dimension(problem, x0)
        self.problem = problem
        self.gradient_evaluations = 0
        self.value_evaluations = 0
        self._smooth_value = getattr(problem, "smooth_value", None)
        if self._smooth_value is None and getattr(problem, "prox", None) is None:
            self._smooth_value = problem.value
        self._same_value = self._smooth_value == problem.value
        self._grad, self._both = problem.grad, getattr(problem, "value_and_grad", None)
        self._keeper, self._keeper_of_both = Keeper(), Keeper()
        self._grad_at = self._value_at = self._smooth_at = None
        self._grad_kept: Any = None
        self._value_kept = self._smooth_kept = np.nan

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient of the smooth part at x."""
        if x is self._grad_at:
            return self._grad_kept
        x.flags.writeable = False
        grad = self._grad(x) if self.gradient_evaluations else self._first_grad(x)
        return self._kept(x, grad, self._keeper)

    def value(self, x: np.ndarray) -> float:
        """Return F(x)."""
        if self._same_value:
            return self.smooth_value(x)
        if x is not self._value_at:
            x.flags.writeable = False
            self.value_evaluations += 1
            self._value_at, self._value_kept = x, as_number(self.problem.value(x), "value")
        return self._value_kept

    def smooth_value(self, x: np.ndarray) -> float:
        """Return f(x), the value of the smooth part."""
        if x is not self._smooth_at:
            if self._smooth_value is None:
                raise UsageError(
                    f"{type(self.problem).__name__} has prox but no smooth_value(x), the value "
                    "without the part that prox belongs to; a step size by trial needs it"
                )
            x.flags.writeable = False
            self.value_evaluations += 1
            name = "value" if self._same_value else "smooth_value"
            self._smooth_at, self._smooth_kept = x, as_number(self._smooth_value(x), name)
        return self._smooth_kept

    def duality_gap(self, x: np.ndarray) -> float:
        """Return the problem's own bound on the gap at x."""
        x.flags.writeable = False
        return as_number(self.problem.duality_gap(x), "duality_gap")

    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return f(x) and its gradient, in one pass over the data where the problem can."""
        first = self.gradient_evaluations == 0
        if self._both is None or first or x is self._grad_at or x is self._smooth_at:
            return self.smooth_value(x), self.grad(x)
        x.flags.writeable = False
        value, grad = self._both(x)
        self.value_evaluations += 1
        self._smooth_at, self._smooth_kept = x, as_number(value, "value_and_grad")
        return self._smooth_kept, self._kept(x, grad, self._keeper_of_both)

    def _kept(self, x: np.ndarray, grad: Any, keeper: Keeper) -> np.ndarray:
        if not isinstance(grad, np.ndarray) or grad.shape != x.shape:
            require_array(grad, x.shape, "grad")
        if keeper.watching:
            grad = keeper.keep(grad)
        self.gradient_evaluations += 1
        self._grad_at, self._grad_kept = x, grad
        return grad

    def _first_grad(self, x: np.ndarray) -> Any:
        try:
            grad = self.problem.grad(x)
        except (ValueError, IndexError) as error:
            x_star = getattr(self.problem, "x_star", None)
            if x_star is not None and np.shape(x_star) != x.shape:
                raise wrong_dimension(x.shape, np.shape(x_star)) from error
            raise
        require_array(grad, x.shape, "grad")
        return grad
