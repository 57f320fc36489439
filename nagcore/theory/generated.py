"""Problems drawn by chance from a seed, with the difficulty asked for."""

from __future__ import annotations

import numpy as np

from nagcore.core.checks import require_count, require_not_negative, require_positive
from nagcore.errors import UsageError
from nagcore.theory.huber import HuberRegression
from nagcore.theory.log_sum_exp import LogSumExp
from nagcore.theory.quadratic import spaced_spectrum
from nagcore.theory.regression import LeastSquares, LogisticRegression
from nagcore.theory.sparse_regression import Lasso


def random_least_squares(
    rows: int,
    unknowns: int,
    condition_number: float,
    *,
    noise: float = 0.1,
    ridge: float = 0.0,
    seed: int = 0,
) -> LeastSquares:
    """Return least squares whose AᵀA/m has eigenvalues from 1/κ to 1, even in their logarithm.

    Args:
        rows: m, at least n.
        unknowns: n, at least 2.
        condition_number: κ of AᵀA/m, at least 1.
        noise: standard deviation of what is added to the targets A x, with x normal.
        ridge: ρ, not negative; it comes on top of the eigenvalues.
        seed: seed of all that is drawn.

    Raises:
        UsageError: an argument is out of its range.

    Example:
        >>> f = random_least_squares(20, 3, condition_number=100.0)
        >>> round(f.L, 9), round(f.mu, 9)
        (1.0, 0.01)
    """
    generator = np.random.default_rng(_seed(seed))
    A = _spaced_data(generator, rows, unknowns, condition_number)
    b = _targets(generator, A, generator.standard_normal(unknowns), noise)
    name = f"least squares, κ = {condition_number:g}"
    return LeastSquares(A, b, ridge=ridge, name=name)


def random_lasso(
    rows: int,
    unknowns: int,
    nonzeros: int,
    *,
    weight_ratio: float = 0.1,
    noise: float = 0.1,
    seed: int = 0,
) -> Lasso:
    """Return a lasso on normal data whose targets come from a sparse vector.

    Args:
        rows: m; fewer than n make it convex only.
        unknowns: n.
        nonzeros: number of entries ±1 in the vector behind the targets, at most n.
        weight_ratio: λ as a part of the smallest weight with minimizer 0, between 0 and 1.
        noise: standard deviation of what is added to the targets.
        seed: seed of all that is drawn.

    Raises:
        UsageError: an argument is out of its range.

    Example:
        >>> F = random_lasso(40, 100, nonzeros=5)
        >>> F.mu, int((F.x_star != 0).sum()) < 40
        (0.0, True)
    """
    generator = np.random.default_rng(_seed(seed))
    _require_size(rows, unknowns)
    require_count(nonzeros, "nonzeros")
    require_positive(weight_ratio, "weight_ratio")
    if not 1 <= nonzeros <= unknowns:
        raise UsageError(f"nonzeros is {nonzeros}, expected 1 to {unknowns}, the unknowns")
    if not weight_ratio < 1:
        raise UsageError(f"weight_ratio is {weight_ratio}, expected a number between 0 and 1")
    A = generator.standard_normal((rows, unknowns))
    signal = np.zeros(unknowns)
    chosen = generator.choice(unknowns, nonzeros, replace=False)
    signal[chosen] = generator.choice((-1.0, 1.0), nonzeros)
    b = _targets(generator, A, signal, noise)
    weight = weight_ratio * float(abs(A.T @ b).max()) / rows
    return Lasso(A, b, weight=weight, name=f"lasso, {rows} × {unknowns}")


def random_log_sum_exp(
    rows: int = 100, unknowns: int = 20, *, smoothing: float = 20.0, seed: int = 0
) -> LogSumExp:
    """Return a log-sum-exp with normal slopes and offsets, by default 100 × 20 and ρ = 20.

    Args:
        rows: m, more than twice n, so that there is a minimizer but for bad luck.
        unknowns: n.
        smoothing: ρ, positive.
        seed: seed of all that is drawn.

    Raises:
        UsageError: an argument is out of its range.

    Source: [odonoghue2015], where restart is tried on such a function.

    Example:
        >>> f = random_log_sum_exp()
        >>> f.A.shape, bool(abs(f.grad(f.x_star)).max() < 1e-14)
        ((100, 20), True)
    """
    generator = np.random.default_rng(_seed(seed))
    _require_size(rows, unknowns)
    if rows <= 2 * unknowns:
        raise UsageError(
            f"rows is {rows}, expected more than {2 * unknowns}, twice the unknowns: with fewer "
            "the function has most likely no minimizer"
        )
    A, b = generator.standard_normal((rows, unknowns)), generator.standard_normal(rows)
    return LogSumExp(A, b, smoothing=smoothing, name=f"log-sum-exp, {rows} × {unknowns}")


