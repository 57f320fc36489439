"""Muon, Nesterov's momentum made orthogonal, as a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from nagcore.core.adam import averaged
from nagcore.core.checks import require_count
from nagcore.core.inner import inner
from nagcore.core.momentum import MomentumSequence, as_sequence
from nagcore.errors import UsageError

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""a, b, c of the quintic; chosen steep at 0, at the price of never settling on 1."""
_TINY = 1e-7  # so that the zero matrix is mapped to itself


class MuonState(NamedTuple):
    """The matrix x_k, the sum or average of gradients and the number k of steps taken."""

    x: Any
    buffer: Any
    k: int


def sum_ahead(buffer: Any, grad: Any, momentum: Any) -> tuple[Any, Any]:
    """Return b' = β b + g, and the update g + β b'.

    Source: Nesterov's momentum in the form of [paszke2019].

    Example:
        >>> sum_ahead(4.0, 1.0, 0.5)
        (3.0, 2.5)
    """
    total = momentum * buffer + grad
    return total, grad + momentum * total


def average_ahead(buffer: Any, grad: Any, momentum: Any) -> tuple[Any, Any]:
    """Return m' = β m + (1 − β) g, and the update (1 − β) g + β m'.

    Source: [jordan2024].

    Example:
        >>> average_ahead(2.0, 1.0, 0.5)  # half of what `sum_ahead` makes of 4
        (1.5, 1.25)
    """
    mean = averaged(momentum, buffer, grad)
    return mean, averaged(momentum, mean, grad)


MUON_MOMENTA: dict[str, Callable[[Any, Any, Any], tuple[Any, Any]]] = {
    "averaged": average_ahead,
    "sum": sum_ahead,
}
"""How the buffer takes a gradient in: of buffer, gradient and momentum, the next buffer and the
update. The updates are parallel while the momentum stays what it is, and only then."""

MUON_SCALES: dict[str, Callable[[int, int], float]] = {
    "original": lambda rows, columns: max(1.0, rows / max(columns, 1)) ** 0.5,
    "match_rms_adamw": lambda rows, columns: 0.2 * max(rows, columns) ** 0.5,
}
"""The factor of the step by the shape of the matrix, with the names of `torch.optim.Muon`: the
first keeps the change of the output the same for any shape, the second the size of an entry about
that of AdamW's."""


def orthogonalize(matrix: Any, steps: int = 5) -> Any:
    r"""X ← a X + (b A + c A²) X with A = X Xᵀ, from X = G/‖G‖: G with singular values near 1.

    Singular vectors stay what they are. In five steps the singular values above 1/500 of the norm
    come to lie between 0.68 and 1.21; smaller ones are on their way.

    Args:
        matrix: G, shape (rows, columns), an array of NumPy or of torch.
        steps: number of iterations.

    Returns:
        A matrix of the same shape.

    Source: [jordan2024].

    Example:
        >>> import numpy as np
        >>> G = np.array([[3.0, 4.0], [0.0, 1.0]])
        >>> [round(float(s), 2) for s in np.linalg.svd(G)[1]]
        [5.06, 0.59]
        >>> [round(float(s), 2) for s in np.linalg.svd(orthogonalize(G))[1]]
        [0.74, 0.7]
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]  # the smaller of the two products is enough
    x = (matrix.T if tall else matrix) / (inner(matrix, matrix) ** 0.5 + _TINY)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x


@dataclass(frozen=True)
class Muon:
    r"""x_{k+1} = x_k − α r O((1 − β) g_k + β m_{k+1}),  m_{k+1} = β m_k + (1 − β) g_k.

    A matrix moves along Nesterov's momentum with its singular values brought near 1 (O, see
    `orthogonalize`), so that rare directions count as much as frequent ones. r depends on the
    shape. As O does not see the size of the update, a sum of gradients in place of the average
    gives the same path while the momentum is constant.

    Args:
        momentum: β, a number in [0, 1), or a sequence k ↦ β_k.
        convention: "averaged", as in the author's program and `torch.optim.Muon`, or "sum".
        scale: r, "original" or "match_rms_adamw".
        steps: iterations of the orthogonalization.

    Raises:
        UsageError: a constant momentum lies outside [0, 1), a name is not known, or `steps` is
            not a whole number.

    Source: [jordan2024]; the second scale: [liu2025].

    Example:
        >>> import numpy as np
        >>> method = Muon()
        >>> state = method.step(method.init(np.zeros((2, 2))), 1e-3 * np.eye(2), step_size=1.0)
        >>> bool(np.allclose(state.x, -orthogonalize(np.eye(2)), atol=1e-3))
        True
    """

    momentum: MomentumSequence | float = 0.95
    convention: str = "averaged"
    scale: str = "original"
    steps: int = 5
    takes_gradient_step = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", as_sequence(self.momentum))
        _require_known("convention", self.convention, MUON_MOMENTA)
        _require_known("scale", self.scale, MUON_SCALES)
        require_count(self.steps, "steps")

    def init(self, x0: Any) -> MuonState:
        """Return the state at the starting point `x0`, a matrix."""
        if len(x0.shape) != 2:
            raise UsageError(
                f"x0 has shape {tuple(x0.shape)}, expected a matrix: give other parameters to "
                "another method"
            )
        return MuonState(x=x0, buffer=x0 - x0, k=0)

    def query(self, state: MuonState) -> Any:
        """Return the iterate."""
        return state.x

    def step(self, state: MuonState, grad: Any, step_size: float) -> MuonState:
        """Return the state after one step."""
        momentum = as_sequence(self.momentum)(state.k)
        buffer, update = MUON_MOMENTA[self.convention](state.buffer, grad, momentum)
        factor = step_size * MUON_SCALES[self.scale](*state.x.shape)
        x = state.x - factor * orthogonalize(update, self.steps)
        return MuonState(x, buffer, state.k + 1)


def _require_known(name: str, value: str, known: dict[str, Any]) -> None:
    if value not in known:
        raise UsageError(f"{name} is {value!r}, expected one of {', '.join(known)}")
