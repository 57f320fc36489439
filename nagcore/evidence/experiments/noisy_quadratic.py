"""Steps to a target against the batch size in the noisy quadratic model, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.theory.noise_tuning import NOISY_METHODS, best_settings
from nagcore.theory.noisy_quadratic import harmonic_quadratic
from nagcore.theory.spectrum import with_momenta

DECLARATION = Declaration(
    name="noisy-quadratic",
    question="From which batch size on is momentum worth having, and which of the two kinds?",
    axes={
        "method": ("sgd", "heavy-ball", "nag"),
        "batch_size": tuple(2**power for power in range(21)),
    },
    constants={
        "dimensions": 10_000,
        "target": 0.01,  # the expected loss begins at ½ Σ 1/i, about 4.89
        "search_ratio": 1.1,  # of the ends of a group of curvatures while settings are searched
        "count_ratio": 1.02,  # and while the steps with the best of them are counted
        "held_momenta": (0.9, 0.99, 0.999),
    },
    columns={
        "steps": "steps to the target with the best step size and momentum, the last one in part",
        "step_size": "the best step size α",
        "momentum": "the best momentum β, 0 for SGD",
        "held_steps": "steps with each of the held momenta and the step size best for it",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Search the best settings of one method at one batch size; no random number is drawn."""
    name, batch_size, target = setting["method"], setting["batch_size"], setting["target"]
    dimensions = setting["dimensions"]
    coarse = harmonic_quadratic(dimensions, alone=24, ratio=setting["search_ratio"])
    fine = harmonic_quadratic(dimensions, ratio=setting["count_ratio"])
    best = best_settings(coarse, name, batch_size=batch_size, target=target)
    steps = fine.steps_to_target(
        with_momenta(NOISY_METHODS[name], np.array(best.momentum)),
        step_size=best.step_size,
        batch_size=batch_size,
        target=target,
    )
    held = [
        best_settings(coarse, name, batch_size=batch_size, target=target, momentum=momentum).steps
        for momentum in (setting["held_momenta"] if name != "sgd" else ())
    ]
    return {
        "steps": float(steps),
        "step_size": best.step_size,
        "momentum": best.momentum,
        "held_steps": held,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
