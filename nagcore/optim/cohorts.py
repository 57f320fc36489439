"""Parameters sorted by the step that they take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nagcore.errors import UsageError
from nagcore.optim.lists import Runner
from nagcore.optim.program import Program
from nagcore.optim.tensors import like_parameter, plain_tensor, require_dense

Names = tuple[tuple[str, ...], tuple[str, ...]]
FirstState = Callable[[Tensor, Tensor], dict[str, Any]]
"""Takes a parameter without state and its gradient and returns its first state."""


class Plan(NamedTuple):
    """A step, its numbers (None where they have to be read anew at each step) and its runner."""

    program: Program
    numbers: tuple[Any, ...] | None
    run: Runner


@dataclass(slots=True)
class Cohort:
    """Parameters of a group that take the same step: equal scalars, one type, one device.

    Attributes:
        group: which they belong to.
        parameters: in the order of the group.
        states: of each parameter.
        columns: parameters, gradients and the tensors of the state, as an elementwise step takes
            them: dense, real and local.
        shapes: of the parameters.
        names: of the tensors and of the scalars of a state.
        scalars: of the state, the same for all.
        plan: how they are moved, kept for as long as the group stays what it is.
    """

    group: dict[str, Any]
    parameters: list[Tensor]
    states: list[dict[str, Any]]
    columns: list[list[Tensor]]
    shapes: list[torch.Size]
    names: Names
    scalars: tuple[Any, ...]
    plan: Plan | None = None

    def keep(self, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        """Write new scalars into the states.

        Args:
            names: of those that may have changed.
            values: of these.
        """
        if self.group["capturable"]:
            for name, value in zip(names, values, strict=True):
                self.states[0][name].fill_(value)  # which all of the cohort share
        elif names != self.names[1] or not _same(values, self.scalars):
            changes = dict(zip(names, values, strict=True))
            for state in self.states:
                state.update(changes)
            self.scalars = tuple([self.states[0][name] for name in self.names[1]])


def collect(
    group: dict[str, Any],
    states: Any,
    names: Names,
    first_state: FirstState,
) -> list[Cohort]:
    """Return the parameters of a group that have a gradient, sorted into cohorts.

    Args:
        group: a parameter group.
        states: the state of each parameter, empty for one that never had a gradient.
        names: of the tensors and of the scalars of a state.
        first_state: makes a state for a parameter that has none.

    Raises:
        UsageError: a gradient is sparse.
    """
    tensor_names, scalar_names = names
    found: dict[tuple[Any, ...], Cohort] = {}
    resting: list[dict[str, Any]] = []
    for p in group["params"]:
        grad, state = p.grad, states.get(p)
        if grad is None:
            resting.append(state or {})
            continue
        require_dense(grad, p)
        grad = like_parameter(grad, p)
        if not state:
            state = states[p] = first_state(p, grad)
        _require_like_parameter(state, tensor_names, p)
        scalars = tuple(state[name] for name in scalar_names)
        key = (p.dtype, p.device, *(map(id, scalars) if group["capturable"] else scalars))
        if key not in found:
            columns: list[list[Tensor]] = [[] for _ in range(2 + len(tensor_names))]
            found[key] = Cohort(group, [], [], columns, [], names, scalars)
        cohort = found[key]
        cohort.parameters.append(p)
        cohort.shapes.append(p.shape)
        cohort.states.append(state)
        row = [p, grad, *(state[name] for name in tensor_names)]
        for column, tensor in zip(cohort.columns, row, strict=True):
            column.append(plain_tensor(tensor))
    if group["capturable"]:
        for cohort in found.values():
            _set_apart(cohort, resting)
    return list(found.values())


def _require_like_parameter(state: dict[str, Any], names: Iterable[str], p: Tensor) -> None:
    for name in names:
        kept = state[name]
        if kept.shape != p.shape or kept.dtype != p.dtype or kept.device != p.device:
            now, then = (f"{tuple(t.shape)} {t.dtype} on {t.device}" for t in (p, kept))
            raise UsageError(
                f"a parameter is {now} and its {name} {then}, expected the same: the parameter "
                "was changed after its first step, so make the optimizer anew, and load its state "
                "where only type or device differ"
            )


def _set_apart(cohort: Cohort, resting: Iterable[dict[str, Any]]) -> None:
    """Give a cohort numbers of its own where parameters that rest share its tensors."""
    _, names = cohort.names
    if names and any(state and state[names[0]] is cohort.scalars[0] for state in resting):
        cohort.scalars = tuple(value.clone() for value in cohort.scalars)
        for state in cohort.states:
            state.update(zip(names, cohort.scalars, strict=True))


class Memory:
    """The cohorts of the last step, for as long as nothing but the gradients changes.

    To sort thousands of parameters anew would cost more than to move them. What is remembered is
    compared by identity with what is there: parameters, states, and all that the states hold.

    Args:
        cohorts: of a step.
        groups: the parameter groups.
        states: the state of each parameter.
    """

    def __init__(
        self, cohorts: list[Cohort], groups: Sequence[dict[str, Any]], states: Any
    ) -> None:
        self.cohorts, self.groups = cohorts, list(groups)
        self.parameters = [p for group in groups for p in group["params"]]
        self.states = list(states.values())
        self.resting = [p for p in self.parameters if p.grad is None]

    @staticmethod
    def fits(cohorts: Iterable[Cohort]) -> bool:
        """Return whether all parameters are plain tensors, which the step takes as they are."""
        return all(
            not cohort.group["capturable"] and all(map(is_, cohort.parameters, cohort.columns[0]))
            for cohort in cohorts
        )

    def again(self, groups: Sequence[dict[str, Any]], states: Any) -> list[Cohort] | None:
        """Return the cohorts with today's gradients, None where anything else has changed."""
        parameters = [p for group in groups for p in group["params"]]
        if not (
            _same(groups, self.groups)
            and _same(parameters, self.parameters)
            and _same(states.values(), self.states)
        ):
            return None
        for p in self.resting:
            if p.grad is not None:
                return None
        for cohort in self.cohorts:
            if not _renew(cohort):
                return None
        return self.cohorts


def _renew(cohort: Cohort) -> bool:
    """Put today's gradients into a cohort; return whether all else is what it was."""
    states = cohort.states
    tensor_names, scalar_names = cohort.names
    for name, column in zip(tensor_names, cohort.columns[2:], strict=True):
        if not _same([state[name] for state in states], column):
            return False
    for name, value in zip(scalar_names, cohort.scalars, strict=True):
        for state in states:
            if state[name] is not value:
                return False
    grads: list[Any] = [p.grad for p in cohort.parameters]
    if [p.shape for p in cohort.parameters] != cohort.shapes:
        return False
    dtype = cohort.columns[2][0].dtype
    for p, grad in zip(cohort.parameters, grads, strict=True):
        if type(grad) is not Tensor or grad.is_sparse or p.dtype is not dtype:
            return False
    cohort.columns[1] = grads
    return True


def _same(some: Collection[Any], others: Collection[Any]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))
