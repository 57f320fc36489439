"""Run a method on a problem and keep what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nagcore.core.checks import require_count, require_not_negative, require_positive
from nagcore.core.method import Method
from nagcore.errors import UsageError
from nagcore.theory.problem import Problem

Status = Literal["converged", "budget", "diverged"]

# A gap that has grown a million million times is not coming back.
DIVERGENCE_FACTOR = 1e12


class DidNotConvergeError(RuntimeError):
    """Raised by `Solution.require_converged` when the tolerance was not reached."""


@dataclass(frozen=True)
class Solution:
    """The last iterate, how the run ended, and its history.

    Attributes:
        x: the last iterate x_k, shape (n,).
        status: "converged", "budget" (the steps ran out) or "diverged".
        message: the same in a sentence with its numbers.
        steps: number k of steps taken.
        gaps: f(x_i) − f⋆ for i = 0 … k, shape (k + 1,).
        gradient_norms: ‖∇f(y_i)‖ at the query points met, shape (k + 1,) when the run ended at
            a query point, else (k,).
        iterates: x_0 … x_k, shape (k + 1, n).
    """

    x: np.ndarray
    status: Status
    message: str
    steps: int
    gaps: np.ndarray
    gradient_norms: np.ndarray
    iterates: np.ndarray

    def require_converged(self) -> Solution:
        """Return this solution.

        Raises:
            DidNotConvergeError: the status is not "converged".
        """
        if self.status != "converged":
            raise DidNotConvergeError(self.message)
        return self


def minimize(
    problem: Problem,
    method: Method[Any],
    x0: np.ndarray,
    *,
    step_size: float | None = None,
    max_steps: int = 1000,
    tol: float = 0.0,
) -> Solution:
    """Minimize `problem` from `x0` by `method`.

    The run stops when ‖∇f(y_k)‖ ≤ `tol` at a query point, after `max_steps` steps, or when an
    iterate is no longer finite. Ending without convergence is a status, not an exception; call
    `require_converged()` on the result where an exception is wanted.

    Args:
        problem: the function, its gradient and its solution.
        method: the rule, for example `Nesterov()`.
        x0: starting point, shape (n,).
        step_size: α, positive; 1/L of the problem if left out.
        max_steps: the largest number of steps, not negative.
        tol: the gradient norm at which to stop, not negative; 0 runs all steps.

    Returns:
        A `Solution`.

    Raises:
        UsageError: `step_size`, `max_steps` or `tol` is out of its range, or `x0` does not have
            the problem's shape.

    Example:
        >>> from nagcore.core import Nesterov, tune_nesterov
        >>> from nagcore.theory.quadratic import Quadratic
        >>> f = Quadratic((1.0, 100.0))
        >>> method = Nesterov(tune_nesterov(f.L, f.mu).momentum)
        >>> run = minimize(f, method, np.array([1.0, 1.0]), max_steps=500, tol=1e-8)
        >>> run.status, bool(run.gaps[-1] < 1e-15)
        ('converged', True)
    """
    step_size = 1 / problem.L if step_size is None else step_size
    require_positive(step_size, "step_size")
    require_not_negative(tol, "tol")
    require_count(max_steps, "max_steps")
    x0 = np.asarray(x0, dtype=float)
    if x0.shape != problem.x_star.shape:
        raise UsageError(f"x0 has shape {x0.shape}, expected {problem.x_star.shape}")

    state = method.init(x0)
    iterates, norms = [x0], []
    status: Status = "budget"
    with np.errstate(over="ignore", invalid="ignore"):
        first_gap = problem.value(x0) - problem.f_star
        gaps = [first_gap]
        for _ in range(max_steps):
            grad = problem.grad(method.query(state))
            norms.append(float(np.linalg.norm(grad)))
            if norms[-1] <= tol:
                status = "converged"
                break
            state = method.step(state, grad, step_size)
            iterates.append(state.x)
            gaps.append(problem.value(state.x) - problem.f_star)
            if not np.isfinite(gaps[-1]) or gaps[-1] > DIVERGENCE_FACTOR * max(first_gap, 1e-300):
                status = "diverged"
                break
    return Solution(
        x=state.x,
        status=status,
        message=_explain(status, state.k, norms[-1] if norms else np.nan, gaps[-1], tol),
        steps=state.k,
        gaps=np.array(gaps),
        gradient_norms=np.array(norms),
        iterates=np.array(iterates),
    )


def _explain(status: Status, steps: int, norm: float, gap: float, tol: float) -> str:
    reached = f"after {steps} steps: gradient norm {norm:.3g}, gap {gap:.3g}"
    if status == "converged":
        return f"converged {reached}"
    if status == "budget":
        return f"stopped {reached}; the tolerance {tol:.3g} was not reached, so allow more steps"
    return f"diverged {reached}; the step size or the momentum is too large for this problem"
