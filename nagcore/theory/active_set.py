"""The exact minimum of least squares plus a weighted 1-norm, by an active set."""

from __future__ import annotations

import numpy as np

from nagcore.errors import UsageError


def sparse_minimum(A: np.ndarray, b: np.ndarray, weight: float, ridge: float) -> np.ndarray:
    """Return argmin_x 1/(2m) ‖A x − b‖² + ρ/2 ‖x‖² + λ ‖x‖₁, shape (n,).

    With the signs of x fixed the function is quadratic. Entry after entry is let go from 0, the
    one whose optimality condition is broken most; then the way to the minimum of that quadratic
    is followed as far as no entry changes its sign, and one that reaches 0 is fixed there. The
    value falls at each turn, so that no set of signs is met twice. The last set is solved again
    by a QR factorization, which does not square the condition number.

    Args:
        A: data, shape (m, n).
        b: targets, shape (m,).
        weight: λ, positive.
        ridge: ρ, not negative.

    Raises:
        UsageError: the optimality conditions could not be met to 1e-9, as with columns of A that
            are dependent to rounding.

    Source: [lee2007], Algorithm 1.

    Example:
        >>> sparse_minimum(np.eye(2), np.array([3.0, 0.5]), weight=0.5, ridge=0.0).round(9).tolist()
        [2.0, 0.0]
    """
    m, n = A.shape
    gram, correlation = A.T @ A / m + ridge * np.eye(n), A.T @ b / m
    # dependent columns: the minimum then lies far out, and a sign changes on the way there
    gram[np.diag_indices(n)] += 1e-13 * max(np.trace(gram) / n, 1e-300)
    x, signs = np.zeros(n), np.zeros(n)
    slack = 1e-13 * max(abs(correlation).max(), weight)
    for _ in range(50 * n + 100):
        slope = gram @ x - correlation
        breach = np.where(signs == 0, abs(slope), 0.0)
        entry = int(breach.argmax())
        if breach[entry] <= weight + slack:
            break
        signs[entry] = -np.sign(slope[entry])
        if not _minimize_on_signs(gram, correlation, weight, x, signs):
            break
    x = _solve_on_signs(A, b, weight, ridge, x, signs)
    slope = A.T @ (A @ x - b) / m + ridge * x
    breach = np.where(x != 0, abs(slope + weight * np.sign(x)), abs(slope) - weight).max()
    if breach > 1e-9 * max(abs(correlation).max(), weight):
        raise UsageError(
            f"the minimizer was found to {breach:.1g} only, expected the optimality conditions "
            "to hold to 1e-9: columns of A are nearly dependent; drop some, or add a ridge"
        )
    return x


def _minimize_on_signs(
    gram: np.ndarray, correlation: np.ndarray, weight: float, x: np.ndarray, signs: np.ndarray
) -> bool:
    """Move x, in place, to the minimum on its signs, giving up those in the way; False if stuck."""
    moved = False
    while signs.any():
        free = np.flatnonzero(signs)
        target = np.linalg.solve(gram[np.ix_(free, free)], correlation[free] - weight * signs[free])
        wrong = target * signs[free] <= 0
        if not wrong.any():
            x[free] = target
            return True
        start = x[free]
        ways = start[wrong] / (start[wrong] - target[wrong] + (start[wrong] == target[wrong]))
        way = ways.min()
        moved = moved or way > 0
        x[free] = start + way * (target - start)
        reached = free[wrong][ways <= way]
        x[reached], signs[reached] = 0.0, 0.0
    return moved


def _solve_on_signs(
    A: np.ndarray, b: np.ndarray, weight: float, ridge: float, x: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    free = np.flatnonzero(signs)
    if not free.size:
        return x
    m = len(b)
    rows = np.vstack([A[:, free] / np.sqrt(m), np.sqrt(ridge) * np.eye(len(free))])
    targets = np.concatenate([b / np.sqrt(m), np.zeros(len(free))])
    q, r = np.linalg.qr(rows)
    try:
        shift = np.linalg.solve(r.T, weight * signs[free])
        solved = np.linalg.solve(r, q.T @ targets - shift)
    except np.linalg.LinAlgError:
        return x
    if (solved * signs[free] <= 0).any():
        return x
    exact = np.zeros_like(x)
    exact[free] = solved
    return exact
