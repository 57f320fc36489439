"""Training loops on a GPU, up to a whole step that is replayed as one graph."""

from __future__ import annotations

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.loop_race import COLUMNS, measure_loops

DECLARATION = Declaration(
    name="loop-speed-cuda",
    question="How long does a training step take in each loop on a GPU?",
    axes={"network": ("S", "M", "repaired CNN")},
    constants={
        "images": {"S": 1_280, "M": 1_280, "repaired CNN": 1_280},  # of an epoch
        "batch_size": 64,
        "epochs": 2,  # of a turn; the last one is timed, when a graph has been captured
        "rounds": 5,
        # every loop has torch's SGD, and as fast as it comes, so that the loops are compared
        "optimizer": {"lr": 0.02, "momentum": 0.9, "nesterov": True, "fused": True},
    },
    columns=COLUMNS,
    devices=("cuda",),
)


EXPERIMENT = Experiment(DECLARATION, measure_loops, __name__)
"""The record of a GPU, beside "loop-speed"."""
