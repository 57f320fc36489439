"""Nesterov's method under torch's own schedulers, beside the rule that is told the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.optim import Optimizer, lr_scheduler

from nagcore.core import Nesterov
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.optim import NAG
from nagcore.theory.quadratic import Quadratic

_BUILDERS: dict[str, Callable[..., Optimizer]] = {
    "torch.optim.SGD": lambda p, **kw: torch.optim.SGD(p, nesterov=True, **kw),
    "nagcore.optim.NAG": lambda p, **kw: NAG(p, **kw),
}
_SCHEDULES: dict[str, Callable[[Optimizer, int, float], lr_scheduler.LRScheduler]] = {
    "constant": lambda o, steps, lr: lr_scheduler.ConstantLR(o, factor=1.0, total_iters=1),  # noqa: ARG005
    "drop": lambda o, steps, lr: lr_scheduler.MultiStepLR(o, [steps // 2], gamma=0.1),  # noqa: ARG005
    "warm-up": lambda o, steps, lr: lr_scheduler.ConstantLR(  # noqa: ARG005
        o, factor=0.01, total_iters=steps // 4
    ),
    "one cycle": lambda o, steps, lr: lr_scheduler.OneCycleLR(o, max_lr=lr, total_steps=steps),
    "warm restarts": lambda o, steps, lr: lr_scheduler.CosineAnnealingWarmRestarts(  # noqa: ARG005
        o, max(1, steps // 4)
    ),
}
SCHEDULES = tuple(_SCHEDULES)
"""constant; ten times smaller at half time; a hundredth for the first quarter; torch's OneCycleLR,
which cycles the momentum too; a cosine that falls to 0 four times and jumps back."""


def make_nesterov(
    name: str, parameters: Iterable[torch.Tensor], *, lr: float, momentum: float
) -> Optimizer:
    """Return Nesterov's method as torch has it, or as this package.

    Args:
        name: "torch.optim.SGD" or "nagcore.optim.NAG".
        parameters: what to move.
        lr: step size.
        momentum: β.

    Raises:
        UsageError: an unknown name.
    """
    return _find("optimizer", name, _BUILDERS)(parameters, lr=lr, momentum=momentum)


def make_scheduler(name: str, optimizer: Optimizer, *, steps: int) -> lr_scheduler.LRScheduler:
    """Return torch's scheduler of that name, to be called after every step.

    Args:
        name: one of `SCHEDULES`.
        optimizer: whose lr is the largest that there will be.
        steps: of the whole run.

    Raises:
        UsageError: an unknown name.
    """
    return _find("schedule", name, _SCHEDULES)(optimizer, steps, optimizer.param_groups[0]["lr"])


class ScheduledRun(NamedTuple):
    """After each step: the distance from the rule's query point, and the gap at the parameters."""

    distances: np.ndarray
    gaps: np.ndarray


def follow_schedule(
    problem: Quadratic, schedule: str, *, momentum: float, steps: int
) -> dict[str, ScheduledRun]:
    """Run torch's SGD and NAG on a quadratic from the origin, and the rule with their numbers.

    The largest step size is 1/L. The rule is given the step size of every step, and the momentum
    that the optimizer was told as the momentum of the next query point.

    Args:
        problem: a quadratic.
        schedule: one of `SCHEDULES`.
        momentum: β, unless the schedule cycles it.
        steps: how many.

    Returns:
        A run for each optimizer, by its name.

    Raises:
        UsageError: an unknown name.

    Example:
        >>> f = Quadratic((1.0, 9.0), center=(1.0, 1.0))
        >>> runs = follow_schedule(f, "drop", momentum=0.9, steps=20)
        >>> [bool(run.distances[-1] < 1e-14) for run in runs.values()]
        [False, True]
    """
    runs = {}
    for name in _BUILDERS:
        path, told = _run(problem, name, schedule, momentum, steps)
        distances = np.linalg.norm(path - _query_points(problem, told), axis=1)
        gaps = np.array([problem.value(y) for y in path]) - problem.f_star
        runs[name] = ScheduledRun(distances, gaps)
    return runs


def _run(
    problem: Quadratic, name: str, schedule: str, momentum: float, steps: int
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    p = torch.zeros(problem.dimension, dtype=torch.float64).requires_grad_()
    optimizer = make_nesterov(name, [p], lr=1 / problem.L, momentum=momentum)
    scheduler = make_scheduler(schedule, optimizer, steps=steps)
    (group,) = optimizer.param_groups
    path, told = [], []
    for _ in range(steps):
        told.append((group["lr"], group["momentum"]))
        p.grad = torch.from_numpy(problem.grad(p.detach().numpy()))
        optimizer.step()
        scheduler.step()
        path.append(p.detach().numpy().copy())
    return np.array(path), told


def _query_points(problem: Quadratic, told: list[tuple[float, float]]) -> np.ndarray:
    momenta = [0.0, *(momentum for _, momentum in told)]
    method = Nesterov(lambda k: momenta[k])
    state, points = method.init(np.zeros(problem.dimension)), []
    for step_size, _ in told:
        state = method.step(state, problem.grad(method.query(state)), step_size)
        points.append(method.query(state))
    return np.array(points)


def _find(what: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise UsageError(f"{what} is {name!r}; known: {closest_first(name, known)}")
    return known[name]
