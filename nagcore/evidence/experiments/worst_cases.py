"""The exact worst case of the momenta in common use, beside methods with a theorem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.theory.certificates import CertificationError, certify

DECLARATION = Declaration(
    name="worst-cases",
    question="What do momentum 0.9 and 0.99 with step size 1/L guarantee after n steps?",
    axes={
        "method": (
            "gd-convex", "heavy-ball-0.9", "heavy-ball-0.99", "nag-0.9", "nag-0.99", "nag-1983",
            "ogm",
        ),
        # 1/361: the condition number for which momentum 0.9 is that of the theorem
        "mu": (0.0, 1 / 361),
        "steps": (1, 2, 4, 8, 12, 20, 30),
    },
    constants={"L": 1.0},
    columns={
        "exact": "the largest gap f(x_n) − f⋆ over the class where ‖x_0 − x⋆‖ = 1",
        "status": "certified, or why the solver found no certificate",
    },
    devices=("cpu",),
)  # fmt: skip


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Certify the gap of one method against the first distance."""
    try:
        certificate = certify(
            setting["method"],
            L=setting["L"],
            mu=setting["mu"],
            steps=setting["steps"],
            criterion="gap",
            initial="distance",
        )
    except CertificationError as error:
        return {"exact": float("nan"), "status": str(error)}
    return {"exact": certificate.value, "status": "certified"}


EXPERIMENT = Experiment(DECLARATION, measure)
