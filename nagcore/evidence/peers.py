"""Solvers of ridge logistic regression, ours and other people's, behind one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from nagcore.core.adaptive_nesterov import AdaptiveNesterov
from nagcore.core.backtracking import Backtracking
from nagcore.core.nesterov import Nesterov
from nagcore.core.restart import GradientRestart
from nagcore.core.tuning import tune_triple_momentum
from nagcore.errors import MissingExtraError
from nagcore.theory.minimize import minimize
from nagcore.theory.regression import LogisticRegression


class Found(NamedTuple):
    """A point and how many iterations it took; NaN where the solver does not say."""

    x: np.ndarray
    iterations: float


Solve = Callable[[float], Found]
"""Called with the solver's own tolerance."""


def make_solvers(problem: LogisticRegression, max_steps: int) -> Mapping[str, Solve]:
    """Return every solver, made ready for `problem` (compiled, where it compiles).

    Args:
        problem: ridge logistic regression.
        max_steps: the largest number of iterations, for all.

    Raises:
        MissingExtraError: a peer is not installed.
    """
    return {
        **_ours(problem, max_steps),
        **_scipy(problem, max_steps),
        **_sklearn(problem, max_steps),
        **_jaxopt(problem, max_steps),
    }


def fit_tolerance(
    solve: Solve, problem: LogisticRegression, target: float, factor: float = 4.0
) -> tuple[float, Found | None]:
    """Return the loosest tolerance of a solver with ‖∇f‖ ≤ target, up to a factor, and its answer.

    Each solver tests something of its own; this makes them stop at the same place. From the
    target itself the tolerance is loosened while that will do, or tightened until it does: NaN
    and None where ten steps are not enough.
    """
    good: tuple[float, Found | None] = (float("nan"), None)
    tol = target
    for _ in range(10):
        found = solve(tol)
        reached = np.linalg.norm(problem.grad(found.x)) <= target
        if reached:
            good = (tol, found)
        elif good[1] is not None:
            break
        loosening = good[1] is not None
        tol = tol * factor if loosening else tol / factor
        if loosening and tol < target:
            break  # it was tightened before: the next looser one is known to fail
    return good


def _ours(problem: LogisticRegression, max_steps: int) -> dict[str, Solve]:
    x0 = np.zeros(problem.A.shape[1])
    triple = tune_triple_momentum(problem.L, problem.mu)

    def run(method: Any, **options: Any) -> Solve:
        def solve(tol: float) -> Found:
            found = minimize(problem, method, x0, tol=tol, max_steps=max_steps, **options)
            return Found(found.x, found.steps)

        return solve

    return {
        "Nesterov, restart": run(Nesterov(), restart=GradientRestart()),
        "Nesterov, restart and trials": run(
            AdaptiveNesterov(), restart=GradientRestart(), step_size=Backtracking(grow=1.1)
        ),
        "triple momentum": run(triple.method, step_size=triple.step_size),
    }


def _scipy(problem: LogisticRegression, max_steps: int) -> dict[str, Solve]:
    try:
        from scipy.optimize import minimize as scipy_minimize
    except ImportError as error:
        raise MissingExtraError("scipy", "benchmarks", "this comparison") from error
    A, b, ridge = problem.A, problem.b, problem.ridge
    options = {"ftol": 0.0, "maxiter": max_steps, "maxfun": 10 * max_steps}

    def two_products(x: np.ndarray) -> tuple[float, np.ndarray]:
        margins = b * (A @ x)
        slopes = -b / (1 + np.exp(margins))
        value = np.mean(np.logaddexp(0.0, -margins)) + ridge / 2 * (x @ x)
        return float(value), A.T @ slopes / len(b) + ridge * x

    def run(function: Callable[[np.ndarray], tuple[float, np.ndarray]]) -> Solve:
        def solve(tol: float) -> Found:
            found = scipy_minimize(
                function, np.zeros(A.shape[1]), jac=True, method="L-BFGS-B",
                options={**options, "gtol": tol},
            )  # fmt: skip
            return Found(found.x, found.nit)

        return solve

    return {
        "SciPy L-BFGS-B": run(two_products),
        "SciPy L-BFGS-B, our gradient": run(problem.value_and_grad),
    }


def _sklearn(problem: LogisticRegression, max_steps: int) -> dict[str, Solve]:
    try:
        from sklearn.linear_model import LogisticRegression as Estimator
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "benchmarks", "this comparison") from error
    weight = 1 / (problem.ridge * len(problem.b))

    def run(solver: str) -> Solve:
        def solve(tol: float) -> Found:
            model = Estimator(
                C=weight, tol=tol, solver=solver, max_iter=max_steps, fit_intercept=False,
                random_state=0,
            )  # fmt: skip
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of too few iterations, which we judge ourselves
                model.fit(problem.A, problem.b)
            return Found(model.coef_[0], float(model.n_iter_[0]))

        return solve

    return {f"scikit-learn {name}": run(name) for name in ("saga", "lbfgs", "newton-cholesky")}


def _jaxopt(problem: LogisticRegression, max_steps: int) -> dict[str, Solve]:
    try:
        import jax
        import jaxopt
    except ImportError as error:
        raise MissingExtraError("jaxopt", "benchmarks", "this comparison") from error
    jax.config.update("jax_enable_x64", True)
    A, b = jax.numpy.asarray(problem.A), jax.numpy.asarray(problem.b)

    def loss(x: Any, ridge: float) -> Any:
        return jax.numpy.mean(jax.numpy.logaddexp(0.0, -b * (A @ x))) + ridge / 2 * (x @ x)

    def run(stepsize: float) -> Solve:
        start = jax.numpy.zeros(A.shape[1])
        compiled: dict[float, Any] = {}

        def solve(tol: float) -> Found:
            if tol not in compiled:
                solver = jaxopt.ProximalGradient(
                    fun=loss, stepsize=stepsize, tol=tol, maxiter=max_steps, acceleration=True
                )
                compiled[tol] = jax.jit(lambda x: solver.run(x, None, ridge=problem.ridge))
            found = compiled[tol](start)
            return Found(np.asarray(found.params), float(found.state.iter_num))

        return solve

    return {
        "jaxopt accelerated, 1/L": run(1 / problem.L),
        "jaxopt accelerated, trials": run(0.0),
    }
