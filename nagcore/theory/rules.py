"""Refuse what is no method, no restart criterion, or too short for the run, before any work."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from nagcore.core.restart import require_criterion
from nagcore.core.tuned import TunedMethod
from nagcore.errors import UsageError


def require_method(method: Any) -> None:
    """Raise UsageError unless `method` is a rule: an object with init, query and step.

    Example:
        >>> from nagcore.core.nesterov import Nesterov
        >>> require_method(Nesterov())
        >>> require_method(Nesterov)
        Traceback (most recent call last):
        nagcore.errors.UsageError: method is the class Nesterov, expected an object of it: ...
    """
    if isinstance(method, type):
        raise UsageError(
            f"method is the class {method.__name__}, expected an object of it: "
            f"{method.__name__}(...), with its parentheses"
        )
    if isinstance(method, str):
        raise UsageError(
            f"method is {method!r}, expected a rule, for example Nesterov(); to make one by name: "
            f"make_method({method!r}, L=..., steps=...) of nagcore.theory"
        )
    if isinstance(method, TunedMethod):
        raise UsageError(
            "method is a TunedMethod, a rule together with its step size, expected the rule "
            "alone: its field `method`; its field `step_size` is the step size"
        )
    missing = [n for n in ("init", "query", "step") if not callable(getattr(method, n, None))]
    if missing:
        raise UsageError(
            f"method is {method!r}, expected a rule with init, query and step, for example "
            f"Nesterov(); it lacks {', '.join(missing)}"
        )


def require_horizon(method: Any, max_steps: int, *, restarted: bool) -> None:
    """Raise UsageError where a method that is made for n steps would be asked for more.

    Args:
        method: a rule; n is its `steps`, if it has any.
        max_steps: the largest number of steps that will be taken.
        restarted: whether a criterion may start the method again, so that it may last.

    Example:
        >>> from nagcore.core.optimized import OGM
        >>> require_horizon(OGM(steps=5), 6, restarted=False)
        Traceback (most recent call last):
        nagcore.errors.UsageError: OGM is made for 5 steps and max_steps is 6; pass max_steps=5 ...
    """
    steps = getattr(method, "steps", None)
    if isinstance(steps, Integral) and steps < max_steps and not restarted:
        name = type(method).__name__
        raise UsageError(
            f"{name} is made for {steps} steps and max_steps is {max_steps}; "
            f"pass max_steps={steps} or fewer, or make it for more: {name}(steps={max_steps})"
        )


def require_restart(restart: Any) -> None:
    """Raise UsageError unless `restart` is a criterion or None."""
    if restart is not None:
        require_criterion(restart, "restart")


def require_steps_by_gradient(method: Any) -> None:
    """Raise UsageError where the step of a method is no step along the gradient.

    A `Backtracking` tries the plain step y − αg (or its prox). A rule whose own steps have other
    directions or lengths says so by `takes_gradient_step = False`.
    """
    if not getattr(method, "takes_gradient_step", True):
        raise UsageError(
            f"{type(method).__name__} takes no plain gradient step, which is what Backtracking "
            "tries, so that what it finds would say nothing about the step taken; give a number "
            "or a sequence k ↦ α_k as step_size"
        )
