"""The exact worst case of every method beside the theorem that bounds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.theory.catalogue import METHODS
from nagcore.theory.certificates import CertificationError, certify

DECLARATION = Declaration(
    name="certificates",
    question="How far is the bound of each method's theorem from its exact worst case?",
    axes={
        "method": (
            "gd-convex", "gd", "silver", "proximal-gradient", "nag-1983", "nag-simplified",
            "nag-chambolle-dossal", "nag-variable", "nag", "three-sequences", "fista",
            "fista-simplified", "ogm", "ogm-any", "ogm-g", "triple-momentum", "robust-momentum",
            "item",
        ),
        "mu": (0.0, 0.01, 0.1),
        "steps": (1, 3, 7, 15),
    },
    constants={"L": 1.0},
    columns={
        "criterion": "what the theorem bounds after the last step",
        "initial": "what it is bounded by a multiple of",
        "exact": "the largest criterion over the whole class where the initial measure is 1",
        "bound": "what the theorem promises in its place, nan where nothing",
        "status": "certified, or why not",
    },
    devices=("cpu",),
)  # fmt: skip


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Certify one method for one number of steps over one class of functions."""
    recipe = METHODS[setting["method"]]
    guarantee = recipe.guarantee
    if guarantee is None:
        raise ValueError(f"{setting['method']} has no theorem to be compared with")
    columns = {"criterion": guarantee.criterion, "initial": guarantee.initial}
    nothing = {"exact": float("nan"), "bound": float("nan")}
    if recipe.needs_mu and setting["mu"] == 0:
        return {**columns, **nothing, "status": "needs mu > 0"}
    if recipe.composite and setting["mu"] > 0:
        return {**columns, **nothing, "status": "its theorem is about mu = 0"}
    try:
        certificate = certify(
            setting["method"], L=setting["L"], mu=setting["mu"], steps=setting["steps"]
        )
    except CertificationError as error:
        return {**columns, **nothing, "status": str(error)}
    bound = float("nan") if certificate.bound is None else certificate.bound
    return {**columns, "exact": certificate.value, "bound": bound, "status": "certified"}


EXPERIMENT = Experiment(DECLARATION, measure)
