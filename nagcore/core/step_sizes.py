"""Step sizes that change from step to step by a fixed plan."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nagcore.core.checks import require_count, require_positive

SILVER_RATIO = 1 + math.sqrt(2)


@dataclass(frozen=True)
class SilverSteps:
    r"""α_k = (1 + ρ^{v(k+1) − 1}) / L with ρ = 1 + √2 and v(i) the number of factors 2 in i.

    Gradient descent without any momentum, accelerated by long steps alone: half are √2/L, a
    quarter 2/L, the rest longer, and after a long one the gap may grow for a while. After
    n = 2^m − 1 steps on a convex function with L-Lipschitz gradient the gap is at most
    L‖x_0 − x⋆‖² / (1 + √(4ρ^{2m} − 3)), that is O(n^{−1.27}). In between nothing is promised.

    Args:
        L: Lipschitz constant of the gradient, positive.

    Raises:
        UsageError: L is not a positive, finite number.

    Source: [altschuler2025], Theorem 1.1.

    Example:
        >>> [round(SilverSteps(L=1.0)(k), 4) for k in range(7)]
        [1.4142, 2.0, 1.4142, 3.4142, 1.4142, 2.0, 1.4142]
    """

    L: float

    def __post_init__(self) -> None:
        require_positive(self.L, "L")

    def __call__(self, k: int) -> float:
        """Return α_k."""
        require_count(k, "k")
        index = int(k) + 1
        factors_of_two = (index & -index).bit_length() - 1
        return (1 + SILVER_RATIO ** (factors_of_two - 1)) / self.L
