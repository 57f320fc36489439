"""Time to a small gradient on ridge logistic regression, against the peers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.peers import fit_tolerance, make_solvers
from nagcore.evidence.timing import limit_threads, time_in_turns
from nagcore.theory.generated import random_logistic

DECLARATION = Declaration(
    name="time-to-accuracy",
    question="Which solver of ridge logistic regression is first at a gradient norm of 1e-6?",
    axes={
        # the features' scales: over so many powers of ten
        "decades": (1.5, 0.0),
        "rows": (10_000, 100_000, 1_000_000),
    },
    constants={
        "unknowns": 50,
        "ridge": 1e-4,
        "target": 1e-6,
        "max_steps": 5_000,
        "rounds": 3,
        "threads": 1,
        # these are timed up to so many rows only
        "most_rows": {
            "Nesterov, restart and trials": 100_000,
            "scikit-learn saga": 100_000,
            "jaxopt accelerated, 1/L": 100_000,
            "jaxopt accelerated, trials": 10_000,
        },
    },
    columns={
        "solver": "names, in the order of the other columns",
        "seconds": "median over the rounds of the whole run, seconds; nan where not reached",
        "iterations": "as the solver counts them",
        "gradient_norm": "‖∇f‖ at the answer",
        "condition_number": "L/mu as the theorems take them",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Fit each solver's own tolerance to the target, then time all in turns."""
    problem = random_logistic(
        setting["rows"], setting["unknowns"], decades=setting["decades"], ridge=setting["ridge"]
    )
    with limit_threads(setting["threads"]):
        solvers = {
            name: solve
            for name, solve in make_solvers(problem, setting["max_steps"]).items()
            if setting["rows"] <= setting["most_rows"].get(name, setting["rows"])
        }
        fitted = {
            name: fit_tolerance(solve, problem, setting["target"])
            for name, solve in solvers.items()
        }
        answers = {name: found for name, (_, found) in fitted.items() if found is not None}
        seconds = time_in_turns(
            {
                name: (lambda solve=solvers[name], tol=fitted[name][0]: solve(tol))
                for name in answers
            },
            rounds=setting["rounds"],
            warm_up=0,
        )
    nothing = float("nan")
    return {
        "solver": list(solvers),
        "seconds": [float(np.median(seconds.get(name, [nothing]))) for name in solvers],
        "iterations": [
            answers[name].iterations if name in answers else nothing for name in solvers
        ],
        "gradient_norm": [
            float(np.linalg.norm(problem.grad(answers[name].x))) if name in answers else nothing
            for name in solvers
        ],
        "condition_number": problem.L / problem.mu,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
