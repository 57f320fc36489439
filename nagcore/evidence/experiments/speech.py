"""Spoken digits, no voice of the training in the test: seven optimizers, tuned alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch.nn.functional import cross_entropy

from nagcore.evidence.experiments.modality_runs import (
    OPTIMIZERS,
    Task,
    accuracy_of_classes,
    batches_of,
    compare,
    declare,
)
from nagcore.evidence.sweep import Sweep
from nagcore.training.speech import load_features, load_speech, make_speech_net

QUESTION = "Which optimizer teaches a small network best to tell digits said by new voices?"
PROTOCOL = {
    "tuning_seed": 100,
    "seeds": (0, 1, 2),
    "warm_up": 0,
    "final": 0.1,
    "clip_norm": 0.0,
    "fallback": 0.1,
    "precision": "float32",
    # torch's SGD cannot be captured in a graph, and seconds are compared
    "graph": False,
    "lr_grid": {
        "sgd": (0.03, 0.1, 0.3, 1.0),
        "heavy-ball": (0.003, 0.01, 0.03, 0.1),
        "adamw": (0.001, 0.003, 0.01, 0.03),
        "nadamw": (0.001, 0.003, 0.01, 0.03),
        "nag": (0.003, 0.01, 0.03, 0.1),
        "adan": (0.001, 0.003, 0.01, 0.03),
        "muon": (0.01, 0.03, 0.1, 0.3),
    },
}
ALL = ("sgd", "heavy-ball", *OPTIMIZERS)
DECLARATION = declare(
    "speech",
    QUESTION,
    {
        **PROTOCOL,
        "speech": "synthesised",
        "width": 32,
        "batch_size": 100,
        "steps": 90,  # five times through 1,800 digits
        "every": 9,
    },
    devices=("cuda",),
    optimizers=ALL,
)
SMALL_DECLARATION = declare(
    "speech-small",
    QUESTION,
    {
        **PROTOCOL,
        "speech": "shipped",
        "width": 8,
        "batch_size": 50,
        "steps": 72,  # twelve times through 300 digits
        "every": 6,
    },
    devices=("cpu",),
    optimizers=ALL,
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train networks with one optimizer: to find its step size, then on fresh seeds."""
    return compare(speech_task(setting, device), setting)


def speech_task(setting: Mapping[str, Any], device: str) -> Task:
    """Return what the experiment learns, on the device."""
    source = setting["speech"]
    train, validation, test = (part.to(device) for part in load_speech(source))
    return Task(
        make_model=partial(make_speech_net, width=setting["width"]),
        apart=lambda model: [model[-1]],
        loss=cross_entropy,
        accuracy=accuracy_of_classes,
        train=train,
        validation=batches_of(validation),
        test=batches_of(test),
        data=load_features(source).sha256,
    )


EXPERIMENT = Sweep(DECLARATION, measure)
SMALL = Sweep(SMALL_DECLARATION, measure)
