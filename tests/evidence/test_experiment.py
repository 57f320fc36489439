"""What is measured is checked against what was declared."""

from __future__ import annotations

import math

import pytest

from nagcore.errors import UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment

DECLARATION = Declaration("toy", "What?", {}, {}, {"loss": "nats", "curve": "loss by step"})


def test_columns_come_in_declared_order_and_plain():
    experiment = Experiment(
        DECLARATION, lambda setting, device: {"curve": (1, 2), "loss": math.inf}
    )
    assert list(experiment.measured({}, "cpu").items()) == [("loss", math.inf), ("curve", [1, 2])]


def test_missing_and_undeclared_columns_are_named():
    experiment = Experiment(DECLARATION, lambda setting, device: {"loss": 1, "accuracy": 2})
    with pytest.raises(UsageError, match="missing curve; not declared accuracy"):
        experiment.measured({}, "cpu")
    both = {"loss": 1, "curve": []}
    more = Experiment(DECLARATION, lambda setting, device: {**both, "accuracy": 2})
    with pytest.raises(UsageError, match="missing none; not declared accuracy"):
        more.measured({}, "cpu")


def test_the_module_is_that_of_measure_unless_named():
    assert Experiment(DECLARATION, math.sqrt, "a.b").module == "a.b"  # type: ignore[arg-type]
    assert Experiment(DECLARATION, lambda setting, device: {}).module == __name__
