"""How many steps restart saves where mu is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nagcore.core.adaptive_nesterov import AdaptiveNesterov
from nagcore.core.backtracking import Backtracking
from nagcore.core.gradient_descent import GradientDescent
from nagcore.core.growth_restart import GrowthRestart
from nagcore.core.momentum import StronglyConvexMomentum
from nagcore.core.nesterov import Nesterov
from nagcore.core.proximal import FISTA, ProximalGradient
from nagcore.core.restart import (
    FixedRestart,
    FunctionRestart,
    GradientRestart,
    Restart,
    SpeedRestart,
)
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.theory.generated import random_lasso, random_log_sum_exp
from nagcore.theory.minimize import minimize
from nagcore.theory.quadratic import Quadratic, spaced_spectrum
from nagcore.theory.restart_bounds import best_interval

BY_TRIAL = "gradient, step sizes by trial"

DECLARATION = Declaration(
    name="adaptive-restart",
    question="How many steps does each restart criterion need where mu is not known?",
    axes={
        "problem": ("quadratic, κ = 1e4", "quadratic, κ = 1e6", "log-sum-exp", "lasso"),
        "scheme": (
            "gradient descent", "no restart", "known mu", "known interval", "function",
            "gradient", "speed", "estimated mu", BY_TRIAL,
        ),
        "seed": (0, 1, 2, 3, 4),
    },
    constants={
        "dimension": 500,  # of the quadratics
        "lasso_size": (200, 500, 20),  # rows, unknowns, non-zeros of the sparse vector
        "accuracy": 1e-10,
        "max_steps": 100_000,
    },
    columns={
        "steps": "steps until the gap is accuracy times its first value, nan if never",
        "gradients": "gradient evaluations on the way",
        "restarts": "restarts on the way",
        "mu": "the estimate of mu at the end, nan where there is none",
        "status": "how the run ended",
    },
    devices=("cpu",),
)  # fmt: skip


def make_problem(name: str, setting: Mapping[str, Any]) -> Any:
    """Return one of the problems, drawn from the setting's seed."""
    seed = setting["seed"]
    if name == "log-sum-exp":
        return random_log_sum_exp(seed=seed)
    if name == "lasso":
        rows, unknowns, nonzeros = setting["lasso_size"]
        return random_lasso(rows, unknowns, nonzeros, seed=seed)
    kappa = float(name.rpartition(" ")[2])
    center = np.random.default_rng(seed).standard_normal(setting["dimension"])
    return Quadratic(spaced_spectrum(setting["dimension"], kappa), center=tuple(center))


_CRITERIA: dict[str, Callable[[float], Restart | None]] = {
    "gradient descent": lambda kappa: None,  # noqa: ARG005
    "no restart": lambda kappa: None,  # noqa: ARG005
    "known mu": lambda kappa: None,  # noqa: ARG005
    "known interval": lambda kappa: FixedRestart(best_interval(kappa)),
    "function": lambda kappa: FunctionRestart(),  # noqa: ARG005
    "gradient": lambda kappa: GradientRestart(),  # noqa: ARG005
    "speed": lambda kappa: SpeedRestart(),  # noqa: ARG005
    "estimated mu": lambda kappa: GrowthRestart(),  # noqa: ARG005
    BY_TRIAL: lambda kappa: GradientRestart(),  # noqa: ARG005
}


def make_method(scheme: str, problem: Any) -> Any:
    """Return the rule that a scheme restarts, or the one that needs no restart."""
    prox = getattr(problem, "prox", None)
    if scheme == BY_TRIAL:
        return AdaptiveNesterov(prox=prox)
    if scheme == "gradient descent":
        return GradientDescent() if prox is None else ProximalGradient(prox)
    if scheme == "known mu":
        return Nesterov(StronglyConvexMomentum(problem.L, problem.mu))
    return Nesterov() if prox is None else FISTA(prox)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Run one scheme on one problem from the origin."""
    problem, scheme = make_problem(setting["problem"], setting), setting["scheme"]
    if scheme.startswith("known") and not problem.mu > 0:
        nothing = float("nan")
        columns = dict.fromkeys(("steps", "gradients", "restarts", "mu"), nothing)
        return {**columns, "status": "mu is not known"}
    x0 = np.zeros_like(problem.x_star)
    run = minimize(
        problem,
        make_method(scheme, problem),
        x0,
        step_size=Backtracking(grow=1.1) if scheme == BY_TRIAL else None,
        restart=_CRITERIA[scheme](problem.L / problem.mu if problem.mu > 0 else 1.0),
        max_steps=setting["max_steps"],
        tol_gap=setting["accuracy"] * (problem.value(x0) - problem.f_star),
    )
    return {
        "steps": run.steps if run.status == "converged" else float("nan"),
        "gradients": run.gradient_evaluations if run.status == "converged" else float("nan"),
        "restarts": run.restarts,
        "mu": float("nan") if run.mu_estimate is None else run.mu_estimate,
        "status": run.status,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
