"""When torch parameters forget their momentum: criteria that do not wait for the device.

The criteria are those of `nagcore.core.restart`. There a criterion answers with a bool; on a GPU
that would make the host wait at each step, so that the answer here is a tensor, and a restart is a
multiplication by 0. What they remember lies in the parameter groups, as tensors that are
written over: it is saved, loaded, copied and pickled with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

import torch
from torch import Tensor

from nagcore.core.restart import SpeedRestart
from nagcore.errors import UsageError
from nagcore.optim.cohorts import Cohort
from nagcore.optim.lists import run_foreach
from nagcore.optim.program import trace
from nagcore.optim.transfer import scalar_on
from nagcore.optim.vectors import descent_gradients, inner

_SETTINGS = ("restart", "restart_scope")
_MEMORY = ("restarts", "steps_since_restart", "restart_memory")
_SCOPES = ("all", "group")


class Criterion(Protocol):
    """Says after a step whether to restart; `memory` is its own, written over at each step."""

    first: float
    """what the memory holds before the first step"""
    minimum: int
    """least number of steps between two restarts"""

    def before(self, cohorts: Sequence[Cohort], loss: Any) -> Any:
        """Return what has to be noted before the parameters move."""
        ...

    def judge(self, note: Any, cohorts: Sequence[Cohort], memory: Tensor) -> Tensor:
        """Return whether the step was a bad one, after the parameters have moved."""
        ...


class _Gradient:
    """⟨g, x_{k+1} − x_k⟩ > 0, with the gradient g along which the step descended."""

    first, minimum = 0.0, 1

    def before(self, cohorts: Sequence[Cohort], loss: Any) -> list[Tensor]:  # noqa: ARG002
        # coupled weight decay needs the query point, from which the step moves away
        lists = [descent_gradients(c.group, c.columns[0], c.columns[1]) for c in cohorts]
        return list(chain(*lists))

    def judge(self, note: list[Tensor], cohorts: Sequence[Cohort], memory: Tensor) -> Tensor:
        return inner(_parameters(cohorts), note, _displacements(cohorts)).to(memory) > 0


class _Function:
    """The loss has risen since the step before."""

    first, minimum = float("inf"), 1

    def before(self, cohorts: Sequence[Cohort], loss: Any) -> Any:
        if loss is None or (isinstance(loss, Tensor) and loss.numel() != 1):
            found = "None" if loss is None else f"a tensor of shape {tuple(loss.shape)}"
            raise UsageError(
                f"restart is 'function' and the loss is {found}, expected one number: call "
                "step(closure) with a closure that clears the gradients, computes the loss, calls "
                "backward and returns the loss; 'gradient' and 'speed' need none"
            )
        loss = loss.detach().reshape(()) if isinstance(loss, Tensor) else loss
        return -loss if cohorts[0].group["maximize"] else loss

    def judge(self, note: Any, cohorts: Sequence[Cohort], memory: Tensor) -> Tensor:  # noqa: ARG002
        loss = note if isinstance(note, Tensor) else scalar_on(memory.device, note)
        loss = loss.to(memory)
        worse = loss > memory
        memory.copy_(loss)
        return worse


class _Speed:
    """‖x_{k+1} − x_k‖ < ‖x_k − x_{k−1}‖."""

    first, minimum = 0.0, SpeedRestart().minimum

    def before(self, cohorts: Sequence[Cohort], loss: Any) -> None:  # noqa: ARG002
        return

    def judge(self, note: None, cohorts: Sequence[Cohort], memory: Tensor) -> Tensor:  # noqa: ARG002
        moves = _displacements(cohorts)
        square = inner(_parameters(cohorts), moves, moves).to(memory)
        slower = square < memory
        memory.copy_(square)
        return slower


CRITERIA: Mapping[str, Criterion] = {
    "gradient": _Gradient(),
    "function": _Function(),
    "speed": _Speed(),
}


def require_restart(group: Mapping[str, Any]) -> None:
    """Raise UsageError where a group asks for a restart that there is not.

    Example:
        >>> group = {"restart": "slope", "restart_scope": "all", "differentiable": False}
        >>> require_restart(group)
        Traceback (most recent call last):
        nagcore.errors.UsageError: restart is 'slope', expected None or one of gradient, ...
    """
    restart, scope = group["restart"], group["restart_scope"]
    if restart is not None and restart not in tuple(CRITERIA):
        raise UsageError(f"restart is {restart!r}, expected None or one of {', '.join(CRITERIA)}")
    if scope not in _SCOPES:
        raise UsageError(
            f"restart_scope is {scope!r}, expected 'all', where all groups restart together, or "
            "'group', where each does so by itself"
        )
    if restart is not None and group["differentiable"]:
        raise UsageError(
            f"restart is {restart!r} with differentiable=True, expected None: a restart is a jump, "
            "of which no gradient knows"
        )


def move_and_restart(
    cohorts: list[Cohort],
    loss: Any,
    groups: Sequence[dict[str, Any]],
    advance: Callable[[Cohort], None],
) -> None:
    """Move parameters by Nesterov's step and restart those whose criterion says so.

    Args:
        cohorts: the parameters that have a gradient, with their displacements.
        loss: what the closure returned, None where there was none.
        groups: all parameter groups; the first of those that restart together remembers.
        advance: takes the step with a cohort.

    Raises:
        UsageError: a criterion needs the loss and there is none; nothing has moved.
    """
    vectors = _vectors(groups, cohorts)
    notes = [CRITERIA[keeper["restart"]].before(members, loss) for keeper, members in vectors]
    for cohort in cohorts:
        advance(cohort)
    for note, (keeper, members) in zip(notes, vectors, strict=True):
        _restart_where_bad(keeper, members, note)


def count_restarts(groups: Iterable[Mapping[str, Any]]) -> int:
    """Return how often there was a restart; this reads the device."""
    return sum(int(group["restarts"]) for group in groups if "restarts" in group)


def with_restart(
    state_dict: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a state that says how to restart, as `groups` do where it does not say so itself."""
    filled = [
        {**{name: groups[min(i, len(groups) - 1)][name] for name in _SETTINGS}, **saved}
        for i, saved in enumerate(state_dict["param_groups"])
    ]
    return {**state_dict, "param_groups": filled}


