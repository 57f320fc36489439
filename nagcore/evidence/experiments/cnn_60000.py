"""The repaired CNN on all 60,000 training images, with the step sizes found on 1,000."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.experiments.cnn_runs import train_cnn
from nagcore.optim.table import find_optimizer
from nagcore.training.data import load_fashion_mnist

DECLARATION = Declaration(
    name="cnn-60000",
    question="How well does the repaired CNN tell 10,000 new images after learning from 60,000?",
    axes={"optimizer": ("sgd", "nag", "adam"), "seed": (0, 1)},
    constants={
        "epochs": 2,
        "batch_size": 50,
        # those of "cnn-1000"; nothing was tuned on the full set
        "lr": {"sgd": 0.3, "nag": 0.03, "adam": 0.0003},
    },
    columns={
        "epoch": "passes over the training images, from 0",
        "train_loss": "mean cross-entropy over the mini-batches of the epoch, nats",
        "test_loss": "mean cross-entropy on the 10,000 test images, nats",
        "test_accuracy": "share of the 10,000 test images told right",
        "accuracy": "test accuracy after the last epoch",
        "status": "why the run stopped",
    },
    devices=("cpu", "cuda"),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train on the full training set and evaluate on the full test set after each epoch."""
    find_optimizer(setting["optimizer"])
    train, test = load_fashion_mnist("full")
    run = train_cnn(
        setting["optimizer"],
        lr=setting["lr"][setting["optimizer"]],
        train=train,
        evaluate_on=test,
        batch_size=setting["batch_size"],
        epochs=setting["epochs"],
        seed=setting["seed"],
        device=device,
    )
    frame = run.history.frame()
    return {
        "epoch": frame["epoch"].tolist(),
        "train_loss": frame["train_loss"].tolist(),
        "test_loss": frame["eval_loss"].tolist(),
        "test_accuracy": frame["eval_accuracy"].tolist(),
        "accuracy": run.history.final.eval_accuracy,
        "status": run.history.status,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
