"""What is tried for an optimizer: as many settings for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def trials(setting: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return the hyperparameters of every trial of a setting's optimizer, as many for each.

    Step sizes are spaced evenly in the logarithm.

    Args:
        setting: with optimizer, trials, space and momenta.

    Example:
        >>> setting = {"optimizer": "nag", "trials": 4, "space": {"nag": (0.1, 1.0)},
        ...     "momenta": (0.5, 0.9)}
        >>> trials(setting)[1]
        {'step_size': 0.5, 'momentum': 0.5}
    """
    name = setting["optimizer"]
    momenta = (0.0,) if name == "sgd" else setting["momenta"]
    low, high = setting["space"][name]
    sizes = np.geomspace(low, high, setting["trials"] // len(momenta))
    if name == "sgd":
        return [{"step_size": float(size)} for size in sizes]
    if name in ("adam", "nadam"):
        return [{"step_size": float(s), "beta1": beta} for beta in momenta for s in sizes]
    return [
        {"step_size": float(round(size * (1 - beta), 12)), "momentum": beta}
        for beta in momenta
        for size in sizes
    ]


def momentum_of(trial: Mapping[str, float]) -> float:
    """Return the momentum or β₁ of a trial, 0 where it has none."""
    return trial.get("momentum", trial.get("beta1", 0.0))
