"""The repaired CNN on Fashion-MNIST by the protocol of text and speech."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from torch.nn.functional import cross_entropy

from nagcore.evidence.experiments.modality_runs import (
    Task,
    accuracy_of_classes,
    batches_of,
    compare,
    declare,
)
from nagcore.evidence.sweep import Sweep
from nagcore.training.data import ImageData, load_fashion_mnist, split
from nagcore.training.models import make_cnn

QUESTION = "Which optimizer teaches the repaired CNN most about images in a given number of steps?"
PROTOCOL = {
    "tuning_seed": 100,
    "seeds": (0, 1, 2),
    "final": 0.1,
    "clip_norm": 0.0,
    "fallback": 0.1,
    "precision": "float32",
}
DECLARATION = declare(
    "images",
    QUESTION,
    {
        **PROTOCOL,
        "images": "full",
        "held_out": 5000,
        "width": 32,
        "batch_size": 125,
        "steps": 440,  # once through 55,000 images
        "every": 44,
        "warm_up": 20,
        "graph": True,
        "lr_grid": {
            "adamw": (0.0003, 0.001, 0.003, 0.01),
            "nadamw": (0.0003, 0.001, 0.003, 0.01),
            "nag": (0.003, 0.01, 0.03, 0.1),
            "adan": (0.001, 0.003, 0.01, 0.03),
            "muon": (0.003, 0.01, 0.03, 0.1),
        },
    },
    devices=("cuda",),
)
SMALL_DECLARATION = declare(
    "images-small",
    QUESTION,
    {
        **PROTOCOL,
        "images": "shipped",
        "held_out": 200,
        "width": 8,
        "batch_size": 50,
        "steps": 96,  # six times through 800 images
        "every": 16,
        "warm_up": 8,
        "graph": False,
        # a network a quarter as wide takes larger steps
        "lr_grid": {
            "adamw": (0.001, 0.003, 0.01, 0.03),
            "nadamw": (0.001, 0.003, 0.01, 0.03),
            "nag": (0.01, 0.03, 0.1, 0.3),
            "adan": (0.003, 0.01, 0.03, 0.1),
            "muon": (0.01, 0.03, 0.1, 0.3),
        },
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train CNNs with one optimizer: to find its step size, then on fresh seeds."""
    return compare(image_task(setting, device), setting)


def image_task(setting: Mapping[str, Any], device: str) -> Task:
    """Return what the experiment learns, on the device."""
    train, validation, test = _parts(setting["images"], setting["held_out"])
    return Task(
        make_model=partial(make_cnn, width=setting["width"]),
        apart=lambda model: [model.fc2],
        loss=cross_entropy,
        accuracy=accuracy_of_classes,
        train=train.to(device),
        validation=batches_of(validation.to(device)),
        test=batches_of(test.to(device)),
    )


@lru_cache(maxsize=2)
def _parts(which: str, held_out: int) -> tuple[ImageData, ImageData, ImageData]:
    everything, test = load_fashion_mnist(which)
    return *split(everything, held_out, seed=0), test


EXPERIMENT = Sweep(DECLARATION, measure)
SMALL = Sweep(SMALL_DECLARATION, measure)
