"""The step size of a torch optimizer by trial, for full-batch closures."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from nagcore.core.backtracking import Backtracking
from nagcore.core.checks import require_count, require_positive
from nagcore.errors import UsageError
from nagcore.optim.neighbourhood import Neighbourhood
from nagcore.optim.tensors import as_number
from nagcore.optim.trial import Failures, measure_first, try_step

_SEARCH = Backtracking()
_KEPT = ("step_size", "next_trial", "steps", "trials", "evaluations")


class StepSizeSearch:
    """The largest α among α_0, α_0 s, α_0 s², … for which y − α∇f(y) passes the test of
    `nagcore.core.Backtracking`; with it the optimizer takes its step.

    For optimizers that step along the gradient, perhaps with momentum besides: `NAG`, whose
    iteration is exact under changing step sizes, and `torch.optim.SGD`. The closure must be the
    same function each time it is called within a step: all examples, no dropout. It is called at y
    and once for each trial; running statistics of a BatchNorm see all these calls. In a run of
    several processes it must return the same loss in all.

    As long as moves are long enough values decide, else the gradients at both ends. In single
    precision that is most of the time, and the step size, which grows on the word of values alone,
    seldom does.

    Args:
        optimizer: its lr is set at each step, one for all groups.
        search: where trials begin, how they shrink and whether the step size may grow.
        most_trials: at one step, after which it fails.

    Attributes:
        optimizer: the one that was given.
        step_size: α of the last step, None before the first.
        next_trial: the first one of the next step, None where it is yet to be measured.
        steps: how many were taken.
        trials: how many there were in all.
        evaluations: how often the closure was called.

    Raises:
        UsageError: the optimizer takes no plain gradient step, or its groups disagree in lr.

    Source: the test: [beck2009], §4.

    Example:
        >>> from nagcore.optim.nag import NAG
        >>> x = torch.nn.Parameter(torch.tensor([1.0, 1.0], dtype=torch.float64))
        >>> optimizer = NAG([x], momentum=0.5)
        >>> search = StepSizeSearch(optimizer, Backtracking(first=1.0))
        >>> def closure():
        ...     search.zero_grad()
        ...     (loss := x[0].square() / 2 + 5 * x[1].square()).backward()
        ...     return loss
        >>> for _ in range(200):
        ...     loss = search.step(closure)
        >>> search.step_size, search.L, bool(loss < 1e-10)
        (0.0625, 16.0, True)
    """

    full_batch = True

    def __init__(
        self, optimizer: Optimizer, search: Backtracking = _SEARCH, *, most_trials: int = 100
    ) -> None:
        _require_suited(optimizer)
        if not isinstance(search, Backtracking):
            raise UsageError(f"search is {search!r}, expected a Backtracking(...)")
        require_count(most_trials, "most_trials")
        require_positive(most_trials, "most_trials")
        self.optimizer, self.search, self.most_trials = optimizer, search, most_trials
        self.step_size: float | None = None
        self.steps = self.trials = self.evaluations = 0
        self.next_trial = search.first

    @property
    def L(self) -> float | None:
        """The estimate 1/α of the gradient's Lipschitz constant, None before the first step."""
        return None if self.step_size is None else 1 / self.step_size

    def step(self, closure: Callable[[], Any]) -> Any:
        """Find a step size at the query point and take a step of the optimizer.

        Args:
            closure: clears the gradients, computes the loss of all examples, calls backward and
                returns the loss.

        Returns:
            The loss at the query point.

        Raises:
            UsageError: there is no closure, the loss or a gradient is not finite, or no trial
                passed; parameters, gradients and lr are as they were.
        """
        if not callable(closure):
            raise UsageError(
                f"closure is {closure!r}, expected a function that clears the gradients, computes "
                "the loss of all examples, calls backward and returns the loss"
            )
        _require_suited(self.optimizer)
        with torch.no_grad():
            around = Neighbourhood(self.param_groups, partial(self._evaluate, closure))
            try:
                _require_finite(around)
                if around.square_of_gradient > 0:
                    self.step_size, self.next_trial = self._find(around)
                    self._set_lr(self.step_size)
            finally:
                around.back()
        self.steps += 1
        return self.optimizer.step(lambda: around.loss)

    def _evaluate(self, closure: Callable[[], Any]) -> Any:
        self.evaluations += 1
        return closure()

    def _find(self, around: Neighbourhood) -> tuple[float, float]:
        """Return the step size that passes, and the first trial of the next step."""
        step_size = first = measure_first(around) if self.next_trial is None else self.next_trial
        failures = Failures()
        for _ in range(self.most_trials):
            self.trials += 1
            passed, reliable = try_step(around, step_size, failures)
            if passed and (reliable or not failures.blame_the_gradient()):
                return step_size, self.search.next_trial(step_size, may_grow=reliable)
            if passed:
                break
            step_size = self.search.shorter(step_size)
        norm = math.sqrt(around.square_of_gradient)
        raise UsageError(
            f"no step size from {first:.3g} down to {step_size:.3g} lowers the loss as its "
            f"gradient says, at a gradient norm of {norm:.3g}: the closure must be the same "
            "function at each call (all examples, no dropout), and call backward on what it "
            "returns; for a search that shrinks slowly allow more with most_trials=..."
        )

    def _set_lr(self, step_size: float) -> None:
        for group in self.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(step_size)
            else:
                group["lr"] = step_size

    # what a loop asks of an optimizer

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The optimizer's own."""
        return self.optimizer.param_groups

    @property
    def restarts(self) -> int:
        """How often the optimizer has restarted."""
        return getattr(self.optimizer, "restarts", 0)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients, as the optimizer does."""
        self.optimizer.zero_grad(set_to_none)

    def at_iterate(self) -> AbstractContextManager[None]:
        """Hold the parameters at the optimizer's iterate inside a `with` block."""
        enter = getattr(self.optimizer, "at_iterate", nullcontext)
        return enter()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the search and of its optimizer."""
        numbers = {name: getattr(self, name) for name in _KEPT}
        return {"optimizer": self.optimizer.state_dict(), "search": numbers}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another run.

        Args:
            state_dict: what `state_dict()` returned.

        Raises:
            UsageError: it is the state of something else, or does not fit the optimizer.
        """
        if set(state_dict) != {"optimizer", "search"}:
            raise UsageError(
                f"the state holds {sorted(state_dict)}, expected that of a StepSizeSearch; one of "
                "an optimizer alone goes into search.optimizer.load_state_dict"
            )
        self.optimizer.load_state_dict(state_dict["optimizer"])
        for name in _KEPT:
            setattr(self, name, state_dict["search"][name])


