"""Run a method on a problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nagcore.core.checks import require_count
from nagcore.core.method import Method
from nagcore.core.restart import Restart
from nagcore.core.tuned import TunedMethod
from nagcore.errors import UsageError
from nagcore.theory.answers import require_prox
from nagcore.theory.oracle import Oracle
from nagcore.theory.progress import progress_bar
from nagcore.theory.rules import require_horizon, require_method, require_restart
from nagcore.theory.run import Run, StepView
from nagcore.theory.solution import DidNotConvergeError, Solution
from nagcore.theory.stepping import StepSize
from nagcore.theory.stopping import Judge, Tolerances

__all__ = ["DidNotConvergeError", "Solution", "StepView", "minimize"]


def minimize(
    problem: Any,
    method: Method[Any] | TunedMethod,
    x0: npt.ArrayLike,
    *,
    step_size: StepSize = None,
    restart: Restart | None = None,
    max_steps: int = 1000,
    tol: float = 0.0,
    tol_gap: float | None = None,
    tol_change: float | None = None,
    tol_duality_gap: float | None = None,
    trace: bool = False,
    callback: Callable[[StepView], object] | None = None,
    progress: bool = False,
    throw: bool = False,
) -> Solution:
    """Minimize `problem` from `x0` by `method`.

    The run ends where a tolerance is reached, the callback returns True, the steps run out, the
    gradient norm has grown a million million times, or something is no longer finite. How it
    ended is a status, not an exception, unless `throw` asks for one. A function value is computed
    only where a tolerance, the restart, the trials of a step size or the trace need it.

    The points handed to value, grad and callback are read-only, so that NumPy raises where one is
    changed in place. An interrupt by the keyboard goes through and the run is lost; to have the
    point reached so far, keep `x` of each `StepView` in a callback.

    Args:
        problem: has `value(x)` and `grad(x)`; `L` where no step size is given. A composite
            problem f + h also has `prox(v, step_size)` of h, and `grad` is that of f. With
            `f_star` gaps are known, with `duality_gap(x)` it may stop the run.
        method: the rule, for example `Nesterov()`, or `FISTA(problem.prox)` for a composite; or
            a `TunedMethod`, as `make_method` returns it, whose step size is taken. One that is
            made for n steps takes no more than max_steps = n.
        x0: starting point, shape (n,).
        step_size: α, positive; a sequence k ↦ α_k; a `Backtracking`, which finds it by trial of
            the plain step prox(y − α∇f(y)), so for rules that take it, not for `LBFGS` or
            `Adam`; or 1/L of the problem if left out.
        restart: a criterion, for example `GradientRestart()`; it starts the method again.
        max_steps: the largest number of steps, not negative.
        tol: the gradient norm at which to stop, for a composite problem the norm of the gradient
            mapping (y − x_{k+1})/α; not negative. 0 stops where it is exactly 0 only.
        tol_gap: the gap F(x_k) − F⋆ at which to stop.
        tol_change: stop where ‖x_{k+1} − x_k‖ is at most this times ‖x_{k+1}‖. A small change is
            no proof of a small gap.
        tol_duality_gap: the duality gap at which to stop.
        trace: whether to keep the history; it costs a function value a step, and memory.
        callback: called with a `StepView` after each step; returning True stops the run.
        progress: whether to show a bar.
        throw: whether to raise where no tolerance was reached.

    Returns:
        A `Solution`.

    Raises:
        UsageError: an argument is out of its range or of the wrong kind, x0 holds a value that is
            not finite or does not have the problem's shape, the problem lacks what is asked of it
            or its functions return no such arrays and numbers as they must, or its prox is not
            that of the rule.
        DidNotConvergeError: with `throw`, the status is not "converged".

    Example:
        >>> from nagcore.core import Nesterov, tune_nesterov
        >>> from nagcore.theory.quadratic import Quadratic
        >>> f = Quadratic((1.0, 100.0))
        >>> method = Nesterov(tune_nesterov(f.L, f.mu).momentum)
        >>> run = minimize(f, method, np.array([1.0, 1.0]), max_steps=500, tol=1e-8)
        >>> run.status, run.gap < 1e-15
        ('converged', True)
    """
    require_count(max_steps, "max_steps")
    tolerances = Tolerances(tol, tol_gap, tol_change, tol_duality_gap)
    tolerances.require_known(problem)
    method, step_size = _rule_and_step_size(method, step_size)
    _require_prox_used(problem, method)
    require_restart(restart)
    require_horizon(method, max_steps, restarted=restart is not None)
    if callback is not None and not callable(callback):
        raise UsageError(f"callback is {callback!r}, expected a function of a StepView")
    oracle = Oracle(problem, start := _start(x0))
    run = Run(oracle, method, step_size, restart, Judge(tolerances, oracle), trace=trace)
    require_prox(problem, method, start)
    # a diverging run overflows before it is seen to diverge; that is told by its status
    with (
        np.errstate(over="ignore", invalid="ignore"),
        progress_bar(max_steps, shown=progress) as bar,
    ):
        run.go(start, max_steps, _joined(callback, bar))
    solution = run.solution()
    return solution.require_converged() if throw else solution


def _joined(
    callback: Callable[[StepView], object] | None, bar: Callable[[StepView], None] | None
) -> Callable[[StepView], object] | None:
    if bar is None or callback is None:
        return callback or bar

    def both(view: StepView) -> object:
        bar(view)
        return callback(view)

    return both


def _start(x0: npt.ArrayLike) -> np.ndarray:
    try:
        start = np.asarray(x0)
        if start.dtype.kind != "c":
            # a copy without np.array(x0), for which a torch tensor makes NumPy warn
            start = start.astype(float)
    except (TypeError, ValueError, RuntimeError) as error:
        remedy = "; of a tensor give x0.detach().cpu()" if hasattr(x0, "detach") else ""
        raise UsageError(
            f"x0 is {x0!r}, expected an array of numbers, shape (n,){remedy}"
        ) from error
    if start.dtype.kind == "c":
        raise UsageError(f"x0 has numbers of type {start.dtype}, expected real ones")
    if start.ndim != 1 or start.size == 0:
        raise UsageError(f"x0 has shape {start.shape}, expected (n,) with n >= 1")
    if not np.isfinite(start).all():
        where = int(np.flatnonzero(~np.isfinite(start))[0])
        raise UsageError(f"x0[{where}] is {start[where]}, expected finite numbers only")
    return start


def _rule_and_step_size(
    method: Method[Any] | TunedMethod, step_size: StepSize
) -> tuple[Method[Any], StepSize]:
    if isinstance(method, TunedMethod):
        if step_size is not None:
            raise UsageError(
                f"step_size is {step_size!r}, but the TunedMethod has one, {method.step_size!r}; "
                "leave step_size out, or give the rule alone: its field `method`"
            )
        method, step_size = method
    require_method(method)
    return method, step_size


def _require_prox_used(problem: Any, method: Method[Any]) -> None:
    if getattr(problem, "prox", None) is not None and getattr(method, "prox", None) is None:
        raise UsageError(
            f"the problem has prox, which {type(method).__name__} would ignore, and so minimize "
            "the smooth part alone; use FISTA(problem.prox)"
        )
