"""One step of each optimizer on a CPU, on lists of parameters from large to small."""

from __future__ import annotations

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.optimizer_race import COLUMNS, measure_race

DECLARATION = Declaration(
    name="optimizer-speed",
    question="How long does a step of each optimizer take on a CPU?",
    axes={
        "parameters": ("one tensor", "ResNet-18", "small CNN", "500 tensors"),
        "method": ("nesterov", "nadam", "adan"),
        "threads": (1,),
    },
    constants={
        "rounds": 11,
        "least": 2e-3,  # seconds of a turn
        "batch_size": 64,
        "reference": {
            "nesterov": "torch SGD, fused",
            "nadam": "torch NAdam, one by one",  # its default on a CPU; there is no fused one
            "adan": "pytorch_optimizer Adan, foreach",  # its default
        },
        "limits": {"compiled_tensors": 100, "left_out": {}},
    },
    columns=COLUMNS,
    devices=("cpu",),
)


EXPERIMENT = Experiment(DECLARATION, measure_race, __name__)
