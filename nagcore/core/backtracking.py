"""Find a step size by trial: the logic alone, in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nagcore.core.checks import require_positive
from nagcore.errors import UsageError

# Values are known to some 1e-14 of their size. A bend of more than 1e-10 of it is then known to
# 1e-4, a smaller one is judged by gradients.
_VALUES_DECIDE = 1e-10
_VALUE_ROUNDING = 1e-14
# what a gradient near the optimum may be wrong by, relative to the bend that it measures
_GRADIENT_ROUNDING = 1e-3
# a move by fewer units in the last place than this says nothing about the function
_UNSEEN_MOVE = 16 * 2.0**-52


@dataclass(frozen=True)
class Backtracking:
    r"""The largest α among α_0, α_0 s, α_0 s², … for which the step from y to x' satisfies
    f(x') ≤ f(y) + ⟨∇f(y), x' − y⟩ + ‖x' − y‖²/(2α).

    Every α ≤ 1/L passes, so that α never falls below s/L. With `grow` = 1 the step sizes never
    grow, which `FISTA` and `Nesterov` need for their bounds; `AdaptiveNesterov` keeps its bound
    with any `grow`. For the gradient step of a composite function f is the smooth part.

    What is tried is the plain step x' = y − α∇f(y), or its prox, from the query point of the
    method, whatever the method then does. It suits the rules that take this step, perhaps with
    momentum besides, and not those whose steps have other directions or lengths: `minimize`
    refuses it for `LBFGS`, `Adam`, `NAdam` and `Adan`.

    Near the optimum both sides differ by less than the rounding of f. There the test is
    ⟨∇f(x') − ∇f(y), x' − y⟩ ≤ ‖x' − y‖²/α: the same test on a quadratic, which every smooth
    function is to leading order there, and every α ≤ 1/L passes it too. It costs the gradient at
    x'. The step size does not grow on its word, nor on that of a move too short to be seen.

    Args:
        first: the first trial, positive; None measures the curvature along the first gradient.
        shrink: factor s in (0, 1) after a failed trial.
        grow: factor, at least 1, between the last step size and the first trial of the next.

    Raises:
        UsageError: an argument is out of its range.

    Source: the test: [beck2009], §4; the test at the limit of rounding: [becker2011]; growing:
    [calatroni2019].

    Example:
        >>> search = Backtracking(first=1.0, shrink=0.5, grow=1.25)
        >>> search.next_trial(0.5, may_grow=True), search.shorter(0.5)
        (0.625, 0.25)
    """

    first: float | None = None
    shrink: float = 0.5
    grow: float = 1.0

    def __post_init__(self) -> None:
        if self.first is not None:
            require_positive(self.first, "first")
        require_positive(self.shrink, "shrink")
        require_positive(self.grow, "grow")
        if not self.shrink < 1:
            raise UsageError(
                f"shrink is {self.shrink!r}, expected a number in (0, 1), for example 0.5"
            )
        if not self.grow >= 1:
            raise UsageError(
                f"grow is {self.grow!r}, expected 1 or more: 1 never lets the step size grow, "
                "1.1 lets it grow by a tenth at each step"
            )

    def next_trial(self, step_size: float, *, may_grow: bool) -> float:
        """Return the first trial after a step of size `step_size`."""
        return step_size * self.grow if may_grow else step_size

    def shorter(self, step_size: float) -> float:
        """Return the trial after a failed one of size `step_size`."""
        return step_size * self.shrink


def move_is_unseen(square_of_move: float, square_of_point: float) -> bool:
    """Return whether a move is so short beside the point it starts from that it is rounding.

    Args:
        square_of_move: ‖x' − y‖².
        square_of_point: ‖y‖².

    Example:
        >>> move_is_unseen(1e-32, 1.0), move_is_unseen(1e-20, 1.0)
        (True, False)
    """
    return square_of_move <= _UNSEEN_MOVE**2 * square_of_point


def values_can_decide(
    square_of_move: float, step_size: float, value: float, next_value: float
) -> bool:
    """Return whether ‖x' − y‖²/(2α) stands out above the rounding of f(y) and f(x').

    Example:
        >>> values_can_decide(1e-2, 1.0, 3.0, 2.0), values_can_decide(1e-12, 1.0, 3.0, 3.0)
        (True, False)
    """
    if not (math.isfinite(value) and math.isfinite(next_value)):
        return True  # which is a plain verdict too
    size = max(abs(value), abs(next_value))
    return square_of_move / (2 * step_size) > _VALUES_DECIDE * size


def passes_by_values(
    square_of_move: float, step_size: float, value: float, next_value: float, slope: float
) -> bool:
    """Return whether f(x') ≤ f(y) + ⟨∇f(y), x' − y⟩ + ‖x' − y‖²/(2α), but for rounding.

    Args:
        square_of_move: ‖x' − y‖².
        step_size: α.
        value: f(y).
        next_value: f(x'); the test fails where it is not finite.
        slope: ⟨∇f(y), x' − y⟩.

    Example:
        The step from y = 1 on f(x) = x² goes to x' = 1 − 2α; L = 2.

        >>> [passes_by_values(4 * a * a, a, 1.0, (1 - 2 * a) ** 2, -4 * a) for a in (0.5, 0.6)]
        [True, False]
    """
    rounding = _VALUE_ROUNDING * max(abs(value), abs(next_value))
    bend = next_value - value - slope
    return math.isfinite(next_value) and bend <= square_of_move / (2 * step_size) + rounding


def passes_by_gradients(square_of_move: float, step_size: float, turn: float) -> bool:
    """Return whether ⟨∇f(x') − ∇f(y), x' − y⟩ ≤ ‖x' − y‖²/α, but for rounding.

    Args:
        square_of_move: ‖x' − y‖².
        step_size: α.
        turn: ⟨∇f(x') − ∇f(y), x' − y⟩.

    Example:
        >>> [passes_by_gradients(4 * a * a, a, 8 * a * a) for a in (0.5, 0.6)]
        [True, False]
    """
    return turn <= (1 + _GRADIENT_ROUNDING) * square_of_move / step_size
