"""L-BFGS on all images and on mini-batches, beside Nesterov's method on both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.softmax_regression import METHODS, SoftmaxRegression, descend

DECLARATION = Declaration(
    name="lbfgs-batches",
    question="What do L-BFGS and Nesterov's method reach on full batches and on mini-batches?",
    axes={"method": METHODS, "seed": (0, 1, 2)},
    constants={
        "ridge": 0.1,
        "batch_size": 100,
        "passes": 120,
        "step_sizes": (0.0625, 0.125, 0.25, 0.5, 1.0),  # of mini-batches, in units of 1/L
    },
    columns={
        "passes_made": "gradients of single images so far, in passes over the data",
        "gap": "f(x) − f⋆ on all images, in nats, at the iterate",
        "step_size": "the step size in units of 1/L, for NAG on mini-batches the best at the end",
        "restarts": "restarts of NAG, 0 for the others",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Run one method from the origin, with the best of the step sizes where it has a choice."""
    problem = SoftmaxRegression(setting["ridge"])
    name = setting["method"]
    choices = setting["step_sizes"] if name.startswith("NAG, mini-batches") else (1.0,)
    runs = {
        step_size: descend(
            problem,
            name,
            step_size=step_size,
            batch_size=setting["batch_size"],
            passes=setting["passes"],
            seed=setting["seed"],
        )
        for step_size in choices
    }
    chosen = min(runs, key=lambda step_size: runs[step_size].gaps[-1])
    run = runs[chosen]
    return {
        "passes_made": run.passes,
        "gap": run.gaps,
        "step_size": chosen,
        "restarts": run.restarts,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
