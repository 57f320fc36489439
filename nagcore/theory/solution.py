"""What a run of the solver hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nagcore.errors import UsageError
from nagcore.theory.answers import as_number

Status = Literal["converged", "budget", "diverged", "nonfinite", "stopped"]


class DidNotConvergeError(RuntimeError):
    """Raised by `Solution.require_converged` when no tolerance was reached."""


@dataclass(frozen=True, eq=False)
class Trace:
    """The history of a run of k steps.

    Attributes:
        iterates: x_0 … x_k, shape (k + 1, n).
        values: F(x_0) … F(x_k), shape (k + 1,).
        gaps: F(x_i) − F⋆, shape (k + 1,); None where F⋆ is not known.
        gradient_norms: ‖∇f(y_i)‖ at the query points met, for a composite function the norms of
            the gradient mapping: shape (k + 1,) where the run ended at a query point, else (k,).
        step_sizes: α_0 … α_{k−1}, shape (k,).
        restarts_at: the i at whose iterates x_i the method started again, shape (restarts,).
    """

    iterates: np.ndarray
    values: np.ndarray
    gaps: np.ndarray | None
    gradient_norms: np.ndarray
    step_sizes: np.ndarray
    restarts_at: np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """Where a run ended, and how.

    Attributes:
        x: the point found, shape (n,). Where a small gradient ended the run, the query point at
            which it was measured; else the last iterate x_k. A copy of its own.
        status: "converged" (a tolerance was reached), "budget" (the steps ran out), "diverged"
            (the gradient norm has grown a million million times, or no step size passes the
            trials of a `Backtracking`), "nonfinite" (grad, prox or the value that a trial needs
            is not finite at a point that is) or "stopped" (by the callback).
        message: the same in a sentence with its numbers.
        steps: number k of steps taken.
        gradient_evaluations: how often a gradient was computed.
        value_evaluations: how often a function value was computed, the trace's included.
        restarts: how often the method started again, by the solver's criterion or its own.
        gradient_norm: ‖∇f(y)‖ at the last query point y; for a composite function the norm of
            the gradient mapping (y − x_k)/α. NaN where no gradient was computed.
        step_size: the size of the last step, NaN where none was taken.
        mu_estimate: the estimate of mu by a restart criterion that makes one, else None.
        trace: the history, None unless it was asked for.
    """

    x: np.ndarray
    status: Status
    message: str
    steps: int
    gradient_evaluations: int
    value_evaluations: int
    restarts: int
    gradient_norm: float
    step_size: float
    mu_estimate: float | None = None
    trace: Trace | None = field(default=None, repr=False)
    problem: Any = field(default=None, repr=False)

    @cached_property
    def gap(self) -> float | None:
        """Return F(x) − F⋆, None where F⋆ is not known; evaluated when first asked for."""
        f_star = getattr(self.problem, "f_star", None)
        if f_star is None:
            return None
        return as_number(self.problem.value(self.x), "value") - float(f_star)

    @cached_property
    def duality_gap(self) -> float | None:
        """Return the duality gap at x, which bounds the gap, None where the problem has none."""
        measure = getattr(self.problem, "duality_gap", None)
        return None if measure is None else as_number(measure(self.x), "duality_gap")

    @property
    def iterates(self) -> np.ndarray:
        """Return x_0 … x_k, shape (k + 1, n)."""
        return self._traced().iterates

    @property
    def gaps(self) -> np.ndarray:
        """Return F(x_0) − F⋆ … F(x_k) − F⋆, shape (k + 1,)."""
        gaps = self._traced().gaps
        if gaps is None:
            raise UsageError(
                "gaps are not known, because the problem has no f_star; take trace.values"
            )
        return gaps

    @property
    def gradient_norms(self) -> np.ndarray:
        """Return the gradient norms at the query points met."""
        return self._traced().gradient_norms

    def require_converged(self) -> Solution:
        """Return this solution.

        Raises:
            DidNotConvergeError: the status is not "converged".
        """
        if self.status != "converged":
            raise DidNotConvergeError(self.message)
        return self

    def _traced(self) -> Trace:
        if self.trace is None:
            raise UsageError(
                "the solution has no history, because none was kept; "
                "run with trace=True: minimize(..., trace=True)"
            )
        return self.trace
