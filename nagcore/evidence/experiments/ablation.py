"""What each repair of the network is worth: one at a time is undone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nagcore.evidence.ablation_models import (
    ABLATIONS,
    find_ablation,
    load_images,
    train_ablated,
)
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.held_out import choose_lr
from nagcore.training.data import ImageData
from nagcore.training.evaluation import Evaluation

DECLARATION = Declaration(
    name="ablation",
    question="How much accuracy does each single repair of the network bring?",
    axes={"undone": tuple(ABLATIONS), "seed": (0, 1, 2)},
    constants={
        "epochs": 10,
        "batch_size": 50,
        "width": 8,  # a quarter of the network of chapter 07, so that the record takes minutes
        "held_out": 200,
        "lr": 0.03,  # of the repaired network; its own search finds it
        "candidates": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        # where scales are other ones, the candidates are, too
        "other_candidates": {
            "raw pixels": (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
            "Adam": (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
        },
    },
    columns={
        "accuracy": "share of the 1,000 test images told right, with the best lr",
        "accuracy_at_lr": "likewise with the lr of the repaired network",
        "best_lr": "candidate with the best accuracy on held-out training images",
        "held_out_accuracies": "that of each candidate",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Choose a step size on held-out training images, then train on all and test."""
    name, lr = setting["undone"], setting["lr"]
    repairs = find_ablation(name)
    train, test = load_images(repairs)
    run = partial(
        train_ablated,
        repairs,
        batch_size=setting["batch_size"],
        epochs=setting["epochs"],
        width=setting["width"],
        seed=setting["seed"],
    )

    def train_and_judge(lr: float, images: ImageData, judged_on: ImageData) -> Evaluation:
        return run(images, judged_on, lr=lr)

    choice = choose_lr(
        train_and_judge,
        train,
        setting["other_candidates"].get(name, setting["candidates"]),
        held_out=setting["held_out"],
        seed=setting["seed"],
    )
    best = run(train, test, lr=choice.lr).accuracy
    return {
        "accuracy": best,
        "accuracy_at_lr": best if choice.lr == lr else run(train, test, lr=lr).accuracy,
        "best_lr": choice.lr,
        "held_out_accuracies": choice.accuracies,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
