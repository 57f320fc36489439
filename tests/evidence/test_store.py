"""The right record is found, a wrong one refused, and what to renew is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nagcore.errors import RecordError, UsageError
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.recording import record_experiment
from nagcore.evidence.store import find_experiment, load_record, record_status, select


def redeclared(experiment: Experiment, **overrides: object) -> Experiment:
    return replace(experiment, declaration=experiment.declaration.replace(**overrides))


def recorded(experiment: Experiment, root: Path) -> Path:
    record_experiment(experiment, root=root, progress=False)
    return root / "results" / "toy-powers" / "cpu.json"


def test_a_record_is_loaded_and_the_root_found(toy, root: Path, monkeypatch):
    recorded(toy.experiment, root)
    assert not load_record(toy.experiment, "cpu", root=root).stale
    monkeypatch.chdir(root / "results")
    assert len(load_record(toy.experiment, "cpu").rows) == 6


def test_a_missing_record_says_how_to_make_it(toy, root: Path):
    with pytest.raises(RecordError, match=r"no record of toy-powers on cpu; .*nagcore record toy"):
        load_record(toy.experiment, "cpu", root=root)
    with pytest.raises(RecordError, match="nagcore record toy-powers --device cuda"):
        load_record(toy.experiment, "cuda", root=root)
    with pytest.raises(UsageError, match="device is 'gpu'"):
        load_record(toy.experiment, "gpu", root=root)


def test_a_record_of_another_declaration_is_refused_with_what_differs(toy, root: Path):
    recorded(toy.experiment, root)
    now = redeclared(toy.experiment, exponent=3, seed=range(2))
    with pytest.raises(RecordError) as caught:
        load_record(now, "cpu", root=root)
    for part in (
        "axis seed: was (0, 1, 2), is (0, 1)",
        "constant exponent: was 2, is 3",
        "nagcore record toy-powers",
    ):
        assert part in str(caught.value)


def test_a_truncated_record_is_refused_by_name(toy, root: Path):
    path = recorded(toy.experiment, root)
    path.write_text(path.read_text()[:-40])
    with pytest.raises(
        RecordError, match=r"results/toy-powers/cpu\.json is not a record.*checkout"
    ):
        load_record(toy.experiment, "cpu", root=root)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RecordError, match="cannot be read"):
        load_record(toy.experiment, "cpu", root=root)


def test_changed_code_marks_the_record_and_its_caption(toy, root: Path):
    recorded(toy.experiment, root)
    toy.edit('"""Return a power."""', '"""Return the power."""')
    assert not load_record(toy.experiment, "cpu", root=root).stale
    toy.edit("x**exponent", "x**exponent + 0")
    record = load_record(toy.experiment, "cpu", root=root)
    assert record.stale
    assert "the code has changed since" in record.note()


def states(experiment: Experiment, root: Path) -> list[tuple[str, str]]:
    found = record_status({"toy-powers": experiment}, "cpu", root)
    return [(status.state, status.reason) for status in found]


def test_status_and_selection_follow_the_record(toy, root: Path):
    experiment = toy.experiment
    everything = {"toy-powers": experiment}

    def chosen(stale: bool) -> bool:
        return select(everything, (), "cpu", root, stale=stale) == [experiment]

    assert states(experiment, root) == [("missing", "make it with: nagcore record toy-powers")]
    assert chosen(stale=False)
    path = recorded(experiment, root)
    assert states(experiment, root) == [("current", "")]
    assert not chosen(stale=True)
    changed = {"toy-powers": redeclared(experiment, exponent=3)}
    assert states(changed["toy-powers"], root) == [
        ("declaration changed", "constant exponent: was 2, is 3")
    ]
    assert select(changed, (), "cpu", root) == []
    assert select(changed, (), "cpu", root, stale=True) == list(changed.values())
    toy.edit("x**exponent", "x * x")
    [(state, reason)] = states(experiment, root)
    assert state == "stale"
    assert reason.startswith("made by earlier code (commit ")
    assert not chosen(stale=False)
    assert chosen(stale=True)
    path.write_text("{")
    assert states(experiment, root)[0][0] == "unreadable"
    assert not chosen(stale=False)
    assert chosen(stale=True)


def test_only_declared_devices_are_listed(toy, root: Path):
    assert record_status({"toy-powers": toy.experiment}, "cuda", root) == []
    assert select({"toy-powers": toy.experiment}, (), "cuda", root, stale=True) == []


def test_names_choose_by_themselves_and_unknown_ones_list_the_closest_first(toy, root: Path):
    everything = {"cnn": toy.experiment, "toy-powers": toy.experiment, "rates": toy.experiment}
    recorded(toy.experiment, root)
    assert select(everything, ["rates"], "cpu", root) == [toy.experiment]
    assert find_experiment("cnn", everything) is toy.experiment
    with pytest.raises(
        UsageError, match="no experiment 'rate'; the experiments: rates, toy-powers, cnn"
    ):
        select(everything, ["rate"], "cpu", root)
    with pytest.raises(UsageError, match="the experiments: none"):
        find_experiment("rate", {})
