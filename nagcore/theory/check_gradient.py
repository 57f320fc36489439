"""Catch a wrong gradient before it wastes a run."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nagcore.core.checks import require_count, require_positive
from nagcore.errors import UsageError
from nagcore.theory.answers import require_functions

# from the scale of x down to where rounding rules; the best of them is chosen anew each time
RELATIVE_STEPS = 10.0 ** -np.arange(0, 10)
EPS = float(np.finfo(float).eps)


class _Slope(NamedTuple):
    """A directional derivative and the error that it may have."""

    value: float
    error: float


def check_gradient(
    problem: Any,
    x: np.ndarray,
    *,
    directions: int = 5,
    coordinates: int = 30,
    tol: float = 1e-5,
    seed: int = 0,
) -> float:
    """Compare `problem.grad(x)` with central differences of `problem.value`, and raise if wrong.

    Along random directions, and along coordinates (all, or as many as asked for by chance), the
    slope is estimated with ten step sizes. The one whose neighbours agree best is taken, and
    their disagreement is the error that is granted to it: no fault is found where rounding or
    curvature leave the differences uncertain. For a composite problem the smooth part is checked,
    by its `smooth_value`. If there is a `value_and_grad`, it must agree with the two.

    Args:
        problem: has `value(x)` and `grad(x)`.
        x: where to check, shape (n,). Take a point that is not special, not the start at 0: there
            a forgotten ridge does not show.
        directions: number of random directions.
        coordinates: largest number of coordinates; not 0 where `directions` is.
        tol: relative error that is allowed, between 0 and 1.
        seed: seed of the choice of directions, a whole number of 0 or more.

    Returns:
        The largest relative error met, at most `tol`.

    Raises:
        UsageError: the gradient is wrong, has another shape than x or is not finite; the value is
            no finite number; `value_and_grad` disagrees; `value` or `grad` is missing, or for a
            composite problem `smooth_value`; or an argument is out of its range. The message
            names the coordinate.

    Example:
        >>> from nagcore.theory.quadratic import Quadratic
        >>> f = Quadratic((1.0, 100.0))
        >>> check_gradient(f, np.array([1.0, 1.0])) < 1e-8
        True
        >>> class Wrong(Quadratic):
        ...     def grad(self, x):
        ...         return 2 * super().grad(x)
        >>> check_gradient(Wrong((1.0, 100.0)), np.array([1.0, 1.0]))
        Traceback (most recent call last):
        nagcore.errors.UsageError: the gradient has a relative error of 0.5 ...
    """
    _require_settings(directions, coordinates, tol, seed)
    value = _value_of(problem)
    x = np.asarray(x, dtype=float)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise UsageError(f"x has shape {x.shape}, expected (n,) and finite numbers")
    grad = _checked_gradient(problem, value, x)
    generator = np.random.default_rng(seed)
    largest = 0.0
    for name, direction, scale in _directions(x, generator, directions, coordinates):
        slope = _slope(value, x, direction, scale)
        claimed = float(grad @ direction)
        # an error within the granted one counts as no more than tol
        size = max(abs(slope.value), abs(claimed), slope.error / tol)
        error = abs(slope.value - claimed) / size if size > 0 else 0.0
        if error > tol:
            raise UsageError(
                f"the gradient has a relative error of {error:.2g} along {name}: it claims a "
                f"slope of {claimed:.9g}, and differences of the value give {slope.value:.9g} "
                f"(± {slope.error:.1g}); compare `grad` with the derivative of `value` there: "
                "a sign, a factor or a term is usual"
            )
        largest = max(largest, error)
    _check_both_at_once(problem, value, grad, x)
    return largest


def _require_settings(directions: int, coordinates: int, tol: float, seed: int) -> None:
    for count, name in ((directions, "directions"), (coordinates, "coordinates"), (seed, "seed")):
        require_count(count, name)
    if directions == 0 and coordinates == 0:
        raise UsageError("directions and coordinates are both 0, expected one to check along")
    require_positive(tol, "tol")
    if not tol < 1:
        raise UsageError(
            f"tol is {tol!r}, expected less than 1, which is the relative error of a gradient of 0"
        )


def _value_of(problem: Any) -> Any:
    """Return the function whose gradient `grad` is."""
    require_functions(problem)
    smooth_value = getattr(problem, "smooth_value", None)
    if smooth_value is None and getattr(problem, "prox", None) is not None:
        raise UsageError(
            f"{type(problem).__name__} has prox but no smooth_value(x), the value without the "
            "part that prox belongs to; `grad` is the gradient of that value and can be checked "
            "against no other"
        )
    return problem.value if smooth_value is None else smooth_value


def _checked_gradient(problem: Any, value: Any, x: np.ndarray) -> np.ndarray:
    height = value(x.copy())
    if (
        np.ndim(height) != 0
        or np.asarray(height).dtype.kind not in "fiu"
        or not np.isfinite(height)
    ):
        raise UsageError(f"the value at x is {height!r}, expected one finite number")
    # a copy, for the function may fill the same array at its next call
    grad = np.array(problem.grad(x.copy()), dtype=float)
    if grad.shape != x.shape:
        raise UsageError(f"the gradient has shape {grad.shape}, expected {x.shape}, that of x")
    if not np.isfinite(grad).all():
        bad = int(np.flatnonzero(~np.isfinite(grad))[0])
        raise UsageError(
            f"coordinate {bad} of the gradient is {grad[bad]}, expected a finite number: look for "
            "a division by 0, a logarithm of 0 or an overflow in `grad`"
        )
    return grad


def _check_both_at_once(problem: Any, value: Any, grad: np.ndarray, x: np.ndarray) -> None:
    both = getattr(problem, "value_and_grad", None)
    if both is None:
        return
    height, (same_height, same_grad) = value(x.copy()), both(x.copy())
    near = np.linalg.norm(same_grad - grad) <= 1e-8 * np.linalg.norm(grad) + 1e-300
    if not (near and abs(same_height - height) <= 1e-8 * abs(height) + 1e-300):
        raise UsageError(
            f"value_and_grad(x) gives a value of {same_height!r} where value(x) is {height!r}"
            f"{'' if near else ', and another gradient than grad(x)'}; expected the same"
        )


def _directions(x: np.ndarray, generator: np.random.Generator, directions: int, coordinates: int):
    """Yield a name, the direction and the length that counts as large along it."""
    n = len(x)
    chosen = range(n) if n <= coordinates else generator.choice(n, coordinates, replace=False)
    for i in chosen:
        direction = np.zeros(n)
        direction[i] = 1.0
        yield f"coordinate {i}", direction, max(1.0, abs(float(x[i])))
    for number in range(directions):
        direction = generator.standard_normal(n)
        direction /= np.linalg.norm(direction)
        yield f"random direction {number}", direction, max(1.0, float(np.linalg.norm(x)))


def _slope(value: Any, x: np.ndarray, direction: np.ndarray, scale: float) -> _Slope:
    steps = scale * RELATIVE_STEPS
    slopes, rounding = np.full(len(steps), np.nan), np.full(len(steps), np.inf)
    rise = 0.0
    with np.errstate(all="ignore"):
        for i, step in enumerate(steps):
            ahead, behind = x + step * direction, x - step * direction
            above, below = float(value(ahead)), float(value(behind))
            # the step that was really made, where x + step is rounded
            made = float((ahead - behind) @ direction)
            slopes[i] = (above - below) / made
            # no difference where a longer step saw one: the value may be rounded more coarsely
            # than a float, in steps as high as that
            coarse = rise if above == below else 0.0
            rise = abs(above - below) or rise
            rounding[i] = (4 * EPS * (abs(above) + abs(below)) + coarse) / made
        change = abs(np.diff(slopes))
    # a step size is trusted as far as its two neighbours agree with it
    disagreement = np.maximum(change[1:], change[:-1])
    errors = 3 * disagreement + rounding[1:-1]
    if not np.isfinite(errors).any():
        raise UsageError(
            "the value is not finite near x, so that no slope can be measured; check the gradient "
            "at a point well inside of the domain"
        )
    best = int(np.nanargmin(errors))
    return _Slope(float(slopes[1 + best]), float(errors[best]))
