"""The contracts hold for an optimizer in every mode, and a breach of each is seen."""

from __future__ import annotations

import math

import pytest
import torch

from nagcore.evidence import execution_contracts
from nagcore.evidence.execution_contracts import (
    MODES,
    OPTIMIZERS,
    Walk,
    bears_overflow,
    distance_from_plain,
    resumes,
    units_apart,
)
from nagcore.evidence.execution_table import (
    summarize_execution_modes,
    tabulate_execution_modes,
)
from nagcore.evidence.experiments.execution_modes import EXPERIMENT
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Record
from nagcore.optim import EXECUTIONS, NAG
from nagcore.optim import OPTIMIZERS as TABLE
from nagcore.optim.base import RuleOptimizer


def measured(optimizer, mode, device="cpu"):
    settings = EXPERIMENT.declaration.settings()
    (setting,) = [s for s in settings if (s["optimizer"], s["mode"]) == (optimizer, mode)]
    return EXPERIMENT.measured(setting, device)


@pytest.fixture
def breach(monkeypatch):
    def put(kind):
        monkeypatch.setitem(execution_contracts.OPTIMIZERS, "NAG", kind)

    return put


def test_all_optimizers_and_modes_of_the_package_are_walked():
    ours = {e.build for e in TABLE.values() if issubclass(e.build, RuleOptimizer)}
    assert set(OPTIMIZERS.values()) == ours
    assert set(EXECUTIONS) - {"auto"} <= set(MODES)


@pytest.mark.parametrize("mode", ["plain", "foreach", "flat", "capturable"])
@pytest.mark.parametrize("optimizer", ["NAG", "Adan"])
def test_a_setting_is_measured(optimizer, mode):
    found = measured(optimizer, mode)
    assert (found["overflow"], found["resumes"], found["error"]) == ("yes", "yes", "")
    # step sizes on the device are rounded once more, or once less
    assert found["distance"] <= (4 if mode == "capturable" else 0)


def test_a_graph_needs_a_gpu():
    found = measured("NAG", "captured")
    assert math.isnan(found["distance"])
    assert found["error"] == "graphs are captured on a GPU only"


def test_an_error_is_written_down(breach):
    class Broken(NAG):
        def step(self, closure=None):
            raise RuntimeError("no such step")

    breach(Broken)
    assert measured("NAG", "flat")["error"] == "RuntimeError: no such step"


def test_another_path_is_seen(breach):
    class Drifting(NAG):
        def step(self, closure=None):
            if self.defaults["execution"] == "flat":
                for group in self.param_groups:
                    group["lr"] *= 1 + 1e-6
            return super().step(closure)

    breach(Drifting)
    assert distance_from_plain("NAG", "foreach", "cpu", 5) == 0
    assert distance_from_plain("NAG", "flat", "cpu", 5) >= 1


def test_a_step_that_is_taken_in_spite_of_an_overflow_is_seen(breach):
    class Rash(NAG):
        _step_supports_amp_scaling = True  # so that the scaler leaves all to the step

    breach(Rash)
    assert not bears_overflow("NAG", "plain", "cpu", 3)


def test_a_forgotten_state_is_seen(breach):
    class Forgetful(NAG):
        def load_state_dict(self, state_dict):
            pass

    breach(Forgetful)
    assert not resumes("NAG", "plain", "cpu", 3)


def test_a_walk_in_a_graph_goes_as_one_without(monkeypatch):
    """With a stand-in for the graph, whose replay takes the step."""

    def capture(step, prepare):
        for _ in range(3):
            prepare()
            step()
        return step

    monkeypatch.setattr(execution_contracts, "capture", capture)
    walks = [Walk("NAdam", mode, "cpu") for mode in ("captured", "capturable")]
    for walk in walks:
        walk.go(5)
        walk.go(4)
    assert [walk.k for walk in walks] == [9, 9]
    assert all(map(torch.equal, walks[0].tensors(), walks[1].tensors()))


def test_units_are_those_of_the_largest_element():
    one = torch.tensor([1.0, 4.0])
    assert units_apart([one], [one + torch.tensor([2.0**-23, 0.0])]) == 0.25
    assert units_apart([one, one], [one, one]) == 0


def test_the_table_says_distances_and_breaches():
    kept = {"overflow": "yes", "resumes": "yes", "error": ""}
    cells = {
        ("NAG", "plain"): {"distance": 0.0, **kept},
        ("NAG", "flat"): {"distance": 1.5, **kept, "resumes": "no"},
        ("NAdam", "plain"): {"distance": 0.25, **kept, "overflow": "–"},
        ("NAdam", "flat"): {"distance": math.nan, **kept, "error": "no compiler"},
    }
    declaration = EXPERIMENT.declaration.replace(
        optimizer=("NAG", "NAdam"), mode=("plain", "flat"), steps=9
    )
    rows = tuple({"optimizer": o, "mode": m} | found for (o, m), found in cells.items())
    made = Provenance(None, None, "2026-01-01T00:00:00+00:00", {}, "test", 1, 1.0, "0" * 64)
    record = Record(declaration, made, rows)
    table = tabulate_execution_modes(record)
    assert table.to_numpy().tolist() == [["0", "does not resume"], ["0.25", "–"]]
    assert summarize_execution_modes(record) == {
        "steps": "9", "run": "3", "exact": "1", "furthest": "1.5", "broken": "NAG, flat",
    }  # fmt: skip
