"""What the solver adds to a bare loop with the same gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nagcore.core.nesterov import Nesterov
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.timing import (
    keep_freed_memory,
    limit_threads,
    median_ratio,
    time_in_turns,
)
from nagcore.theory.minimize import minimize
from nagcore.theory.regression import LeastSquares
from nagcore.theory.worst_function import WorstFunction

DECLARATION = Declaration(
    name="solver-overhead",
    question="What does `minimize` cost beyond a loop that only takes steps?",
    axes={
        # a gradient as cheap as any, and one that reads 100 rows of data
        "problem": ("chain of springs", "least squares"),
        "unknowns": (10, 1_000, 100_000),
    },
    constants={"rows": 100, "steps": 200, "rounds": 15},
    columns={
        "loop": "median time of a step of the loop, microseconds",
        "solver": "median time of a step of `minimize` with a gradient tolerance, microseconds",
        "ratio": "median over the rounds of solver / loop",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Time both on the same problem, in turns."""
    keep_freed_memory()
    steps, problem = setting["steps"], _make_problem(setting)
    x0, step_size = np.zeros(setting["unknowns"]), 1 / problem.L

    def loop() -> None:
        method = Nesterov()
        state = method.init(x0)
        for _ in range(steps):
            state = method.step(state, problem.grad(method.query(state)), step_size)

    def solver() -> None:
        # too small to be reached, so that it is tested at every step
        minimize(problem, Nesterov(), x0, max_steps=steps, tol=1e-300)

    with limit_threads(1):
        seconds = time_in_turns({"loop": loop, "solver": solver}, rounds=setting["rounds"])
    return {
        "loop": float(np.median(seconds["loop"])) / steps * 1e6,
        "solver": float(np.median(seconds["solver"])) / steps * 1e6,
        "ratio": median_ratio(seconds["solver"], seconds["loop"]),
    }


def _make_problem(setting: Mapping[str, Any]) -> WorstFunction | LeastSquares:
    if setting["problem"] == "chain of springs":
        return WorstFunction(setting["unknowns"])
    generator = np.random.default_rng(0)
    A = generator.standard_normal((setting["rows"], setting["unknowns"]))
    return LeastSquares(A, generator.standard_normal(setting["rows"]))


EXPERIMENT = Experiment(DECLARATION, measure)
