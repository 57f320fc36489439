"""Copies trained at once on a GPU, against trainings one by one."""

from __future__ import annotations

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.sweep_race import COLUMNS, measure_sweeps

DECLARATION = Declaration(
    name="sweep-speed-cuda",
    question="How long does a step of one copy take on a GPU, at once with others and alone?",
    axes={"network": ("small CNN", "autoencoder"), "copies": (16, 64, 256)},
    constants={
        "batch_size": {"small CNN": 64, "autoencoder": 200},
        "contestants": {
            "small CNN": ("one by one", "one by one, graph", "at once", "at once, tf32"),
            "autoencoder": (
                "one by one",
                "one by one, graph",
                "at once",
                "at once, tf32",
                "at once, compiled step",
            ),
        },
        "compiled_copies": (64,),  # a compilation takes some seconds
        "rounds": 5,
        "least": 0.02,  # seconds of a turn
        "traffic": 2**29,  # bytes of the plain pass
    },
    columns=COLUMNS,
    devices=("cuda",),
)

EXPERIMENT = Experiment(DECLARATION, measure_sweeps, __name__)
"""The record of a GPU, beside "sweep-speed"."""
