"""Which step size suits each optimizer on the repaired CNN, judged on held-out images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.experiments.cnn_runs import train_cnn
from nagcore.training.data import load_fashion_mnist, split

DECLARATION = Declaration(
    name="cnn-tuning",
    question="Which step size gives each optimizer the best accuracy on held-out images?",
    axes={
        "optimizer": ("gd", "sgd", "heavy-ball", "nag", "adam"),
        "lr": (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        "seed": (100, 101),
    },
    constants={"epochs": 20, "batch_size": 50, "held_out": 200, "split_seed": 0},
    columns={
        "accuracy": "share of the held-out training images told right after the last epoch",
        "loss": "mean cross-entropy on the held-out images after the last epoch, nats",
        "status": "why the run stopped",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train on the larger part of the training images, judge on the rest; no test image is read."""
    train, held_out = split(
        load_fashion_mnist()[0], setting["held_out"], seed=setting["split_seed"]
    )
    history = train_cnn(
        setting["optimizer"],
        lr=setting["lr"],
        train=train,
        evaluate_on=held_out,
        batch_size=setting["batch_size"],
        epochs=setting["epochs"],
        seed=setting["seed"],
        device=device,
    ).history
    return {
        "accuracy": history.final.eval_accuracy,
        "loss": history.final.eval_loss,
        "status": history.status,
    }


def best_step_sizes(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return for each optimizer the step size with the highest mean held-out accuracy.

    Among equals the lower mean loss decides. A run that diverged counts with its accuracy of the
    moment, which is chance.

    Args:
        rows: of this experiment's record.
    """
    runs: dict[str, dict[float, list[tuple[float, float]]]] = {}
    for row in rows:
        tried = runs.setdefault(row["optimizer"], {}).setdefault(row["lr"], [])
        tried.append((row["accuracy"], -row["loss"]))
    return {
        optimizer: max(tried, key=lambda lr: tuple(np.mean(tried[lr], axis=0)))
        for optimizer, tried in runs.items()
    }


EXPERIMENT = Experiment(DECLARATION, measure)
