"""When a run is over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from nagcore.core.checks import require_not_negative
from nagcore.errors import UsageError
from nagcore.theory.oracle import Oracle
from nagcore.theory.solution import Status

# A gradient norm that has grown a million million times is not coming back. The floor is for a
# start so close to the optimum that its gradient is rounding.
_DIVERGENCE_FACTOR = 1e12
_LEAST_FIRST_NORM = 1e-12


@dataclass(frozen=True)
class Tolerances:
    """What counts as converged; any one of them is enough, None asks for nothing.

    Args:
        gradient: of ‖∇f(y)‖, for a composite function of the norm of the gradient mapping.
        gap: of F(x) − F⋆.
        change: of ‖x_{k+1} − x_k‖ / ‖x_{k+1}‖.
        duality_gap: of the problem's own bound on the gap.

    Raises:
        UsageError: a tolerance is negative or not finite.
    """

    gradient: float = 0.0
    gap: float | None = None
    change: float | None = None
    duality_gap: float | None = None

    def __post_init__(self) -> None:
        require_not_negative(self.gradient, "tol")
        for name in ("gap", "change", "duality_gap"):
            if getattr(self, name) is not None:
                require_not_negative(getattr(self, name), f"tol_{name}")

    def require_known(self, problem: Any) -> None:
        """Raise UsageError where the problem cannot tell what a tolerance is about."""
        for name, attribute in (("gap", "f_star"), ("duality_gap", "duality_gap")):
            if getattr(self, name) is not None and getattr(problem, attribute, None) is None:
                raise UsageError(
                    f"tol_{name} is {getattr(self, name)!r}, but the problem has no {attribute}; "
                    "stop by the gradient norm instead: tol=..."
                )


class Judge:
    """Judges points and norms against tolerances, and says why a run is over."""

    def __init__(self, tolerances: Tolerances, oracle: Oracle) -> None:
        self._tolerances, self._oracle = tolerances, oracle
        self._largest_norm = math.inf
        about_points = (tolerances.gap, tolerances.change, tolerances.duality_gap)
        self.watches_points = about_points != (None, None, None)

    def small(self, norm: float) -> str | None:
        """Return the reason to stop where the norm is within its tolerance."""
        if norm <= self._tolerances.gradient:
            return f"gradient norm {norm:.3g} <= tol {self._tolerances.gradient:.3g}"
        return None

    def broken(self, norm: float, y: np.ndarray, grad: np.ndarray) -> tuple[Status, str] | None:
        """Return status and reason where the run cannot go on from y."""
        if norm <= self._largest_norm:  # false for NaN too
            if self._largest_norm == math.inf and norm < math.inf:
                self._largest_norm = _DIVERGENCE_FACTOR * max(norm, _LEAST_FIRST_NORM)
                return None
            if norm < math.inf:
                return None
        if np.isfinite(y).all() and not np.isfinite(grad).all():
            return "nonfinite", (
                "the gradient is not finite at a point that is: the function is not defined "
                "there, or a shorter step size is needed"
            )
        return "diverged", (
            f"gradient norm {norm:.3g}; the step size or the momentum is too large for this problem"
        )

    def good(self, x: np.ndarray, before: np.ndarray | None) -> str | None:
        """Return the reason to stop at the iterate x, which came after `before`."""
        asked = self._tolerances
        if asked.gap is not None:
            gap = self._oracle.value(x) - self._oracle.problem.f_star
            if gap <= asked.gap:
                return f"gap {gap:.3g} <= tol_gap {asked.gap:.3g}"
        if asked.duality_gap is not None:
            gap = self._oracle.duality_gap(x)
            if gap <= asked.duality_gap:
                return f"duality gap {gap:.3g} <= tol_duality_gap {asked.duality_gap:.3g}"
        if asked.change is not None and before is not None:
            change, size = float(np.linalg.norm(x - before)), float(np.linalg.norm(x))
            if change <= asked.change * size:
                return f"change {change:.3g} <= tol_change {asked.change:.3g} times {size:.3g}"
        return None
