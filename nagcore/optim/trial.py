"""One trial of a step size: whether the step passes."""

from __future__ import annotations

import math

import torch

from nagcore.core.backtracking import (
    move_is_unseen,
    passes_by_gradients,
    passes_by_values,
    values_can_decide,
)
from nagcore.optim.neighbourhood import Neighbourhood

_DOUBLE = torch.finfo(torch.float64).eps
# A curvature that grows so much while the trials shrink is that of no smooth function.
_TOO_CURVED = 1e4


class Failures:
    """What the failed trials of one step have shown of the curvature.

    With the right gradient it is at most L; with a wrong one it grows without end, since the loss
    then departs from the line like ‖x' − y‖ and not like its square.
    """

    def __init__(self) -> None:
        self._first = self._last = 0.0

    def add(self, curvature: float) -> None:
        """Keep what a trial showed; one where the loss is not finite shows nothing."""
        if math.isfinite(curvature):
            self._first = self._first or curvature
            self._last = curvature

    def blame_the_gradient(self) -> bool:
        """Return whether no function with this gradient could have failed like that."""
        return self._last > _TOO_CURVED * self._first


def try_step(around: Neighbourhood, step_size: float, failures: Failures) -> tuple[bool, bool]:
    """Return whether a step passes, and whether its word is good enough for a longer one next.

    Args:
        around: the function near the query point; its parameters are left where the step leads.
        step_size: α.
        failures: of this step so far; a failure by values is added.
    """
    move = around.go(step_size)
    square = around.square(move)
    if not math.isfinite(square):
        return False, False
    # the tests are written for double precision: a coarser type sees moves as so much shorter
    coarseness = around.unit / _DOUBLE
    if move_is_unseen(square / coarseness**2, around.square_of_point):
        return True, False
    value = around.look()
    if values_can_decide(square / coarseness, step_size, around.value, value):
        slope = around.slope(move)
        if passes_by_values(square, step_size, around.value, value, slope):
            return True, True
        failures.add(2 * (value - around.value - slope) / square)
        return False, True
    return passes_by_gradients(square, step_size, around.turn(move)), False


def measure_first(around: Neighbourhood) -> float:
    """Return 1/curvature along the gradient, never less than 1/L: trials can only shorten it.

    Args:
        around: the function near a query point where the gradient is not 0.
    """
    norm = math.sqrt(around.square_of_gradient)
    length = math.sqrt(around.square_of_point) or 1.0
    move = around.go(1e-4 * length / norm)
    around.look()
    turn, square = around.turn(move), around.square(move)
    return square / turn if 0 < turn < math.inf and square > 0 else length / norm
