"""Training loops on a CPU, from torchvision's data set to slices of tensors."""

from __future__ import annotations

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.loop_race import COLUMNS, measure_loops

DECLARATION = Declaration(
    name="loop-speed",
    question="How long does a training step take in each loop on a CPU?",
    axes={"network": ("S", "M", "repaired CNN"), "threads": (1, 2)},
    constants={
        "images": {"S": 4_000, "M": 4_000, "repaired CNN": 640},  # of an epoch
        "batch_size": 64,
        "epochs": 1,  # of a turn; the last one is timed
        "rounds": 5,
        # every loop has torch's SGD, and as fast as it comes, so that the loops are compared
        "optimizer": {"lr": 0.02, "momentum": 0.9, "nesterov": True, "fused": True},
    },
    columns=COLUMNS,
    devices=("cpu",),
)


EXPERIMENT = Experiment(DECLARATION, measure_loops, __name__)
