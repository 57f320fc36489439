"""One run of a method on a problem: the loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nagcore.core.method import Method
from nagcore.core.restart import Move, Restart
from nagcore.theory.answers import require_array
from nagcore.theory.oracle import Oracle
from nagcore.theory.solution import Solution, Status
from nagcore.theory.stepping import Look, StepSize, blame_prox, stepping_of
from nagcore.theory.stopping import Judge
from nagcore.theory.tracing import Recorder


class StepView(NamedTuple):
    """What a callback sees after each step.

    Attributes:
        k: number of steps taken.
        x: the iterate x_k, shape (n,), read-only: to keep it costs no copy.
        gradient_norm: the norm that the step went by, at the query point before it.
        step_size: the size of the step.
        restarts: how often the method has started again, by itself included.
    """

    k: int
    x: np.ndarray
    gradient_norm: float
    step_size: float
    restarts: int


class Run:
    """The loop, and what it has reached.

    Args:
        oracle: the problem.
        method: the rule.
        step_size: as `minimize` takes it.
        restart: a criterion, or None.
        judge: says when the run is over.
        trace: whether to keep the history.
    """

    def __init__(
        self,
        oracle: Oracle,
        method: Method[Any],
        step_size: StepSize,
        restart: Restart | None,
        judge: Judge,
        *,
        trace: bool,
    ) -> None:
        self.oracle, self.method, self.restart, self.judge = oracle, method, restart, judge
        self.stepping = stepping_of(method, oracle, step_size)
        self.composite = getattr(method, "prox", None) is not None
        self.recorder = Recorder(oracle) if trace else None
        self.memory: Any = None
        self.x = np.empty(0)
        self.steps = self.restarts = 0
        self.norm = self.step_size = math.nan
        self.status: Status = "budget"
        self.reason = ""

    def go(
        self, x0: np.ndarray, max_steps: int, callback: Callable[[StepView], object] | None
    ) -> None:
        """Take steps until the run is over."""
        state = self.method.init(x0)
        restarts_itself = hasattr(state, "restarts")
        if self._over_at_first(x0):
            return
        for k in range(max_steps):
            look = self.stepping.look(state, k)
            if not self.composite and self._over_before(look):
                return
            after, look = self.stepping.advance(look)
            if self.stepping.trouble is not None and self._end(*self.stepping.trouble):
                return
            if self.composite and self._broken_after(look, after.x):
                return
            before, self.x, self.step_size, self.steps = self.x, after.x, look.step_size, k + 1
            if self.recorder is not None:
                self.recorder.step(after.x, look.step_size)
            if restarts_itself:
                self._count_restarts(after.restarts - state.restarts)
            state = after if self.restart is None else self._restarted(before, look, after)
            if self._over_after(before, callback):
                return

    def _over_at_first(self, x0: np.ndarray) -> bool:
        self.x = x0
        if self.recorder is not None:
            self.recorder.start(x0)
        if self.restart is not None:
            self.memory = self.restart.begin(lambda: self.oracle.value(x0))
        return self.judge.watches_points and self._end("converged", self.judge.good(x0, None))

    def _over_before(self, look: Look) -> bool:
        # smooth: the gradient at the query point says whether to go on
        grad = look.grad
        self._measured(math.sqrt(grad @ grad))
        if broken := self.judge.broken(self.norm, look.y, grad):
            return self._end(*broken)
        if reason := self.judge.small(self.norm):
            self.x = look.y
            return self._end("converged", reason)
        return False

    def _broken_after(self, look: Look, x: np.ndarray) -> bool:
        # composite: the gradient mapping is known after the step only
        require_array(x, look.y.shape, "prox")
        move = look.y - x
        self._measured(math.sqrt(move @ move) / look.step_size)
        if broken := self.judge.broken(self.norm, look.y, look.grad):
            return self._end(*(blame_prox(look, x) or broken))
        return False

    def _over_after(
        self, before: np.ndarray, callback: Callable[[StepView], object] | None
    ) -> bool:
        if self.composite and self._end("converged", self.judge.small(self.norm)):
            return True
        if self.judge.watches_points and self._end("converged", self.judge.good(self.x, before)):
            return True
        return callback is not None and self._stopped(callback)

    def _measured(self, norm: float) -> None:
        self.norm = norm
        if self.recorder is not None:
            self.recorder.norms.append(norm)

    def _restarted(self, before: np.ndarray, look: Look, after: Any) -> Any:
        assert self.restart is not None
        x, step_size = after.x, look.step_size
        mapping = (look.y - x) / step_size if self.composite else look.grad
        move = Move(before, x, mapping, step_size, after.k, lambda: self.oracle.value(x))
        self.memory, again = self.restart.judge(self.memory, move)
        if not again:
            return after
        self._count_restarts(1)
        return self.method.init(x)

    def _count_restarts(self, more: int) -> None:
        if more == 0:
            return
        self.restarts += more
        if self.recorder is not None:
            self.recorder.restarts_at.append(self.steps)

    def _stopped(self, callback: Callable[[StepView], object]) -> bool:
        self.x.flags.writeable = False
        view = StepView(self.steps, self.x, self.norm, self.step_size, self.restarts)
        answer = callback(view)
        # a callback that returns something else by the way does not mean to stop
        if isinstance(answer, bool | np.bool_) and answer:
            return self._end("stopped", "the callback returned True")
        return False

    def _end(self, status: Status, reason: str | None) -> bool:
        if reason is None:
            return False
        self.status, self.reason = status, reason
        return True

    def solution(self) -> Solution:
        """Return what was reached."""
        return Solution(
            x=self.x.copy(),
            status=self.status,
            message=_explain(self),
            steps=self.steps,
            gradient_evaluations=self.oracle.gradient_evaluations,
            value_evaluations=self.oracle.value_evaluations,
            restarts=self.restarts,
            gradient_norm=self.norm,
            step_size=self.step_size,
            mu_estimate=getattr(self.memory, "mu", None),
            trace=None if self.recorder is None else self.recorder.trace(),
            problem=self.oracle.problem,
        )


def _explain(run: Run) -> str:
    after = f"after {run.steps} steps"
    if run.status == "budget" and run.steps == 0:
        return "no step was taken, because max_steps is 0; allow some with max_steps=..."
    if run.status == "budget":
        return (
            f"the steps ran out {after}: gradient norm {run.norm:.3g}; no tolerance was reached, "
            "so allow more steps with max_steps=..."
        )
    word = {"nonfinite": "ended", "diverged": "diverged", "stopped": "stopped"}
    return f"{word.get(run.status, 'converged')} {after}: {run.reason}"
