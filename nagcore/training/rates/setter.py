"""The object that sets the step size during a run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pandas as pd
from torch import Tensor
from torch.optim import Optimizer

from nagcore.errors import UsageError
from nagcore.training.history import Row
from nagcore.training.rates.controls import RateControls
from nagcore.training.rates.groups import write_rates
from nagcore.training.rates.instruction_log import InstructionLog
from nagcore.training.rates.instructions import Instruction, RateChange, Set
from nagcore.training.rates.limiter import GradientRangeLimiter
from nagcore.training.rates.plateau import PlateauRule
from nagcore.training.rates.record import RateRecord
from nagcore.training.rates.saved import as_text_or_none, require_saved_alike
from nagcore.training.rates.schedule import Schedule
from nagcore.training.rates.schedules import Constant
from nagcore.training.rates.source import RateSource, Scheduled
from nagcore.training.rates.torch_schedule import TorchSchedule

_CONSTANT = Constant()


class RateSetter(RateControls):
    """Sets the step size of every step of one run, and can be told otherwise while it runs.

    The rate of a group of parameters is the group's own lr times the schedule, times what it was
    told since: `add_warm_up`, `lower`, `lower_on_plateau`, `set`, `hold`. What is told between two
    steps, from a callback or from another thread, takes effect at the next step, and is logged
    then. At last the limiter, if there is one, bounds the change from the step before.

    In several processes each has its own; tell all of them the same.

    Args:
        schedule: multiplier of the optimizer's own lr by step; or one of torch's schedulers,
            inside a `TorchSchedule`.
        limiter: bounds how fast the rate changes.

    Raises:
        UsageError: an argument of another kind.

    Example:
        >>> import torch
        >>> from nagcore.training.rates import Cosine
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.1)
        >>> rate = RateSetter(Cosine(steps=10))
        >>> rate.attach(optimizer)
        >>> for step in range(4):
        ...     if step == 2:
        ...         rate.set(0.3, why="it goes well")
        ...     rate.before_step(step)  # then optimizer.step()
        >>> rate.changes[0].step, round(rate.changes[0].before, 3), rate.changes[0].after
        (2, 0.09, 0.3)
    """

    def __init__(
        self,
        schedule: Schedule | TorchSchedule = _CONSTANT,
        *,
        limiter: GradientRangeLimiter | None = None,
    ) -> None:
        if limiter is not None and not isinstance(limiter, GradientRangeLimiter):
            raise UsageError(
                f"limiter={limiter!r} cannot be used; expected GradientRangeLimiter(K=…), or None"
            )
        self._source = _source(schedule)
        self.schedule, self.limiter = schedule, limiter
        self._lock = threading.RLock()
        self._optimizer: Optimizer | None = None
        self._begun = self._loaded = False
        self._log, self._record = InstructionLog(), RateRecord()
        self._used: list[float] = []

    def __repr__(self) -> str:
        limited = "" if self.limiter is None else f", limiter={self.limiter}"
        return f"RateSetter({self.schedule}{limited})"

    # what it is told

    def _tell(self, instruction: Instruction) -> None:
        with self._lock:
            step = self._record.last + 1
            if isinstance(instruction, Set) and self._source.first_at(step) == 0:
                raise UsageError(
                    f"set({instruction.value:g}) cannot be used: at step {step} the schedule "
                    f"{self.schedule} is 0, and so is every multiple of it; use "
                    f"hold({instruction.value:g})"
                )
            self._log.tell(instruction)

    def _add_rule(self, rule: PlateauRule) -> None:
        with self._lock:
            self._log.rules.append(rule)

    # what the training loop calls

    def attach(self, optimizer: Optimizer) -> None:
        """Take over the rates of an optimizer; each group's lr of the moment is its own lr.

        Args:
            optimizer: before its first step; or, where a state was loaded, one with the same
                groups.

        Raises:
            UsageError: this setter has gone through a run already, or does not fit the optimizer.
        """
        with self._lock:
            if self._begun:
                raise UsageError(
                    f"this rate setter has set {self._record.last + 1} steps already, and a run "
                    "begins at step 0; make a new RateSetter, or load a state into a new one"
                )
            if self._loaded:
                self._source.attach_again(optimizer)
            else:
                self._source.attach(optimizer)
            self._optimizer = optimizer

    @property
    def needs_gradient_range(self) -> bool:
        """Whether `before_step` must be given the largest gradient entry."""
        return self.limiter is not None and self.limiter.needs_gradient_range

    @property
    def metrics(self) -> frozenset[str]:
        """The names of the metrics that are judged after each epoch."""
        with self._lock:
            return self._source.metrics() | {rule.metric for rule in self._log.rules}

    def before_step(self, step: int, largest: Tensor | float | None = None) -> None:
        """Set the rates of a step; a second call with the same number changes nothing.

        Args:
            step: number of the step, from 0, one more at each step.
            largest: the largest absolute entry of all gradients, where `needs_gradient_range`.

        Raises:
            UsageError: no optimizer is attached, the steps do not go forward, or `largest` is
                missing.
        """
        with self._lock:
            optimizer, last = self._attached(), self._record.last
            if step < last:
                raise UsageError(
                    f"step {step} comes after step {last}; expected steps in their order, and to "
                    "go back: a new RateSetter that loads the state of then"
                )
            if step == last:
                return
            scheduled = self._source.rates(optimizer, step)
            demanded = used = self._log.demanded(scheduled, self._source.shares(), step)
            if self.limiter is not None:
                used = self.limiter.limit(demanded, before=self._used, largest=largest)
            write_rates(optimizer.param_groups, used)
            self._used, self._begun = used, True
            self._record.add(step, used[0], demanded[0])

    def after_epoch(self, row: Row) -> None:
        """Judge the report of an epoch: plateau rules, and a scheduler of torch per epoch.

        Args:
            row: of the history.

        Raises:
            UsageError: no optimizer is attached, or a metric was not measured.
        """
        with self._lock:
            self._source.after_epoch(self._attached(), row)
            self._log.judge(row)

    def _attached(self) -> Optimizer:
        if self._optimizer is None:
            raise UsageError("this rate setter has no optimizer; call attach(optimizer) first")
        return self._optimizer

    # what can be seen, saved and restored

    @property
    def rate(self) -> float | None:
        """The first group's rate at the last step, None before the first."""
        with self._lock:
            return self._record.rate

    @property
    def changes(self) -> tuple[RateChange, ...]:
        """The instructions that have taken effect."""
        with self._lock:
            return tuple(self._log.changes)

    def history_frame(self) -> pd.DataFrame:
        """Return the first group's rate by step.

        Returns:
            One line for each step at which the rate changed or an instruction took effect, and one
            for the last step; in between the rate stays what it was. Columns: step, rate (used),
            demanded (before the limiter), why (of the instructions that took effect, else empty).
        """
        with self._lock:
            return self._record.frame(self._log.changes)

    def state_dict(self) -> dict[str, Any]:
        """Return all that a later setter needs to go on, in plain containers and tensors."""
        with self._lock:
            return {
                "source": self._source.state_dict(),
                "limiter": as_text_or_none(self.limiter),
                "instructions": self._log.state_dict(),
                "used": list(self._used),
                "record": self._record.state_dict(),
            }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was saved; what this setter was told before is forgotten.

        Args:
            state: what `state_dict()` of a setter with the same schedule and limiter returned.
                It does not matter whether the optimizer is attached before or after.

        Raises:
            UsageError: the state belongs to another schedule, limiter or optimizer; nothing is
                taken over.
        """
        with self._lock:
            try:
                require_saved_alike(state, self.schedule, self.limiter, self._optimizer)
                log = InstructionLog.from_state(state["instructions"])
                record = RateRecord.from_state(state["record"])
                used = [float(rate) for rate in state["used"]]
                self._source.load_state_dict(state["source"])
            except UsageError:
                raise
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise UsageError(
                    f"the state of the rate setter is damaged: {error!r}; expected what "
                    "state_dict() returned"
                ) from error
            self._log, self._record, self._used = log, record, used
            self._begun, self._loaded = False, True


def _source(schedule: object) -> RateSource:
    if isinstance(schedule, TorchSchedule):
        return schedule
    if isinstance(schedule, Schedule):
        return Scheduled(schedule)
    raise UsageError(
        f"schedule={schedule!r} cannot be used; expected a schedule such as Cosine(steps=1000), "
        "parse_schedule('cosine(steps=1000)'), or TorchSchedule(a scheduler of torch)"
    )
