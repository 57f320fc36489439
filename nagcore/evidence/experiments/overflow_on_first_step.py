"""An overflow of mixed precision on the first step: what optimizers make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.overflow import OPTIMIZERS, fill_and_overflow, train_with_overflow

DECLARATION = Declaration(
    name="overflow-on-first-step",
    question="What is left of a first step that torch's GradScaler skips?",
    axes={"optimizer": tuple(OPTIMIZERS), "seed": tuple(range(10))},
    constants={
        "steps": 20,
        "width": 8,
        "lr": 0.03,
        "number": 1234.0,  # with which memory is filled before it is given back
        "size": 10_000,
        "few_steps": 3,
    },
    columns={
        "state": "largest entry of the optimizer's state after the skipped step, 0 if it has none",
        "moved": "largest move of a parameter in the skipped step",
        "losses": "loss of the network at every step, nats",
        "distance": "largest distance of a parameter at the end from the run that began with the "
        "second mini-batch and met no overflow",
        "share": "share of the state of one tensor that holds the number, after the skipped step",
        "medians": "median of that tensor after each step; it began with 0.125",
    },
    devices=("cpu", "cuda"),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train a network and a single tensor, both through an overflow on the first step."""
    name = setting["optimizer"]
    after = train_with_overflow(
        name,
        seed=setting["seed"],
        steps=setting["steps"],
        width=setting["width"],
        lr=setting["lr"],
        device=device,
    )
    filled = fill_and_overflow(
        name,
        number=setting["number"],
        size=setting["size"],
        steps=setting["few_steps"],
        device=device,
    )
    return {
        "state": after.state,
        "moved": after.moved,
        "losses": after.losses,
        "distance": after.distance,
        "share": filled.share,
        "medians": filled.parameters,
    }


EXPERIMENT = Experiment(DECLARATION, measure)
