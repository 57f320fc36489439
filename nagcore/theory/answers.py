"""What a user's functions may answer: refused by name where a run would go wrong silently."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from nagcore.errors import UsageError

# two programs for one proximal operator agree by far better, two operators hardly ever so well
_SAME_PROX = 1e-6


def require_functions(problem: Any) -> None:
    """Raise UsageError unless the problem's value and grad can be called."""
    for name, meaning in (("value", "f(x)"), ("grad", "its gradient")):
        if not callable(getattr(problem, name, None)):
            raise UsageError(
                f"problem is {problem!r}, expected an object with value(x) and grad(x): "
                f"{name}, which returns {meaning}, cannot be called"
            )


def require_dimension(problem: Any, x0: np.ndarray) -> None:
    """Raise UsageError where the problem states another dimension than that of x0."""
    dimension = getattr(problem, "dimension", None)
    if isinstance(dimension, Integral) and x0.shape != (dimension,):
        raise wrong_dimension(x0.shape, (int(dimension),))


def wrong_dimension(found: tuple[int, ...], expected: tuple[int, ...]) -> UsageError:
    """Return the error of an x0 that does not have the problem's shape."""
    return UsageError(f"x0 has shape {found}, expected {expected}, as the problem has it")


def as_number(answer: Any, name: str) -> float:
    """Return a function value as a float.

    Args:
        answer: what the function returned.
        name: how the function is called.

    Raises:
        UsageError: it is no real number. A number that is not finite is one.

    Example:
        >>> as_number(np.float32(0.5), "value")
        0.5
        >>> as_number(None, "value")
        Traceback (most recent call last):
        nagcore.errors.UsageError: value returned None, expected one number
    """
    if isinstance(answer, float):
        return float(answer)  # of NumPy's numbers too
    array = np.asarray(answer)
    if array.shape != () or array.dtype.kind not in "fiu":
        found = f"an array of shape {array.shape}" if array.shape else repr(answer)
        raise UsageError(f"{name} returned {found}, expected one number")
    return float(array)


def require_array(answer: Any, shape: tuple[int, ...], name: str) -> None:
    """Raise UsageError unless the answer is an array of real numbers of that shape."""
    if not isinstance(answer, np.ndarray) or answer.shape != shape:
        found = f"a {type(answer).__name__}"
        if isinstance(answer, np.ndarray):
            found = f"shape {answer.shape}"
        raise UsageError(f"{name} returned {found}, expected an array of shape {shape}, as x0 has")
    if answer.dtype.kind not in "fiu":
        raise UsageError(
            f"{name} returned numbers of type {answer.dtype}, expected real ones, for example "
            "float64"
        )


class Keeper:
    """Makes the answers of a function safe to keep, for a copy of the first one alone.

    A function that fills one array again and again would change the answers that a method has
    kept. Its second answer shares memory with the first one, and from there on all are copied.

    Attributes:
        watching: whether `keep` must be called; not any more where all answers are new arrays.

    Example:
        >>> keeper, buffer = Keeper(), np.zeros(2)
        >>> kept = [keeper.keep(np.add(k, 1.0, out=buffer)).tolist() for k in range(3)]
        >>> kept, keeper.watching
        ([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], True)
    """

    def __init__(self) -> None:
        self.watching = True
        self._first: np.ndarray | None = None

    def keep(self, answer: np.ndarray) -> np.ndarray:
        """Return the answer, or a copy where it may be overwritten."""
        if self._first is None:
            # held, so that its memory cannot be given to the second answer by chance
            self._first = answer
        elif not np.may_share_memory(answer, self._first):
            self.watching, self._first = False, None
            return answer
        return answer.copy()


def require_prox(problem: Any, method: Any, x0: np.ndarray) -> None:
    """Raise UsageError where the method's proximal operator cannot be the right one.

    It is asked at two points near x0, with a step size of 1. Where the problem has one as well,
    both must agree.

    Args:
        problem: perhaps with a `prox`.
        method: perhaps with a `prox`.
        x0: the starting point, shape (n,).
    """
    prox, of_problem = getattr(method, "prox", None), getattr(problem, "prox", None)
    if prox is None:
        return
    probe = x0 + 1.0 + np.arange(x0.size) % 3
    answer = _checked(prox, probe)
    kept = answer.copy()
    _checked(prox, -probe)
    if not np.array_equal(kept, answer):
        raise UsageError(
            "prox returned the same array twice, the second time with other numbers; expected a "
            "new array each time, for the method keeps them: return a copy"
        )
    if of_problem is None or of_problem == prox:
        return
    difference = np.linalg.norm(_checked(of_problem, probe) - kept)
    if not difference <= _SAME_PROX * (1 + np.linalg.norm(kept)):
        raise UsageError(
            f"the method's prox is not that of the problem: at a point near x0 {_named(prox)} and "
            f"{_named(of_problem)} differ by {difference:.3g}; use {type(method).__name__}"
            "(problem.prox), for example FISTA(problem.prox)"
        )


def _checked(prox: Callable[[np.ndarray, float], Any], v: np.ndarray) -> np.ndarray:
    answer = prox(v.copy(), 1.0)  # a copy: to work in place is no fault, a rule hands over its own
    require_array(answer, v.shape, "prox")
    if not np.isfinite(answer).all():
        bad = int(np.flatnonzero(~np.isfinite(answer))[0])
        raise UsageError(
            f"entry {bad} of what prox returned is {answer[bad]}, expected finite numbers only: "
            "look for a division by 0 in `prox`"
        )
    return answer


def _named(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__name__", type(function).__name__)
    return name if owner is None else f"{type(owner).__name__}.{name}"
