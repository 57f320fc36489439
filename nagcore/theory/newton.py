"""Newton's method, the judge of the others: it finds the optimum of a problem to rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nagcore.errors import UsageError

STEPS = 200
EPS = float(np.finfo(float).eps)


def newton_minimum(
    value_and_grad: Callable[[np.ndarray], tuple[float, np.ndarray]],
    hessian: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    L: float,
) -> np.ndarray:
    """Return a minimizer of a convex function, as exact as its gradient can be computed.

    The Hessian is damped in proportion to the gradient, so that it may be singular, and steps are
    halved until the value falls, or until it stays within rounding while the gradient shrinks.

    Args:
        value_and_grad: f and ∇f at a point of shape (n,).
        hessian: ∇²f, or an element of its generalized Jacobian, shape (n, n).
        x: starting point, shape (n,).
        L: Lipschitz constant of the gradient.

    Raises:
        UsageError: the gradient did not come down to rounding, as where there is no minimizer.

    Source: the damping: [li2004].

    Example:
        >>> x = newton_minimum(
        ...     lambda x: (float(np.cosh(x[0])), np.sinh(x)), lambda x: np.diag(np.cosh(x)),
        ...     np.array([2.0]), L=4.0)
        >>> bool(abs(x[0]) < 1e-15)
        True
    """
    value, grad = value_and_grad(x)
    first = float(np.linalg.norm(grad))
    for _ in range(STEPS):
        norm = float(np.linalg.norm(grad))
        if norm <= EPS * L * np.linalg.norm(x):
            break
        damping = 1e-3 * L * min(1.0, norm / first)
        direction = np.linalg.solve(hessian(x) + damping * np.eye(len(x)), grad)
        step = 1.0
        while step > 1e-12:
            trial = x - step * direction
            trial_value, trial_grad = value_and_grad(trial)
            falls = trial_value < value - 1e-4 * step * (grad @ direction)
            level = trial_value <= value + 4 * EPS * abs(value)
            if falls or (level and np.linalg.norm(trial_grad) < norm):
                break
            step /= 2
        else:
            break  # nothing better within rounding
        x, value, grad = trial, trial_value, trial_grad
    norm = float(np.linalg.norm(grad))
    if norm > 1e-10 * first + 1e3 * EPS * L * np.linalg.norm(x):
        raise UsageError(
            f"no minimizer was found: Newton's method stopped at a gradient norm of {norm:.3g}, "
            f"{first:.3g} at the start; add a ridge, or scale the data"
        )
    return x
