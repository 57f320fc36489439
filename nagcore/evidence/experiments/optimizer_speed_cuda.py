"""One step of each optimizer on a GPU, on lists of parameters up to a billion."""

from __future__ import annotations

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.optimizer_race import COLUMNS, measure_race

# a billion parameters in float32 are 4 GB, and so is every tensor of a state
_TOO_LARGE = (
    *("NAG, plain", "NAG, flat", "NAG, captured", "NAdam, foreach", "NAdam, plain"),
    *("NAdam, flat", "NAdam, captured", "Adan, foreach", "Adan, plain", "Adan, flat"),
    *("Adan, captured", "torch SGD, one by one", "torch SGD, fused, captured"),
    *("torch NAdam, one by one", "torch NAdam, captured", "torch AdamW, fused, captured"),
    *("pytorch_optimizer SGDW", "pytorch_optimizer Adan, foreach"),
    "pytorch_optimizer Adan, one by one",
)
DECLARATION = Declaration(
    name="optimizer-speed-cuda",
    question="How long does a step of each optimizer take on a GPU?",
    axes={
        "parameters": (
            "one tensor",
            "ResNet-18",
            "small CNN",
            "500 tensors",
            "ResNet-50",
            "GPT-2",
            "one billion",
        ),
        "method": ("nesterov", "nadam", "adan"),
    },
    constants={
        "rounds": 7,
        "least": 3e-3,  # seconds of a turn
        "batch_size": 64,
        "reference": {
            "nesterov": "torch SGD, fused",
            "nadam": "torch NAdam, foreach",  # its default on a GPU; there is no fused one
            "adan": "torch AdamW, fused",  # torch has no Adan
        },
        "limits": {
            "compiled_tensors": 1,  # some seconds for each, and more for long lists
            "left_out": {"one billion": _TOO_LARGE},
            "counted": ("500 tensors",),
        },
    },
    columns=COLUMNS
    | {
        "launches": "how often a step asks the GPU for work, a graph counts once; nan where "
        "it was not counted"
    },
    devices=("cuda",),
)


EXPERIMENT = Experiment(DECLARATION, measure_race, __name__)
"""The record of a GPU, beside "optimizer-speed"."""
