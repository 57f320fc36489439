"""How far torch optimizers stray from Nesterov's iterates when the step size drops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.drift import measure_drift
from nagcore.evidence.experiment import Experiment
from nagcore.theory.quadratic import Quadratic

DECLARATION = Declaration(
    name="drift-under-schedule",
    question="Which optimizer follows Nesterov's iterates when the step size is divided by ten?",
    axes={"optimizer": ("nagcore.optim.NAG", "torch.optim.SGD")},
    constants={"condition_number": 25.0, "momentum": 0.9, "changed_at": 50, "steps": 100},
    columns={"distance": "‖parameters − y_k‖ after each step, in float64"},
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Run one optimizer beside the rule, with step size 1/L and then a tenth of it."""
    problem = Quadratic((1.0, setting["condition_number"]), center=(1.0, 1.0))
    step_sizes = [
        (1.0 if k < setting["changed_at"] else 0.1) / problem.L for k in range(setting["steps"])
    ]
    drift = measure_drift(problem, step_sizes, setting["momentum"])
    return {"distance": drift[setting["optimizer"]].tolist()}


EXPERIMENT = Experiment(DECLARATION, measure)
