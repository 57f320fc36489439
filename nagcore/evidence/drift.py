"""How far implementations stray from Nesterov's iterates when lr or momentum changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from nagcore.core import Nesterov
from nagcore.core.forms import FORMS, Coefficients, Form
from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.theory.quadratic import Quadratic

_OPTIMIZERS: dict[str, Callable[[list[torch.Tensor]], torch.optim.Optimizer]] = {
    "nagcore.optim.NAG": lambda p: NAG(p, lr=1.0, momentum=0.0),
    "torch.optim.SGD": lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.5, nesterov=True),
}
# Keras is not among our dependencies: its update is run as the rule that the tests describe.
_FORMS: dict[str, Form] = {"Keras's update": FORMS["keras"], "averaged": FORMS["averaged"]}
IMPLEMENTATIONS = (*_OPTIMIZERS, *_FORMS)


def measure_drift(
    name: str, problem: Quadratic, coefficients: Sequence[Coefficients]
) -> np.ndarray:
    """Return the distance of an implementation's parameters from the rule's query points.

    Both start at the origin. At each step the implementation is given the rule's step size, and
    the one momentum that it takes is β_{k+1}, which forms the next query point.

    Args:
        name: one of `IMPLEMENTATIONS`.
        problem: a quadratic.
        coefficients: α_k, β_k and β_{k+1} for each step.

    Returns:
        ‖parameters − y_k‖ after each step, shape (steps,).

    Raises:
        UsageError: an unknown name.

    Example:
        >>> f = Quadratic((1.0, 4.0), center=(1.0, 1.0))
        >>> drop = [Coefficients(0.1, 0.9, 0.9), Coefficients(0.01, 0.9, 0.9)]
        >>> bool(measure_drift("nagcore.optim.NAG", f, drop)[-1] < 1e-15)
        True
        >>> bool(measure_drift("torch.optim.SGD", f, drop)[-1] > 1e-2)
        True
    """
    if name not in IMPLEMENTATIONS:
        raise UsageError(f"optimizer {name!r} is not known; known: {', '.join(IMPLEMENTATIONS)}")
    if name in _FORMS:
        path = _form_path(_FORMS[name], problem, coefficients)
    else:
        path = _optimizer_path(_OPTIMIZERS[name], problem, coefficients)
    return np.linalg.norm(path - _query_points(problem, coefficients), axis=1)


def _query_points(problem: Quadratic, coefficients: Sequence[Coefficients]) -> np.ndarray:
    momenta = [c.momentum for c in coefficients] + [coefficients[-1].next_momentum]
    method = Nesterov(lambda k: momenta[k])
    state, queries = method.init(np.zeros_like(problem.x_star)), []
    for now in coefficients:
        state = method.step(state, problem.grad(method.query(state)), now.step_size)
        queries.append(method.query(state))
    return np.array(queries)


def _form_path(form: Form, problem: Quadratic, coefficients: Sequence[Coefficients]) -> np.ndarray:
    rest = Nesterov().init(np.zeros_like(problem.x_star))
    state, path = form.enter(rest, coefficients[0]), []
    for now in coefficients:
        state = form.step(state, problem.grad(form.query(state, now)), now)
        path.append(state.parameters)
    return np.array(path)


def _optimizer_path(
    build: Callable[[list[torch.Tensor]], torch.optim.Optimizer],
    problem: Quadratic,
    coefficients: Sequence[Coefficients],
) -> np.ndarray:
    p = torch.zeros(problem.x_star.shape, dtype=torch.float64, requires_grad=True)
    optimizer, path = build([p]), []
    for now in coefficients:
        optimizer.param_groups[0].update(lr=now.step_size, momentum=now.next_momentum)
        p.grad = torch.from_numpy(problem.grad(p.detach().numpy()))
        optimizer.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)
