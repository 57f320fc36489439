"""The repaired CNN, smaller, with each loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nagcore.evidence.ablation_models import Repairs, train_ablated
from nagcore.evidence.calibration import brier_score, calibration_error
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.held_out import choose_lr
from nagcore.training.data import ImageData, load_fashion_mnist
from nagcore.training.evaluation import Evaluation
from nagcore.training.losses import LOSSES, make_loss

DECLARATION = Declaration(
    name="losses-on-cnn",
    question="Which loss lets the network tell images apart, and which makes it know how surely?",
    axes={"loss": tuple(LOSSES), "seed": (0, 1, 2, 3, 4)},
    constants={
        "epochs": 20,
        "batch_size": 50,
        "width": 8,  # a quarter of the network of chapter 07, so that the record takes minutes
        "held_out": 200,
        "candidates": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        "other_candidates": {"mse-integer-labels": (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)},
    },
    columns={
        "accuracy": "share of the 1,000 test images whose highest score is that of their class",
        "accuracy_of_number": "likewise whose mean score is nearest to the number of their class",
        "confidence": "mean probability of the predicted class, nan where there is none",
        "calibration_error": "expected calibration error with 15 bins, likewise",
        "brier_score": "mean squared distance of the probabilities to the class, likewise",
        "score_range": "largest less smallest score of an image, mean over the images",
        "best_lr": "candidate with the best accuracy on held-out training images; with the lowest "
        "loss for mse-integer-labels",
        "held_out_accuracies": "accuracy of each candidate on them",
    },
    devices=("cpu",),
)


def _accuracy(judged: Evaluation) -> float:
    return judged.accuracy


# Where the largest score is noise, an accuracy can choose nothing.
_MERIT_OF = {"mse-integer-labels": lambda judged: -judged.loss}


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Choose a step size on held-out training images, then train on all and test."""
    train, test = load_fashion_mnist()

    def train_and_judge(lr: float, images: ImageData, judged_on: ImageData) -> Evaluation:
        return train_ablated(
            Repairs(loss=setting["loss"]),
            images,
            judged_on,
            lr=lr,
            batch_size=setting["batch_size"],
            epochs=setting["epochs"],
            width=setting["width"],
            seed=setting["seed"],
        )

    choice = choose_lr(
        train_and_judge,
        train,
        setting["other_candidates"].get(setting["loss"], setting["candidates"]),
        held_out=setting["held_out"],
        seed=setting["seed"],
        merit=_MERIT_OF.get(setting["loss"], _accuracy),
    )
    judged = train_and_judge(choice.lr, train, test)
    scores, labels = judged.scores, test.labels
    numbers = scores.mean(dim=1).round()
    return {
        "accuracy": judged.accuracy,
        "accuracy_of_number": (numbers == labels).double().mean().item(),
        **_calibration(setting["loss"], scores, labels),
        "score_range": (scores.amax(dim=1) - scores.amin(dim=1)).mean().item(),
        "best_lr": choice.lr,
        "held_out_accuracies": choice.accuracies,
    }


def _calibration(loss: str, scores: Tensor, labels: Tensor) -> dict[str, float]:
    probabilities_of = getattr(make_loss(loss), "probabilities", None)
    if probabilities_of is None:
        return dict.fromkeys(("confidence", "calibration_error", "brier_score"), math.nan)
    probabilities = probabilities_of(scores)
    return {
        "confidence": probabilities.amax(dim=1).mean().item(),
        "calibration_error": calibration_error(probabilities, labels),
        "brier_score": brier_score(probabilities, labels),
    }


EXPERIMENT = Experiment(DECLARATION, measure)
