"""The table of 2013: Nesterov's method, classical momentum and SGD on deep autoencoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nagcore.evidence.autoencoder_methods import CONTESTANTS, FINISH_MOMENTUM
from nagcore.evidence.autoencoder_runs import COLUMNS, train_autoencoders
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.sweep import Sweep, Together
from nagcore.training.autoencoder import CURVES, MNIST

QUESTION = (
    "Do deep autoencoders end with a smaller training error by Nesterov's method than by classical "
    "momentum and SGD, each with its best step size, as the table of 2013 says?"
)
STEP_SIZES = (0.05, 0.01, 0.005, 0.001, 0.0005, 0.0001)
"""Those of 2013."""
SHARED = {
    "initialisation": "sparse, 15 incoming weights of each unit from N(0, 1), biases 0",
    "scale": 1.0,
    "units": "logistic, the code linear",
    "loss": "cross-entropy of the pixels in nats, their sum, mean over a mini-batch",
    "schedule": "equation (5) of 2013, compressed to the number of steps, at most 40 times",
    "finish": "the last 1,000 steps, or a twentieth of a short run, with momentum at most 0.9",
    "finish_momentum": FINISH_MOMENTUM,
    "choice": "of the step size: the least mean over seeds of error_after, none diverged",
}


def by_set(curves: Any, others: Any) -> dict[str, Any]:
    """Return one value for Curves and another for Fashion-MNIST and MNIST.

    MNIST is not recorded; whoever has it can ask for `data=("mnist",)`.
    """
    return {"curves": curves, "fashion-mnist": others, "mnist": others}


def declare(
    name: str, axes: Mapping[str, tuple], constants: Mapping[str, Any], *, device: str = "cuda"
) -> Declaration:
    """Return the declaration of one size of the experiment.

    Args:
        name: of the experiment.
        axes: `data`, `lr` and `seed`; the methods are always all of them.
        constants: `sizes`, `steps`, `images`, `batch_size`, each by data, and `precision`.
        device: where it is recorded.
    """
    axes = {"data": axes["data"], "method": tuple(CONTESTANTS), "lr": axes["lr"]} | dict(axes)
    return Declaration(name, QUESTION, axes, SHARED | dict(constants), COLUMNS, (device,))


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train one autoencoder."""
    return train_autoencoders([setting], device)[0]


def measure_together(
    settings: Sequence[Mapping[str, Any]], device: str, keep: Path | None
) -> list[dict[str, Any]]:
    """Train the autoencoders of one set of images at once."""
    return train_autoencoders(settings, device, keep)


TOGETHER = Together(measure_together, alike=("data",), most=128)
ON_CPU = Together(measure_together, alike=("data", "seed"), devices=("cpu", "cuda"))
ONE_SEED = Together(measure_together, alike=("data", "seed"))

EXPERIMENT = Sweep(
    declare(
        "autoencoders",
        {"data": ("curves", "fashion-mnist"), "lr": STEP_SIZES[:4], "seed": (0, 1)},
        {
            # Half of the published width for Fashion-MNIST, so that its runs can be longer.
            "sizes": by_set(CURVES, (784, 500, 250, 125, 30)),
            "steps": by_set(11_000, 6_000),
            "images": by_set(20_000, 20_000),
            "batch_size": by_set(200, 200),
            "pooled": 1,
            "precision": "tf32",
            "compiled": False,
        },
    ),
    measure,
    together=TOGETHER,
)

SMALL = Sweep(
    declare(
        "autoencoders-small",
        {"data": ("curves", "fashion-mnist"), "lr": (0.05, 0.02, 0.01, 0.005), "seed": (0, 1, 2)},
        {
            "sizes": by_set((196, 40, 20, 6), (196, 40, 20, 10)),
            "steps": by_set(1600, 1600),
            "images": by_set(1000, 1000),
            "batch_size": by_set(50, 50),
            "pooled": 2,
            "precision": "float32",
            "compiled": False,
        },
        device="cpu",
    ),
    measure,
    together=ON_CPU,
)

FULL = Sweep(
    declare(
        "autoencoders-full",
        {"data": ("curves", "fashion-mnist"), "lr": STEP_SIZES, "seed": (0, 1, 2)},
        {
            "sizes": by_set(CURVES, MNIST),
            "steps": by_set(750_000, 750_000),
            "images": by_set(20_000, 60_000),
            "batch_size": by_set(200, 200),
            "pooled": 1,
            "precision": "float32",
            "compiled": False,
        },
    ),
    measure,
    together=ONE_SEED,
    tier=2,
)
