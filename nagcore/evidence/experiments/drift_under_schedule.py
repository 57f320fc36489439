"""How far implementations stray from Nesterov's iterates when lr or momentum changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.core.forms import Coefficients
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.drift import measure_drift
from nagcore.evidence.experiment import Experiment
from nagcore.theory.quadratic import Quadratic

DECLARATION = Declaration(
    name="drift-under-schedule",
    question="Which implementation follows Nesterov's iterates when lr or momentum changes once?",
    axes={
        "changed": ("step size", "momentum"),
        "optimizer": (
            "nagcore.optim.NAG",
            "torch.optim.SGD",
            "Keras's update",
            "averaged",
        ),
    },
    constants={
        "condition_number": 25.0,
        "momentum": 0.9,
        "later_momentum": 0.95,
        "later_step_size": 0.1,  # of the first step size, 1/L
        "changed_at": 50,
        "steps": 100,
    },
    columns={"distance": "‖parameters − y_k‖ after each step, in float64"},
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Run one optimizer beside the rule, with one change on the way."""
    problem = Quadratic((1.0, setting["condition_number"]), center=(1.0, 1.0))
    distance = measure_drift(setting["optimizer"], problem, _schedule(setting, problem.L))
    return {"distance": distance.tolist()}


def _schedule(setting: Mapping[str, Any], L: float) -> list[Coefficients]:
    later = {"step size": setting["later_step_size"] / L, "momentum": setting["later_momentum"]}
    first = {"step size": 1 / L, "momentum": setting["momentum"]}

    def at(k: int, what: str) -> float:
        return (later if what == setting["changed"] and k >= setting["changed_at"] else first)[what]

    return [
        Coefficients(at(k, "step size"), at(k, "momentum"), at(k + 1, "momentum"))
        for k in range(setting["steps"])
    ]


EXPERIMENT = Experiment(DECLARATION, measure)
