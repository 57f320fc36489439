"""The repaired CNN on 1,000 images: five optimizers, five seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.nn.functional import cross_entropy

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.experiments.cnn_runs import train_cnn
from nagcore.optim.table import find_optimizer
from nagcore.training.data import load_fashion_mnist
from nagcore.training.evaluation import evaluate

DECLARATION = Declaration(
    name="cnn-1000",
    question="How well does the repaired CNN tell 1,000 new images after learning from 1,000?",
    axes={
        "optimizer": ("gd", "sgd", "heavy-ball", "nag", "adam"),
        "seed": (0, 1, 2, 3, 4),
    },
    constants={
        "epochs": 20,
        "batch_size": 50,
        # the best of the recorded search "cnn-tuning"; a test holds the two together
        "lr": {"gd": 0.1, "sgd": 0.3, "heavy-ball": 0.03, "nag": 0.03, "adam": 0.0003},
    },
    columns={
        "epoch": "passes over the training images, from 0",
        "train_loss": "mean cross-entropy over the mini-batches of the epoch, nats",
        "test_loss": "mean cross-entropy on the 1,000 test images, nats",
        "test_accuracy": "share of the 1,000 test images told right",
        "accuracy": "test accuracy after the last epoch",
        "predictions": "class given to each test image after the last epoch",
        "confidence": "probability given to that class",
        "status": "why the run stopped",
    },
    devices=("cpu", "cuda"),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train on the 1,000 shipped training images and evaluate on the 1,000 test images."""
    find_optimizer(setting["optimizer"])  # an unknown name is refused before its lr is looked up
    train, test = load_fashion_mnist()
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
    scores = evaluate(run.model, cross_entropy, test.to(device), optimizer=run.optimizer).scores
    confidence, predictions = scores.softmax(dim=1).max(dim=1)
    frame = run.history.frame()
    return {
        "epoch": frame["epoch"].tolist(),
        "train_loss": frame["train_loss"].tolist(),
        "test_loss": frame["eval_loss"].tolist(),
        "test_accuracy": frame["eval_accuracy"].tolist(),
        "accuracy": run.history.final.eval_accuracy,
        "predictions": predictions.tolist(),
        "confidence": [round(c, 4) for c in confidence.tolist()],
        "status": run.history.status,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
