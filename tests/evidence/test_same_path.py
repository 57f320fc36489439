"""The record of the libraries on one path, and its table."""

from __future__ import annotations

import pytest

from nagcore.evidence.codehash import code_files
from nagcore.evidence.experiments.same_path import DECLARATION, EXPERIMENT, make_steps
from nagcore.evidence.frameworks_table import SAME, summarize_same_path, tabulate_same_path
from nagcore.evidence.record import Record
from nagcore.evidence.recording import load_or_run


@pytest.fixture(scope="module")
def record():
    return load_or_run(EXPERIMENT, progress=False)


def test_the_table_shows_distances_and_why_there_are_any():
    rows = tuple(
        {**setting, "distance": 2e-3 if setting["changed"] == "momentum" else SAME / 2}
        for setting in DECLARATION.settings()
    )
    table = tabulate_same_path(Record(DECLARATION, None, rows))  # pyright: ignore[reportArgumentType]
    assert table.shape == (12, 4)
    line = table.loc[("NAG", "Keras")]
    assert line["nothing"] == line["step size"] == "same"
    assert line["momentum"] == "2.0 × 10⁻³"
    assert "one momentum does the work of two" in line["what it does otherwise"]
    assert table.loc[("Adam", "PyTorch"), "what it does otherwise"] == "nothing"


def test_a_library_strays_only_where_the_table_says_what_it_does_otherwise(record):
    table = tabulate_same_path(record)
    for _, line in table.iterrows():
        strays = set(line[list(DECLARATION.axes["changed"])]) != {"same"}
        assert strays == (line["what it does otherwise"] != "nothing"), line
    assert all(row["explained"] < SAME for row in record.rows)


def test_what_the_summary_says_is_in_the_record(record):
    numbers = summarize_same_path(record)
    assert numbers["same_path_steps"] == "200"
    assert numbers["nadam_Optax"].endswith("× 10⁻¹")
    assert numbers["nadam_PyTorch"].endswith("× 10⁻¹⁰")


def test_torchs_part_is_measured_again(record):
    for row in record.rows:
        if row["framework"] == "PyTorch":
            setting = {name: row[name] for name in DECLARATION.axes} | dict(DECLARATION.constants)
            found = EXPERIMENT.measured(setting, "cpu")
            assert found["distance"] == pytest.approx(row["distance"], rel=0.05, abs=1e-13)


def test_the_change_comes_once_and_where_it_is_declared():
    for setting in DECLARATION.settings():
        steps, at = make_steps(setting, 100.0), DECLARATION.constants["changed_at"]
        sizes, momenta = [s.step_size for s in steps], [s.momentum for s in steps]
        assert (sizes[at] != sizes[at - 1]) == (setting["changed"] == "step size")
        assert (momenta[at] != momenta[at - 1]) == (setting["changed"] == "momentum")
        assert [s.next_momentum for s in steps[:-1]] == momenta[1:]


def test_a_change_of_the_code_under_the_record_would_be_seen():
    seen = set(code_files(EXPERIMENT.module))
    modules = {"core.nadam", "core.adam", "core.forms", "evidence.frameworks", "evidence.own_path"}
    assert {f"nagcore.{module}" for module in modules} <= seen
