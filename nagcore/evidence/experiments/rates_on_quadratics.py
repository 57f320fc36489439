"""How many steps three methods need on quadratics, as the condition number grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.race import tuned_method
from nagcore.theory.minimize import minimize
from nagcore.theory.quadratic import Quadratic, spaced_spectrum

DECLARATION = Declaration(
    name="rates-on-quadratics",
    question="How do the steps to a given accuracy grow with the condition number?",
    axes={
        "method": ("gd", "heavy-ball", "nag"),
        "condition_number": (10.0, 100.0, 1000.0, 10000.0),
        "accuracy": (1e-4, 1e-12),
        "seed": (0, 1, 2, 3, 4),
    },
    constants={"dimension": 50, "max_steps": 200_000},
    columns={
        "steps": "first step k at which (f(x_k) − f⋆) / (f(x_0) − f⋆) ≤ accuracy, steps",
        "status": "how the run ended",
    },
    devices=("cpu",),
)


def random_quadratic(dimension: int, condition_number: float, seed: int) -> Quadratic:
    """Return a rotated quadratic with a spaced spectrum and a random solution."""
    center = np.random.default_rng(seed).standard_normal(dimension)
    return Quadratic(
        spaced_spectrum(dimension, condition_number), center=tuple(center), rotation_seed=seed
    )


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Run one method on one quadratic from the origin until the accuracy is certain."""
    problem = random_quadratic(setting["dimension"], setting["condition_number"], setting["seed"])
    method, step_size = tuned_method(setting["method"], problem)
    x0 = np.zeros_like(problem.x_star)
    target = setting["accuracy"] * (problem.value(x0) - problem.f_star)
    run = minimize(
        problem,
        method,
        x0,
        step_size=step_size,
        max_steps=setting["max_steps"],
        # ‖∇f‖² ≥ 2μ (f − f⋆): a gradient this small at the query point means that the gap is far
        # below the target there, and so it has been below it at an iterate before
        tol=0.1 * float(np.sqrt(2 * problem.mu * target)),
        trace=True,
    )
    reached = np.flatnonzero(run.gaps <= target)
    return {
        "steps": int(reached[0]) if reached.size else float("inf"),
        "status": run.status,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
