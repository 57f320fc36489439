"""The initialisation-scale table of 2013: sparse weights of other sizes, Nesterov's method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.autoencoder_runs import COLUMNS
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiments.autoencoders import (
    EXPERIMENT as TABLE,
)
from nagcore.evidence.experiments.autoencoders import (
    FULL as FULL_TABLE,
)
from nagcore.evidence.experiments.autoencoders import (
    SHARED,
    by_set,
    measure,
    measure_together,
)
from nagcore.evidence.experiments.autoencoders import (
    SMALL as SMALL_TABLE,
)
from nagcore.evidence.sweep import Sweep, Together

QUESTION = (
    "With which training error does a deep autoencoder end by Nesterov's method when its sparse "
    "initial weights are multiplied by a constant?"
)
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Those of 2013."""


def declare(
    name: str, like: Declaration, axes: Mapping[str, tuple], **constants: Any
) -> Declaration:
    """Return the declaration of one size of the experiment.

    Args:
        name: of the experiment.
        like: of "autoencoders" in that size; sizes of layers and batches are the same.
        axes: `lr` and `seed`.
        constants: `method`, and what is to be another than in `like`, by name.
    """
    shared = {key: value for key, value in like.constants.items() if key != "scale"}
    own = {"data": "curves"}
    shared["initialisation"] = f"{SHARED['initialisation']}, times `scale`"
    return Declaration(
        name,
        QUESTION,
        {"scale": SCALES} | dict(axes),
        shared | own | constants,
        COLUMNS,
        like.devices,
    )


TOGETHER = Together(measure_together, alike=("scale",))

EXPERIMENT = Sweep(
    declare(
        "autoencoder-scales",
        TABLE.declaration,
        {"lr": TABLE.declaration.axes["lr"], "seed": (0, 1, 2)},
        method="nag-0.99",
        steps=by_set(2_500, 2_500),
    ),
    measure,
    together=TOGETHER,
)

SMALL = Sweep(
    declare(
        "autoencoder-scales-small",
        SMALL_TABLE.declaration,
        {"lr": (0.05, 0.02, 0.01), "seed": (0, 1, 2)},
        method="nag-0.99",
    ),
    measure,
    together=Together(measure_together, alike=("scale",), devices=("cpu", "cuda")),
)

FULL = Sweep(
    declare(
        "autoencoder-scales-full",
        FULL_TABLE.declaration,
        {"lr": FULL_TABLE.declaration.axes["lr"], "seed": (0, 1, 2)},
        method="nag-0.999",
    ),
    measure,
    together=TOGETHER,
    tier=2,
)
