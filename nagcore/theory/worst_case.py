"""The function on which a method does as badly as its certificate says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from nagcore.errors import UsageError
from nagcore.theory.certificates import Certificate

MAXIMUM_DIMENSION = 3


@dataclass(frozen=True, eq=False)
class WorstCaseFunction:
    r"""f(x) = max over λ in the simplex of Σ λ_i (b_i + ⟨h_i, x − x_i⟩) − ‖Σ λ_i h_i‖²/(2(L − μ))
    + μ/2 ‖x‖², where h_i = g_i − μ x_i and b_i = f_i − μ/2 ‖x_i‖² + ‖h_i‖²/(2(L − μ)).

    The smallest L-smooth, μ-strongly convex function that takes the values f_i with gradients g_i
    at the points x_i, if there is one. Whatever the data, f is L-smooth and μ-strongly convex,
    and f(x_i) ≥ f_i. The minimizer is the origin.

    The maximum is found exactly: some affinely independent h_i carry it, at most d + 1 of them in
    d variables, and every such choice is tried.

    Args:
        L: Lipschitz constant of the gradient, positive.
        mu: strong convexity constant, 0 ≤ mu < L.
        points: x_i, shape (N, d) with d ≤ 3; one of them is the origin.
        gradients: g_i, shape (N, d).
        values: f_i, shape (N,), 0 at the origin.
        name: a short name.

    Raises:
        UsageError: the shapes disagree, or there are more than three variables.

    Source: when there is one: [taylor2017interpolation], Theorem 4. The formula: its conjugate
    less ‖·‖²/(2(L − μ)) is the largest convex function through the data, a hull of points.

    Example:
        Values of |x| − 1/2 beyond 1 and the minimum at 0 give the Huber function.

        >>> f = WorstCaseFunction(
        ...     1.0, 0.0, np.array([[0.0], [1.0], [-1.0]]), np.array([[0.0], [1.0], [-1.0]]),
        ...     np.array([0.0, 0.5, 0.5]),
        ... )
        >>> f.values_at(np.array([[0.0], [0.5], [1.0], [3.0]])).tolist()
        [0.0, 0.125, 0.5, 2.5]
        >>> f.grad(np.array([-0.5])).tolist()
        [-0.5]
    """

    L: float
    mu: float
    points: np.ndarray
    gradients: np.ndarray
    values: np.ndarray
    name: str = "worst function of a certificate"

    def __post_init__(self) -> None:
        shape = np.shape(self.points)
        if len(shape) != 2 or np.shape(self.gradients) != shape or len(self.values) != shape[0]:
            raise UsageError(
                f"points, gradients and values have shapes {shape}, {np.shape(self.gradients)} "
                f"and {np.shape(self.values)}, expected (N, d), (N, d) and (N,)"
            )
        if shape[1] > MAXIMUM_DIMENSION:
            raise UsageError(
                f"the function has {shape[1]} variables, expected at most {MAXIMUM_DIMENSION}: "
                "certify with low_dimension=True, which looks for one with fewer"
            )

    @property
    def x_star(self) -> np.ndarray:
        """Return the minimizer, the origin."""
        return np.zeros(self.points.shape[1])

    @property
    def f_star(self) -> float:
        """Return the minimum, 0."""
        return 0.0

    def value(self, x: np.ndarray) -> float:
        """Return f(x) for x of shape (d,)."""
        return float(self.values_at(np.asarray(x)[None])[0])

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return ∇f(x), shape (d,)."""
        return self.gradients_at(np.asarray(x)[None])[0]

    def values_at(self, x: np.ndarray) -> np.ndarray:
        """Return f at each row of x, shape (M, d), for drawing."""
        return self._maximize(x)[0] + self.mu / 2 * np.sum(x**2, axis=1)

    def gradients_at(self, x: np.ndarray) -> np.ndarray:
        """Return ∇f at each row of x, shape (M, d)."""
        return self._maximize(x)[1] + self.mu * x

    @cached_property
    def _slopes(self) -> np.ndarray:
        return self.gradients - self.mu * self.points

    @cached_property
    def _faces(self) -> list[tuple[list[int], np.ndarray]]:
        """Affinely independent slopes, with the inverse of their optimality conditions."""
        count, dimension = self.points.shape
        faces = []
        for size in range(1, dimension + 2):
            for face in combinations(range(count), size):
                slopes = self._slopes[list(face)]
                system = np.ones((size + 1, size + 1))
                system[:size, :size] = slopes @ slopes.T / (self.L - self.mu)
                system[size, size] = 0.0
                if np.linalg.cond(system) < 1e10:
                    faces.append((list(face), np.linalg.inv(system)))
        return faces

    def _maximize(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the maximum at each row of x, and Σ λ_i h_i there."""
        slopes, curvature = self._slopes, self.L - self.mu
        levels = (
            self.values
            - self.mu / 2 * np.sum(self.points**2, axis=1)
            + np.sum(slopes**2, axis=1) / (2 * curvature)
            - np.sum(slopes * self.points, axis=1)
        )
        linear = x @ slopes.T + levels
        best, where = np.full(len(x), -np.inf), np.zeros(x.shape)
        for face, inverse in self._faces:
            right = np.column_stack([linear[:, face], np.ones(len(x))])
            weights = (right @ inverse.T)[:, :-1]
            mean = weights @ slopes[face]
            found = np.sum(weights * linear[:, face], axis=1) - np.sum(mean**2, axis=1) / (
                2 * curvature
            )
            # a weight below zero is no choice at all; any other choice is a lower bound
            better = (weights.min(axis=1) >= -1e-12) & (found > best)
            best[better], where[better] = found[better], mean[better]
        return best, where


def rebuild_worst_case(certificate: Certificate) -> WorstCaseFunction:
    """Return the function that a certificate found to be the worst for its method.

    From the start `certificate.extremes.start` the method does as badly on it as
    `certificate.shown` says, up to the solver's accuracy.

    Args:
        certificate: made with `low_dimension=True` if it needs more than three variables without.

    Raises:
        UsageError: the problem is composite, or the function has more than three variables.

    Example:
        >>> from nagcore.theory.certificates import certify
        >>> f = rebuild_worst_case(certify("gd-convex", steps=2, low_dimension=True))
        >>> f.points.shape[1]  # a parabola that turns into a line
        1
    """
    data = certificate.extremes
    if data is None:
        raise UsageError("the certificate is of a composite problem, expected one without h")
    return WorstCaseFunction(
        certificate.L,
        certificate.mu,
        data.points,
        data.gradients,
        data.values,
        name=f"worst function of {certificate.method}, {certificate.steps} steps",
    )