def random_logistic(
    rows: int, unknowns: int, *, decades: float = 1.5, ridge: float = 1e-4, seed: int = 0
) -> LogisticRegression:
    """Return a logistic regression whose features differ in scale by powers of ten.

    The labels are drawn with the chances that a normal vector gives to them.

    Args:
        rows: m.
        unknowns: n.
        decades: the scales of the features go from 10^−decades to 1, even in their logarithm.
        ridge: ρ, positive.
        seed: seed of all that is drawn.

    Raises:
        UsageError: an argument is out of its range.

    Example:
        >>> f = random_logistic(500, 10, decades=2.0)
        >>> spread = f.A.std(axis=0)
        >>> bool(80 < spread[-1] / spread[0] < 125)
        True
    """
    generator = np.random.default_rng(_seed(seed))
    _require_size(rows, unknowns)
    require_not_negative(decades, "decades")
    A = generator.standard_normal((rows, unknowns))
    signal = generator.standard_normal(unknowns)
    chance = 0.5 * (1 + np.tanh(A @ signal / (2 * np.sqrt(unknowns))))
    labels = np.where(generator.random(rows) < chance, 1.0, -1.0)
    A *= np.geomspace(10.0**-decades, 1.0, unknowns)
    name = f"logistic regression, {rows} × {unknowns}"
    return LogisticRegression(A, labels, ridge=ridge, name=name)


def random_huber(
    rows: int,
    unknowns: int,
    condition_number: float,
    *,
    outliers: float = 0.1,
    delta: float = 0.2,
    noise: float = 0.1,
    seed: int = 0,
) -> HuberRegression:
    """Return a Huber regression in which some targets are far off.

    Args:
        rows: m, at least n.
        unknowns: n, at least 2.
        condition_number: κ of AᵀA/m, whose largest eigenvalue is 1.
        outliers: part of the targets to which a number of standard deviation 10 is added.
        delta: δ, positive.
        noise: standard deviation of what is added to all targets.
        seed: seed of all that is drawn.

    Raises:
        UsageError: an argument is out of its range.

    Example:
        >>> f = random_huber(50, 4, condition_number=10.0)
        >>> bool(abs(f.A @ f.x_star - f.b).max() > 1.0)
        True
    """
    generator = np.random.default_rng(_seed(seed))
    require_not_negative(outliers, "outliers")
    if not outliers <= 1:
        raise UsageError(f"outliers is {outliers}, expected a part between 0 and 1")
    A = _spaced_data(generator, rows, unknowns, condition_number)
    b = _targets(generator, A, generator.standard_normal(unknowns), noise)
    b += np.where(generator.random(rows) < outliers, 10 * generator.standard_normal(rows), 0.0)
    return HuberRegression(A, b, delta=delta, name=f"Huber regression, κ = {condition_number:g}")


def _seed(seed: int) -> int:
    require_count(seed, "seed")
    return seed


def _require_size(rows: int, unknowns: int) -> None:
    for size, name in ((rows, "rows"), (unknowns, "unknowns")):
        require_count(size, name)
        require_positive(size, name)


def _spaced_data(
    generator: np.random.Generator, rows: int, unknowns: int, condition_number: float
) -> np.ndarray:
    _require_size(rows, unknowns)
    if rows < unknowns:
        raise UsageError(
            f"rows is {rows} and unknowns is {unknowns}, expected rows >= unknowns: "
            "with fewer rows the smallest eigenvalue is 0 and κ has no meaning"
        )
    spectrum = np.array(spaced_spectrum(unknowns, condition_number))
    left, _ = np.linalg.qr(generator.standard_normal((rows, unknowns)))
    right, _ = np.linalg.qr(generator.standard_normal((unknowns, unknowns)))
    return (left * np.sqrt(rows * spectrum)) @ right.T


def _targets(
    generator: np.random.Generator, A: np.ndarray, signal: np.ndarray, noise: float
) -> np.ndarray:
    require_not_negative(noise, "noise")
    return A @ signal + noise * generator.standard_normal(len(A))
