"""What each initialisation does to the size of the numbers in a deep network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.signal_depth import ACTIVATIONS
from nagcore.evidence.signal_depth import signal_through_depth as measure_signal

DECLARATION = Declaration(
    name="signal-through-depth",
    question="How large are outputs and gradients in each layer of a deep network at its start?",
    axes={
        "activation": tuple(ACTIVATIONS),
        "scheme": ("torch", "glorot-uniform", "he-normal", "orthogonal", "sparse", "normal"),
        "seed": (0, 1, 2, 3, 4),
    },
    constants={
        "depth": 30,
        "width": 512,
        "images": 100,
        "options": {
            "sparse, tanh": {"scale": 0.25, "bias": 0.5},
            "normal": {"std": 0.01},
        },
    },
    columns={
        "size": "root mean square of the outputs of each layer before its activation, over images "
        "and units",
        "spread": "likewise of an output less its mean over the images",
        "gradient": "likewise of the derivatives of an image's cross-entropy, nats, by them",
        "expected_size": "what size is for independent weights and many units",
        "expected_gradient": "likewise gradient, from that measured at the last layer",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Send the images through a network that was not trained, and the gradients back."""
    scheme, options = setting["scheme"], setting["options"]
    signals = measure_signal(
        scheme,
        setting["activation"],
        seed=setting["seed"],
        depth=setting["depth"],
        width=setting["width"],
        images=setting["images"],
        options=options.get(f"{scheme}, {setting['activation']}", options.get(scheme)),
    )
    return {
        name: [float(f"{value:.4g}") for value in values]
        for name, values in signals._asdict().items()
    }


EXPERIMENT = Experiment(DECLARATION, measure)