def _require_finite(around: Neighbourhood) -> None:
    if math.isfinite(around.value) and math.isfinite(around.square_of_gradient):
        return
    raise UsageError(
        f"the loss at the query point is {around.value:.3g} and the gradient norm "
        f"{math.sqrt(around.square_of_gradient):.3g}, expected finite numbers: look for a "
        "logarithm of 0, 0/0 or an overflow in the closure, and for a start too far out"
    )


def _require_suited(optimizer: Any) -> None:
    """Raise UsageError where the step is not along the gradient alone, momentum besides."""
    is_sgd = isinstance(optimizer, torch.optim.SGD)
    if not getattr(optimizer, "takes_gradient_step", is_sgd):
        raise UsageError(
            f"{type(optimizer).__name__} takes no plain gradient step, which is what the search "
            "tries, so that what it finds would say nothing about the step taken: expected NAG or "
            "torch.optim.SGD"
        )
    for group in optimizer.param_groups:
        for name, off in (("dampening", 0), ("differentiable", False)):
            if group.get(name):
                raise UsageError(f"{name} is {group[name]!r}, expected {off}")
        if group["weight_decay"] and group.get("decoupled_weight_decay"):
            raise UsageError(
                f"weight_decay is {group['weight_decay']!r} and decoupled, so that the step is "
                "not one of gradient descent: expected decoupled_weight_decay=False"
            )
    for name in ("lr", "maximize"):
        values = sorted({as_number(group[name], name) for group in optimizer.param_groups})
        if len(values) > 1:
            raise UsageError(
                f"{name} is {' and '.join(map(repr, values))} in the groups, expected the same in "
                "all: one step size is searched for, along one gradient"
            )
