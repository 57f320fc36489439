"""Every optimizer in every way to run a step, held to what all of them promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.device_timing import in_short
from nagcore.evidence.execution_contracts import (
    MODES,
    OPTIMIZERS,
    bears_overflow,
    distance_from_plain,
    resumes,
)
from nagcore.evidence.experiment import Experiment

DECLARATION = Declaration(
    name="execution-modes",
    question="Does an optimizer keep its promises in every way to run its step?",
    axes={"optimizer": tuple(OPTIMIZERS), "mode": MODES},
    constants={"steps": 20, "steps_of_a_part": 5},
    columns={
        "distance": "from plain execution, units in the last place of a tensor's largest element; "
        "nan where it was not run",
        "overflow": "yes where an AMP overflow on the first step leaves no trace; no; or –",
        "resumes": "yes where a state that was saved and read on the CPU goes on alike; no; or –",
        "error": "why it was not run, or what was raised",
    },
    devices=("cpu", "cuda"),
)
_NOT_RUN = "–"


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Walk through three tests; what cannot be run says why."""
    what = (setting["optimizer"], setting["mode"], device)
    found = {"distance": float("nan"), "overflow": _NOT_RUN, "resumes": _NOT_RUN, "error": ""}
    if setting["mode"] == "captured" and device == "cpu":
        return found | {"error": "graphs are captured on a GPU only"}
    try:
        found["distance"] = distance_from_plain(*what, setting["steps"])
        if setting["mode"] != "captured":  # which takes real steps before it is captured
            found["overflow"] = _in_words(bears_overflow(*what, setting["steps_of_a_part"]))
        found["resumes"] = _in_words(resumes(*what, setting["steps_of_a_part"]))
    except Exception as error:
        found["error"] = in_short(error)
    return found


def _in_words(kept: bool) -> str:
    return "yes" if kept else "no"


EXPERIMENT = Experiment(DECLARATION, measure)
