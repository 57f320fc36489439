"""Each switch of the training loop against the plain loop in float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.device_timing import in_short
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.loop_agreement import SWITCHES, Training, difference, run_with

DECLARATION = Declaration(
    name="switches-agree",
    question="How far does each switch of the training loop move the result?",
    axes={"network": ("M", "repaired CNN"), "switch": tuple(SWITCHES)},
    constants={
        "steps": 32,
        "batch_size": 64,
        "lr": 0.02,
        # of "first", "last" and "loss"
        "tolerance": {
            "again": (1e-4, 1e-2, 1e-3),
            "weights rounded": (1e-4, 1e-2, 1e-3),
            "tf32": (0.03, 0.2, 0.05),  # it has as many digits as float16
            "channels_last": (1e-4, 1e-2, 1e-3),
            "accumulate": (1e-4, 1e-2, 1e-3),
            "compile": (1e-4, 1e-2, 1e-3),
            "graph": (1e-4, 1e-2, 1e-3),
            "bfloat16": (0.1, 0.2, 0.2),
            "float16": (0.03, 0.2, 0.05),
        },
    },
    columns={
        "first": "distance of the parameters from those of the plain run after the first step, in "
        "units of the way that it has come; nan where it was not run",
        "last": "the same after all steps",
        "loss": "largest relative difference of the loss at a step",
        "agrees": "yes where all three are within the tolerance; no; or –",
        "error": "why it was not run, or what was raised",
    },
    devices=("cpu", "cuda"),
)
_ON_A_GPU = {"graph": "graphs are captured on a GPU", "tf32": "TF32 is a type of GPUs"}
_NOT_RUN = {"first": float("nan"), "last": float("nan"), "loss": float("nan"), "agrees": "–"}


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train plainly and with the switch, and hold the two together."""
    switch, tolerance = setting["switch"], setting["tolerance"][setting["switch"]]
    training = Training(
        *(setting[name] for name in ("network", "steps", "batch_size", "lr")), device=device
    )
    if switch in _ON_A_GPU and device == "cpu":
        return _NOT_RUN | {"error": f"not on this device: {_ON_A_GPU[switch]}"}
    try:
        found = difference(run_with(switch, training), run_with("again", training))
    except Exception as error:
        return _NOT_RUN | {"error": in_short(error)}
    agrees = all(value <= most for value, most in zip(found, tolerance, strict=True))
    return {**found._asdict(), "agrees": "yes" if agrees else "no", "error": ""}


EXPERIMENT = Experiment(DECLARATION, measure)
