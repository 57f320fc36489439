"""NAG on two parameter groups, with restarts of all or of each."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch

from nagcore.optim import NAG
from nagcore.theory.quadratic import Quadratic


class GroupedRun(NamedTuple):
    """The gaps at the iterates, and the steps after which a group was restarted."""

    gaps: np.ndarray
    restarts: list[int]


def descend_in_groups(
    problem: Quadratic,
    *,
    momentum: float,
    steps: int,
    restart: Literal["gradient", "function", "speed"] | None = None,
    scope: Literal["all", "group"] = "all",
) -> GroupedRun:
    """Run NAG with step size 1/L, the steep half and the flat half of the variables in groups.

    Args:
        problem: a quadratic whose axes are the variables.
        momentum: β, the same at all steps.
        steps: how many.
        restart: as in `NAG`.
        scope: its `restart_scope`.

    Example:
        >>> run = descend_in_groups(
        ...     Quadratic((1.0, 100.0), center=(1.0, 1.0)), momentum=0.99, steps=60,
        ...     restart="gradient")
        >>> len(run.gaps), len(run.restarts) > 0
        (61, True)
    """
    halves = np.array_split(np.argsort(problem.eigenvalues), 2)
    x = [torch.zeros(len(half), dtype=torch.float64).requires_grad_() for half in halves]
    optimizer = NAG(
        [{"params": [part]} for part in x], lr=1 / problem.L, momentum=momentum,
        restart=restart, restart_scope=scope, execution="plain",
    )  # fmt: skip
    gaps, places = [problem.value(np.zeros(problem.x_star.shape)) - problem.f_star], []
    for k in range(1, steps + 1):
        gradient = problem.grad(_whole(x, halves))
        for part, half in zip(x, halves, strict=True):
            part.grad = torch.from_numpy(gradient[half])
        before = optimizer.restarts
        optimizer.step()
        places += [k] * (optimizer.restarts > before)
        with optimizer.at_iterate():
            gaps.append(problem.value(_whole(x, halves)) - problem.f_star)
    return GroupedRun(np.array(gaps), places)


def _whole(parts: list[torch.Tensor], halves: list[np.ndarray]) -> np.ndarray:
    x = np.empty(sum(len(half) for half in halves))
    for part, half in zip(parts, halves, strict=True):
        x[half] = part.detach().numpy()
    return x
