"""How far torch optimizers stray from Nesterov's iterates under a changing step size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from nagcore.core import Nesterov
from nagcore.optim import NAG
from nagcore.theory.quadratic import Quadratic


def measure_drift(
    problem: Quadratic, step_sizes: Sequence[float], momentum: float
) -> dict[str, np.ndarray]:
    """Return the distance of torch's and our parameters from the rule's query points.

    All three start at the origin and see the same step size at the same step.

    Args:
        problem: a quadratic.
        step_sizes: α_k for each step.
        momentum: constant β.

    Returns:
        For each optimizer, ‖parameters − y_k‖ after each step, shape (steps,).

    Example:
        >>> drift = measure_drift(Quadratic((1.0, 4.0), center=(1.0, 1.0)), [0.1, 0.1, 0.01], 0.9)
        >>> bool(drift["nagcore.optim.NAG"].max() < 1e-15)
        True
        >>> bool(drift["torch.optim.SGD"][-1] > 1e-3)
        True
    """
    method = Nesterov(momentum)
    state = method.init(np.zeros_like(problem.x_star))
    queries = []
    for step_size in step_sizes:
        state = method.step(state, problem.grad(method.query(state)), step_size)
        queries.append(method.query(state))

    def torchs(p: list[torch.Tensor]) -> torch.optim.Optimizer:
        return torch.optim.SGD(p, lr=step_sizes[0], momentum=momentum, nesterov=True)

    def ours(p: list[torch.Tensor]) -> torch.optim.Optimizer:
        return NAG(p, lr=step_sizes[0], momentum=momentum)

    return {
        name: np.linalg.norm(_path(build, problem, step_sizes) - np.array(queries), axis=1)
        for name, build in (("nagcore.optim.NAG", ours), ("torch.optim.SGD", torchs))
    }


def _path(
    build: Callable[[list[torch.Tensor]], torch.optim.Optimizer],
    problem: Quadratic,
    step_sizes: Sequence[float],
) -> np.ndarray:
    p = torch.zeros(problem.x_star.shape, dtype=torch.float64, requires_grad=True)
    optimizer = build([p])
    path = []
    for step_size in step_sizes:
        optimizer.param_groups[0]["lr"] = step_size
        p.grad = torch.from_numpy(problem.grad(p.detach().numpy()))
        optimizer.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)
