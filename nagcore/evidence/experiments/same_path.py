"""The same method in several libraries, from one start on one problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nagcore.core.forms import Coefficients
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.frameworks import follow_framework
from nagcore.evidence.own_path import follow_as, follow_rule
from nagcore.theory.quadratic import Quadratic

DECLARATION = Declaration(
    name="same-path",
    question="Do libraries that name a method alike walk the same path?",
    axes={
        "method": ("NAG", "heavy ball", "Adam", "NAdam"),
        "changed": ("nothing", "step size", "momentum"),
        "framework": ("PyTorch", "Optax", "Keras"),
    },
    constants={
        "steps": 200,
        "changed_at": 100,
        "dimension": 10,
        "condition_number": 100.0,
        "seed": 0,  # of the rotation of the quadratic
        "adaptive_step_size": 0.05,  # of Adam and NAdam; the others have 1/L
        "momentum": 0.9,  # for Adam and NAdam β₁
        "later_momentum": 0.95,
        "later_step_size": 0.1,  # of the first step size
    },
    columns={
        "distance": "largest distance from the path of our rule, over that path's farthest point "
        "from the start",
        "explained": "the same from the path of our rule with the library's known difference",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Run one library's optimizer beside the rule, in float64."""
    n = setting["dimension"]
    problem = Quadratic(
        tuple(np.geomspace(1, setting["condition_number"], n).tolist()),
        center=(1.0,) * n,
        rotation_seed=setting["seed"],
    )
    start, steps = np.zeros(n), make_steps(setting, problem.L)
    framework, method = setting["framework"], setting["method"]
    path = follow_framework(framework, method, problem.grad, start, steps)
    ours = follow_rule(method, problem.grad, start, steps)
    alike = follow_as(framework, method, problem.grad, start, steps)
    farthest = _largest(ours - start)
    return {
        "distance": _largest(path - ours) / farthest,
        "explained": _largest(path - alike) / farthest,
    }


def make_steps(setting: Mapping[str, Any], L: float) -> list[Coefficients]:
    """Return the coefficients of every step, with one change on the way."""
    adaptive = setting["method"] in ("Adam", "NAdam")
    first = {
        "step size": setting["adaptive_step_size"] if adaptive else 1 / L,
        "momentum": setting["momentum"],
    }
    later = {
        "step size": setting["later_step_size"] * first["step size"],
        "momentum": setting["later_momentum"],
    }

    def at(k: int, what: str) -> float:
        return (later if what == setting["changed"] and k >= setting["changed_at"] else first)[what]

    return [
        Coefficients(at(k, "step size"), at(k, "momentum"), at(k + 1, "momentum"))
        for k in range(setting["steps"])
    ]


def _largest(differences: np.ndarray) -> float:
    return float(np.linalg.norm(differences, axis=1).max())


EXPERIMENT = Experiment(DECLARATION, measure)