def without_restart(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state for an optimizer that knows no restart."""
    kept = [
        {name: value for name, value in group.items() if name not in (*_SETTINGS, *_MEMORY)}
        for group in state_dict["param_groups"]
    ]
    return {**state_dict, "param_groups": kept}


def _vectors(
    groups: Sequence[dict[str, Any]], cohorts: list[Cohort]
) -> list[tuple[dict[str, Any], list[Cohort]]]:
    """Return the cohorts that restart together, each time with the group that remembers."""

    def name(group: Mapping[str, Any]) -> Any:
        return id(group) if group["restart_scope"] == "group" else group["restart"]

    keepers: dict[Any, dict[str, Any]] = {}
    for group in groups:
        keepers.setdefault(name(group), group)
    members: dict[Any, list[Cohort]] = {}
    for cohort in cohorts:
        if cohort.group["restart"] is not None:
            members.setdefault(name(cohort.group), []).append(cohort)
    return [(keepers[key], together) for key, together in members.items()]


def _restart_where_bad(keeper: dict[str, Any], cohorts: list[Cohort], note: Any) -> None:
    criterion = CRITERIA[keeper["restart"]]
    restarts, since, memory = _remembered(keeper, criterion)
    since.add_(1)
    bad = criterion.judge(note, cohorts, memory) & (since >= criterion.minimum)
    if bad.device.type == "cpu" and not keeper["capturable"] and not bad:
        return
    restarts.add_(bad)
    since.mul_(~bad)
    keep = (~bad).to(memory.dtype)
    for cohort in cohorts:
        parameters, displacements = cohort.columns[0], cohort.columns[2]
        here = keep.to(parameters[0].device)
        coefficients, _ = _START_AGAIN.scalars(here, cohort.states[0]["query_momentum"])
        run_foreach(_START_AGAIN, (parameters, displacements), coefficients)


def _start_again(
    t: Mapping[str, Any], s: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    d, keep = t["displacement"], s["keep"]
    iterate = t["parameter"] - (1 - keep) * s["query_momentum"] * d
    return {"parameter": iterate, "displacement": keep * d}, {}


_START_AGAIN = trace(_start_again, ("parameter", "displacement"), ("keep", "query_momentum"))


def _remembered(keeper: dict[str, Any], criterion: Criterion) -> tuple[Tensor, Tensor, Tensor]:
    """Return the numbers of restarts and of steps since the last, and the criterion's memory."""
    home = keeper["params"][0].device
    if "restarts" not in keeper:
        count = torch.zeros((), dtype=torch.int64, device=home)
        values = (count, count.clone(), scalar_on(home, criterion.first))
        keeper.update(zip(_MEMORY, values, strict=True))
    elif keeper["restarts"].device != home:  # loaded from another device
        keeper.update({name: keeper[name].to(home) for name in _MEMORY})
    restarts, since, memory = (keeper[name] for name in _MEMORY)
    return restarts, since, memory


def _parameters(cohorts: Iterable[Cohort]) -> list[Tensor]:
    return [p for cohort in cohorts for p in cohort.parameters]


def _displacements(cohorts: Iterable[Cohort]) -> list[Tensor]:
    return [d for cohort in cohorts for d in cohort.columns[2]]
