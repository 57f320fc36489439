"""Paths of the optimizers through two valleys, each with the best step size of one grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nagcore.errors import UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.valleys import Walk, find_valley, walk
from nagcore.names import closest_first

# One direction a step: the default of 20 would make one step of L-BFGS twenty. The number of
# evaluations has to be said too: it follows the number of directions, and leaves none for trials.
_ONE_DIRECTION = {"max_iter": 1, "max_eval": 25}
_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "gd": ("gd", {}),
    "heavy-ball": ("heavy-ball", {}),
    "nag": ("nag", {}),
    "nag-restart": ("nag", {"restart": "gradient"}),
    "adam": ("adam", {}),
    "nadam": ("nadam", {}),
    "adan": ("adan", {}),
    "muon": ("muon", {}),
    "schedule-free": ("schedule-free", {}),
    "schedule-free-adamw": ("schedule-free-adamw", {}),
    "lbfgs": ("lbfgs", _ONE_DIRECTION),
}

DECLARATION = Declaration(
    name="optimizer-paths",
    question="Where does each optimizer walk in a bent valley, and in one with noise?",
    axes={"valley": ("Rosenbrock", "noisy valley"), "optimizer": tuple(_OPTIONS)},
    constants={
        "steps": 200,
        "lr": tuple(m * 10.0**e for e in (-4, -3, -2, -1, 0) for m in (1, 2, 5)),
        "seeds": (0, 1, 2, 3, 4),  # of the noise, in the search for a step size
    },
    columns={
        "chosen": "the step size with the least gap",
        "gap": "mean of f(x) − f⋆ over the last tenth of the steps and the seeds",
        "gaps": "the same for every step size of the grid",
        "gradients": "gradients taken on the path drawn, that of the first seed",
        "first": "first coordinate of the iterates on it, to four decimals",
        "second": "second coordinate, likewise",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Try every step size of the grid and walk with the best."""
    name, valley = setting["optimizer"], find_valley(setting["valley"])
    if name not in _OPTIONS:
        raise UsageError(f"optimizer is {name!r}; known: {closest_first(name, _OPTIONS)}")
    optimizer, options = _OPTIONS[name]
    seeds = setting["seeds"] if valley.noise else setting["seeds"][:1]

    def run(lr: float, seed: int) -> Walk:
        return walk(valley, optimizer, lr=lr, steps=setting["steps"], seed=seed, **options)

    gaps = [float(np.mean([_late_gap(run(lr, seed)) for seed in seeds])) for lr in setting["lr"]]
    chosen = setting["lr"][int(np.argmin(gaps))]
    path = run(chosen, seeds[0])
    return {
        "chosen": chosen,
        "gap": min(gaps),
        "gaps": gaps,
        "gradients": path.gradients,
        "first": path.points[:, 0].round(4).tolist(),
        "second": path.points[:, 1].round(4).tolist(),
    }


def _late_gap(path: Walk) -> float:
    last = path.gaps[-max(1, len(path.gaps) // 10) :]
    return float(last.mean()) if np.isfinite(last).all() else float("inf")


EXPERIMENT = Experiment(DECLARATION, measure)
