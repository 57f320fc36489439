"""What the solver adds to a bare loop with the same gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nagcore.core.nesterov import Nesterov
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.timing import limit_threads, median_ratio, time_in_turns
from nagcore.theory.minimize import minimize
from nagcore.theory.worst_function import WorstFunction

DECLARATION = Declaration(
    name="solver-overhead",
    question="What does `minimize` cost beyond a loop that only takes steps?",
    axes={"unknowns": (10, 1_000, 100_000)},
    constants={"steps": 400, "rounds": 15},
    columns={
        "loop": "median time of a step of the loop, microseconds",
        "solver": "median time of a step of `minimize` with a gradient tolerance, microseconds",
        "ratio": "median over the rounds of solver / loop",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Time both on Nesterov's worst function."""
    steps, problem = setting["steps"], WorstFunction(setting["unknowns"])
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


EXPERIMENT = Experiment(DECLARATION, measure)
