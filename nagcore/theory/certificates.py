"""The exact worst case of a method over a whole class of functions, from the code that ships.

A worst case over all L-smooth, μ-strongly convex functions is a semidefinite program in the points
that the method visits [drori2014]; PEPit [goujaud2024] writes it down by running the method on
symbolic points. Here those points go through `query` and `step` of the very rules of
`nagcore.core`, so that what is certified is what ships.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from nagcore.core.checks import require_positive
from nagcore.core.constants import (
    require_constants,
    require_curved,
    require_number_of_steps,
)
from nagcore.core.method import Method
from nagcore.core.tuned import TunedMethod
from nagcore.errors import UsageError
from nagcore.theory.catalogue import Criterion, Guarantee, Initial, make_method, recipe
from nagcore.theory.performance import CertificationError, Extremes, Question, solve

__all__ = ["Certificate", "CertificationError", "certify"]

StepSize = float | Sequence[float] | npt.NDArray[Any] | Callable[[int], float]


@dataclass(frozen=True)
class Certificate:
    """The exact worst case of a method: `criterion` after `steps` ≤ value · `initial`.

    Attributes:
        method: the label of the method.
        L: Lipschitz constant of the gradient of the functions.
        mu: their strong convexity constant.
        steps: number n of steps.
        criterion: "gap" is f(x_n) − f⋆, "distance" is ‖x_n − x⋆‖², "gradient" is ‖∇f(x_n)‖².
        initial: "distance" is ‖x_0 − x⋆‖², "gap" is f(x_0) − f⋆, "potential" is
            f(x_0) − f⋆ + μ/2 ‖x_0 − x⋆‖².
        at: "iterate" where the criterion is taken at x_n, "query" where at y_n.
        value: the largest criterion where the initial measure is at most 1. It is the value of
            the dual program, which is the proof.
        shown: the criterion that the function found to be the worst attains, the value of the
            primal program; within a hundred-thousandth of `value`.
        bound: what the textbook promises in place of `value`; None where nothing.
        extremes: the points, gradients and values of a function on which the method does this
            badly; None for composite problems.
    """

    method: str
    L: float
    mu: float
    steps: int
    criterion: Criterion
    initial: Initial
    at: Literal["iterate", "query"]
    value: float
    shown: float
    bound: float | None
    extremes: Extremes | None

    @property
    def ratio(self) -> float | None:
        """Return value/bound, at most 1 up to rounding and 1 for a tight theorem."""
        return None if self.bound is None else self.value / self.bound


def certify(
    method: str | TunedMethod | Method[Any],
    *,
    L: float = 1.0,
    mu: float = 0.0,
    steps: int,
    criterion: Criterion | None = None,
    initial: Initial | None = None,
    step_size: StepSize | None = None,
    at: Literal["iterate", "query"] = "iterate",
    composite: bool | None = None,
    low_dimension: bool = False,
) -> Certificate:
    """Return the exact worst case of `method` over all L-smooth, μ-strongly convex functions.

    In every dimension, from every starting point. The time grows fast with the steps: about a
    second for 10, a minute for 40.

    Args:
        method: a name of `nagcore.theory.catalogue.METHODS`, a rule with its step size, or a rule.
            A rule for f + h is certified for every convex h in place of its own.
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 ≤ mu < L; 0 for functions that are convex only.
        steps: number n of steps, 1 or more.
        criterion: what is measured after n steps, see `Certificate`; if left out, that of the
            named method's theorem, else "gap".
        initial: what is at most 1 at the start; if left out, that of the theorem, else "distance".
        step_size: α, or one for each step, or k ↦ α_k; for a bare rule only, 1/L if left out.
        at: take the criterion at the iterate x_n, or at the query point y_n that follows it, where
            torch's optimizers leave the parameters.
        composite: whether f + h is minimized with f smooth and h convex; if left out, whether the
            rule has a proximal operator.
        low_dimension: look for a worst function in as few variables as possible, at a loss of at
            most a hundred-thousandth; it takes a few times as long.

    Returns:
        A `Certificate`.

    Raises:
        UsageError: an argument is out of its range, the arguments contradict each other, or the
            rule decides or divides by what it sees: its coefficients must be fixed in advance.
        MissingExtraError: PEPit is not installed.
        CertificationError: the solver did not reach its accuracy, or no bound exists.

    Source: [drori2014]; exactness: [taylor2017interpolation], Theorem 4; [goujaud2024].

    Example:
        >>> certificate = certify("gd-convex", L=3.0, steps=1)  # L/(4n + 2)
        >>> round(certificate.value, 5), round(certificate.ratio, 4)
        (0.5, 1.0)
    """
    _require_sizes(L, mu, steps)
    tuned, label, guarantee = _resolve(method, L, mu, steps, step_size)
    question = Question(
        method=tuned.method,
        step_sizes=_step_sizes(tuned.step_size, steps),
        L=float(L),
        mu=float(mu),
        criterion=criterion or (guarantee.criterion if guarantee else "gap"),
        initial=initial or (guarantee.initial if guarantee else "distance"),
        at=at,
        composite=_is_composite(tuned.method, composite),
        low_dimension=low_dimension,
    )
    _require_sense(question)
    answer = solve(question)
    return Certificate(
        method=label,
        L=L,
        mu=mu,
        steps=steps,
        criterion=question.criterion,
        initial=question.initial,
        at=at,
        value=answer.value,
        shown=answer.shown,
        bound=_bound(question, guarantee),
        extremes=answer.extremes,
    )


def _require_sizes(L: float, mu: float, steps: int) -> None:
    require_constants(L, mu)
    require_number_of_steps(steps)
    require_curved(L, mu)


def _bound(question: Question, guarantee: Guarantee | None) -> float | None:
    """Return what the theorem says about just this question, if anything."""
    if guarantee is None or question.at != "iterate":
        return None
    if (question.criterion, question.initial) != (guarantee.criterion, guarantee.initial):
        return None
    bound = guarantee.bound(len(question.step_sizes), question.L, question.mu)
    return bound if math.isfinite(bound) else None


def _is_composite(method: Method[Any], composite: bool | None) -> bool:
    has_prox = getattr(method, "prox", None) is not None
    if has_prox and composite is False:
        raise UsageError(
            f"composite is False and {type(method).__name__} has a proximal operator; "
            "leave composite out, or take the rule for one function"
        )
    return has_prox if composite is None else composite


def _resolve(
    method: str | TunedMethod | Method[Any],
    L: float,
    mu: float,
    steps: int,
    step_size: StepSize | None,
) -> tuple[TunedMethod, str, Guarantee | None]:
    """Return the rule with its step size, its label and its theorem."""
    if isinstance(method, str | TunedMethod) and step_size is not None:
        raise UsageError(
            f"step_size is {step_size!r} and the method brings its own; "
            "pass the bare rule to choose another"
        )
    if isinstance(method, str):
        chosen = recipe(method)
        return make_method(method, L=L, mu=mu, steps=steps), chosen.label, chosen.guarantee
    if isinstance(method, TunedMethod):
        return method, type(method.method).__name__, None
    if isinstance(method, type) or not all(
        hasattr(method, name) for name in ("init", "query", "step")
    ):
        raise UsageError(
            f"method is {method!r}, expected a name of the catalogue, a rule such as Nesterov(), "
            "or a TunedMethod"
        )
    chosen_size: Any = 1 / L if step_size is None else step_size
    return TunedMethod(method, chosen_size), type(method).__name__, None


def _step_sizes(step_size: Any, steps: int) -> tuple[float, ...]:
    if callable(step_size):
        sizes: list[Any] = [step_size(k) for k in range(steps)]
    elif isinstance(step_size, Sequence | np.ndarray):
        sizes = list(step_size)
        if len(sizes) != steps:
            raise UsageError(f"step_size has {len(sizes)} entries, expected {steps}, one a step")
    else:
        sizes = [step_size] * steps
    for size in sizes:
        require_positive(size, "step_size")
    return tuple(float(size) for size in sizes)


def _require_sense(question: Question) -> None:
    for name, kind in (("criterion", Criterion), ("initial", Initial)):
        if getattr(question, name) not in get_args(kind):
            known = ", ".join(get_args(kind))
            raise UsageError(f"{name} is {getattr(question, name)!r}, expected one of {known}")
    if question.at not in ("iterate", "query"):
        raise UsageError(f"at is {question.at!r}, expected 'iterate' or 'query'")
    if question.mu == 0 and question.criterion == "distance" and question.initial != "distance":
        raise UsageError(
            f"criterion is 'distance' and initial is {question.initial!r}, expected mu > 0: "
            "without strong convexity a small gap says nothing about the distance"
        )
    if question.composite and question.criterion == "gradient":
        raise UsageError(
            "criterion is 'gradient', expected 'gap' or 'distance' for a composite problem: "
            "f + h need not have a gradient"
        )
    if question.composite and question.low_dimension:
        raise UsageError("low_dimension is for smooth problems only: leave it out")
