"""Copies trained at once on a CPU, against trainings one by one."""

from __future__ import annotations

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.sweep_race import COLUMNS, measure_sweeps

DECLARATION = Declaration(
    name="sweep-speed",
    question="How long does a step of one copy take on a CPU, at once with others and alone?",
    axes={"network": ("tiny MLP", "MLP", "small CNN"), "copies": (16,)},
    constants={
        "batch_size": {"tiny MLP": 32, "MLP": 32, "small CNN": 64},
        "contestants": {
            "tiny MLP": ("one by one", "at once", "at once, compiled step"),
            "MLP": ("one by one", "at once", "at once, compiled step"),
            "small CNN": ("one by one", "at once", "at once, compiled step"),
        },
        "compiled_copies": (16,),
        "rounds": 9,
        "least": 0.1,  # seconds of a turn
        "traffic": 2**28,  # bytes of the plain pass
        "threads": 1,
    },
    columns=COLUMNS,
    devices=("cpu",),
)

EXPERIMENT = Experiment(DECLARATION, measure_sweeps, __name__)
"""The record of a CPU, beside "sweep-speed-cuda"."""
