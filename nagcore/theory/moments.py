"""Second moments of a rule under noise, on one coordinate of a quadratic, as a linear map."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nagcore.core.method import Method
from nagcore.theory.spectrum import iteration_matrix


def moment_matrix(
    method: Method[Any],
    *,
    curvature: npt.ArrayLike,
    variance: npt.ArrayLike,
    step_size: npt.ArrayLike,
) -> np.ndarray:
    r"""M with (E x², E x d, E d², 1) ↦ M (E x², E x d, E d², 1) in one step with a noisy gradient.

    On f(x) = λ/2 x² a rule maps its state s to T s + ε b, where b is what its step makes of the
    gradient 1 at rest at 0. So E s sᵀ becomes T (E s sᵀ) Tᵀ + Var(ε) b bᵀ, linear in the moments;
    the last row of M is (0, …, 0, 1). For gradient descent the moments are (E x², 1).

    Args:
        method: the rule, as for `iteration_matrix`.
        curvature: λ.
        variance: Var ε, with E ε = 0.
        step_size: α.

    Returns:
        Matrices in the broadcast shape of all these, shape (…, m, m) with m = 2 or 4.

    Source: [zhang2019], for heavy ball.

    Example:
        >>> from nagcore.core import GradientDescent
        >>> moment_matrix(GradientDescent(), curvature=1.0, variance=0.5, step_size=0.5).tolist()
        [[0.25, 0.125], [0.0, 1.0]]
    """
    once = iteration_matrix(method, curvature=curvature, step_size=step_size)
    kick = _kick(method, step_size)
    pairs = [(i, j) for i in range(once.shape[-1]) for j in range(i, once.shape[-1])]
    shape = np.broadcast_shapes(once.shape[:-2], kick.shape[:-1], np.shape(variance))
    matrix = np.zeros((*shape, len(pairs) + 1, len(pairs) + 1))
    for row, (i, j) in enumerate(pairs):
        for column, (k, m) in enumerate(pairs):
            matrix[..., row, column] = once[..., i, k] * once[..., j, m]
            if k != m:  # E x d stands for both places of the symmetric matrix
                matrix[..., row, column] += once[..., i, m] * once[..., j, k]
        matrix[..., row, -1] = np.asarray(variance) * kick[..., i] * kick[..., j]
    matrix[..., -1, -1] = 1.0
    return matrix


def _kick(method: Method[Any], step_size: npt.ArrayLike) -> np.ndarray:
    """Return the state after one step from rest at 0 with the gradient 1, shape (…, fields)."""
    rest = method.init(np.zeros(()))._replace(k=1)
    after = method.step(rest, np.ones(()), np.asarray(step_size))  # pyright: ignore[reportArgumentType]
    names = [name for name in rest._fields if name != "k"]
    return np.stack(np.broadcast_arrays(*(getattr(after, name) for name in names)), axis=-1)
