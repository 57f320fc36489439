"""A record is written whole, survives a kill, and is never written by a chapter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nagcore.errors import RecordError, UsageError
from nagcore.evidence import provenance
from nagcore.evidence.recording import load_or_run, record_experiment
from nagcore.evidence.store import load_record

REPOSITORY = Path(provenance.__file__).parents[2]
ALL = ["0.1-0", "0.1-1", "0.1-2", "0.2-0", "0.2-1", "0.2-2"]


@pytest.fixture
def log(tmp_path: Path, toy, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("TOY_LOG", str(path))
    return path


def measured(log: Path) -> list[str]:
    return log.read_text().split()


def results(rows) -> list[dict]:
    return [{name: cell for name, cell in row.items() if name != "process"} for row in rows]


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def partial(root: Path) -> Path:
    [path] = (root / "_runs" / "recording").glob("toy-powers-cpu-*.jsonl")
    return path


def kill_at(toy, root: Path, setting: str) -> None:
    """Record in another process that dies without a word in the middle of a setting."""
    script = (
        f"from {toy.name}.powers import EXPERIMENT\n"
        "from nagcore.evidence.recording import record_experiment\n"
        f"record_experiment(EXPERIMENT, root={str(root)!r}, progress=False)\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{toy.folder}",
        "TOY_STOP": setting,
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert done.returncode == 9


def test_a_record_is_written_and_loads_as_returned(toy, root: Path):
    record = record_experiment(toy.experiment, root=root, progress=False)
    assert files(root) == ["_toc.yml", "results/toy-powers/cpu.json"]
    loaded = load_record(toy.experiment, "cpu", root=root)
    assert loaded == record
    assert loaded.rows[4]["result"] == 0.2**2 + 1 / 3
    assert loaded.rows[0]["bound"] == float("inf")
    assert loaded.provenance.threads == torch.get_num_threads()
    assert not loaded.fresh


def test_the_file_gives_away_neither_host_nor_user_nor_folder(toy, root: Path, monkeypatch):
    monkeypatch.setenv("USER", "someone-in-particular")
    record_experiment(toy.experiment, root=root, progress=False)
    content = json.loads((root / "results" / "toy-powers" / "cpu.json").read_text())
    assert set(content["provenance"]) == {
        *("commit", "clean", "time", "versions", "device", "threads", "seconds", "code_hash")
    }
    text = json.dumps(content)
    for secret in (os.uname().nodename, "someone-in-particular", str(root), str(REPOSITORY)):
        assert secret not in text


@pytest.mark.slow
def test_a_killed_recording_goes_on_where_it_was(toy, root: Path, tmp_path: Path, log: Path):
    kill_at(toy, root, "0.2-0")
    assert measured(log) == ALL[:3]
    assert not (root / "results" / "toy-powers" / "cpu.json").exists()
    # What a kill in the middle of a write leaves: half a line.
    with partial(root).open("a") as stream:
        stream.write('{"index": 3, "columns": {"result": 0.0')
    resumed = record_experiment(toy.experiment, root=root, progress=False)
    assert measured(log) == ALL
    assert files(root) == ["_toc.yml", "results/toy-powers/cpu.json"]
    whole = record_experiment(toy.experiment, root=tmp_path / "other", progress=False)
    assert results(resumed.rows) == results(whole.rows)
    assert resumed.declaration == whole.declaration


def interrupted(toy, root: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    experiment, count = toy.experiment, iter(range(after))

    def measure(setting, device):
        if next(count, None) is None:
            raise KeyboardInterrupt
        return experiment.measure(setting, device)

    stopping = replace(experiment, measure=measure, module=experiment.module)
    with pytest.raises(KeyboardInterrupt):
        record_experiment(stopping, root=root, progress=False)


def test_seconds_add_up_over_the_parts(toy, root: Path, monkeypatch: pytest.MonkeyPatch):
    interrupted(toy, root, monkeypatch, after=4)
    head, *lines = partial(root).read_text().splitlines()
    rows = [{**json.loads(line), "seconds": 100.0} for line in lines]
    assert len(rows) == 4
    partial(root).write_text("\n".join([head, *map(json.dumps, rows)]) + "\n")
    record = record_experiment(toy.experiment, root=root, progress=False)
    assert 400 <= record.provenance.seconds < 500


@pytest.mark.parametrize("change", ["code", "declaration", "device", "torch"])
def test_a_part_made_otherwise_is_discarded(
    toy, root: Path, log: Path, monkeypatch: pytest.MonkeyPatch, change: str
):
    interrupted(toy, root, monkeypatch, after=4)
    assert measured(log) == ALL[:4]
    experiment = toy.experiment
    if change == "code":
        toy.edit("x**exponent", "x * x")
    elif change == "declaration":
        experiment = replace(experiment, declaration=experiment.declaration.replace(exponent=3))
    elif change == "device":
        monkeypatch.setattr("nagcore.evidence.recording.in_words", lambda device: "another")
    else:
        monkeypatch.setattr(torch, "__version__", "9.9")
    record_experiment(experiment, root=root, progress=False)
    assert measured(log) == ALL[:4] + ALL


@pytest.mark.slow
def test_settings_side_by_side_give_the_same_record(toy, root: Path, tmp_path: Path, monkeypatch):
    alone = record_experiment(toy.experiment, root=tmp_path / "other", progress=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    record = record_experiment(toy.experiment, root=root, progress=False, jobs=2)
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert results(record.rows) == results(alone.rows)
    assert all(row["process"][0] != os.getpid() for row in record.rows)
    assert {row["process"][1] for row in record.rows} == {"1"}
    assert record.provenance.threads == 1
    assert {row["process"][0] for row in alone.rows} == {os.getpid()}


@pytest.mark.slow
def test_a_setting_whose_worker_dies_has_failed_and_the_rest_is_recorded(
    toy, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOY_STOP", "0.2-2")
    record = record_experiment(toy.experiment, root=root, progress=False, jobs=2)
    assert len(record.rows) == 5
    [failed] = record.failed
    assert failed.setting == {"x": 0.2, "seed": 2}
    assert "was killed, most often for want of memory" in failed.error


@pytest.mark.parametrize("blocked", ["results", "results/toy-powers", "_runs"])
def test_a_folder_that_cannot_be_written_is_found_out_before_measuring(
    toy, root: Path, log: Path, blocked: str
):
    obstacle = root / blocked
    obstacle.parent.mkdir(exist_ok=True)
    obstacle.write_text("a file where a folder should be")
    with pytest.raises(UsageError, match=f"cannot write .*{blocked}.*nothing was written"):
        record_experiment(toy.experiment, root=root, progress=False)
    assert measured(log) == []


def test_a_disk_that_fills_up_keeps_what_is_finished(toy, root: Path, monkeypatch):
    path_open = Path.open

    def full(self, mode="r", *arguments, **options):
        if mode == "a" and len(self.read_text().splitlines()) > 3:
            raise OSError(28, "No space left on device")
        return path_open(self, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(UsageError, match="No space left on device; the settings finished before"):
        record_experiment(toy.experiment, root=root, progress=False)
    assert len(partial(root).read_text().splitlines()) == 4
    assert not (root / "results" / "toy-powers" / "cpu.json").exists()


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True])
def test_a_number_of_jobs_that_is_none_is_refused(toy, root: Path, log: Path, jobs):
    with pytest.raises(UsageError, match=f"jobs is {jobs}, expected a whole number"):
        record_experiment(toy.experiment, root=root, jobs=jobs)
    assert measured(log) == []


def test_a_device_that_is_absent_or_not_declared_is_refused(toy, root: Path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no CUDA device"):
        record_experiment(toy.experiment, "cuda", root=root)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(
        UsageError, match="toy-powers is not declared for 'cuda', expected one of c"
    ):
        record_experiment(toy.experiment, "cuda", root=root)
    assert files(root) == ["_toc.yml"]


def test_the_declared_parameters_show_the_record(toy, root: Path, log: Path):
    record = record_experiment(toy.experiment, root=root, progress=False)
    shown = load_or_run(toy.experiment, root=root)
    same = load_or_run(toy.experiment, root=root, exponent=2, seed=range(3), shape=[3, 4])
    assert shown == same == record
    assert measured(log) == ALL


def test_other_parameters_are_measured_and_never_written(toy, root: Path, log: Path, capsys):
    record_experiment(toy.experiment, root=root, progress=False)
    before = {name: (root / name).read_bytes() for name in files(root)}
    fresh = load_or_run(toy.experiment, root=root, exponent=3, x=[0.5], seed=range(1))
    assert fresh.fresh
    assert results(fresh.rows) == [
        {
            "x": 0.5,
            "seed": 0,
            "result": 0.125,
            "curve": [0.125, 0.0625, 0.125 / 3],
            "bound": float("inf"),
        }
    ]
    assert "Measured afresh in this run" in fresh.note()
    assert {name: (root / name).read_bytes() for name in files(root)} == before
    assert measured(log) == [*ALL, "0.5-0"]
    assert capsys.readouterr().err.endswith("1 of 1 settings, 0 s\n")


def test_a_device_without_a_record_is_measured(toy, root: Path, capsys):
    record = load_or_run(toy.experiment, root=root, progress=False)
    assert record.fresh
    assert len(record.rows) == 6
    assert files(root) == ["_toc.yml"]
    assert capsys.readouterr().err == ""


def test_a_record_of_another_declaration_is_not_measured_over(toy, root: Path, log: Path):
    record_experiment(toy.experiment, root=root, progress=False)
    declaration = toy.experiment.declaration.replace(exponent=3)
    with pytest.raises(RecordError, match="constant exponent: was 2, is 3"):
        load_or_run(replace(toy.experiment, declaration=declaration), root=root)
    assert measured(log) == ALL


def test_a_record_is_shown_without_its_device_and_nothing_else_is(toy, root: Path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    record_experiment(toy.experiment, root=root, progress=False)
    folder = root / "results" / "toy-powers"
    (folder / "cpu.json").rename(folder / "cuda.json")
    assert len(load_or_run(toy.experiment, device="cuda", root=root).rows) == 6
    with pytest.raises(UsageError, match="no CUDA device"):
        load_or_run(toy.experiment, device="cuda", root=root, exponent=3)
    with pytest.raises(UsageError, match="device is 'gpu'"):
        load_or_run(toy.experiment, device="gpu", root=root, exponent=3)


def test_a_wrong_parameter_is_refused(toy, root: Path, log: Path):
    with pytest.raises(UsageError, match="no parameter 'exponents'; its parameters: exponent"):
        load_or_run(toy.experiment, root=root, exponents=3)
    assert measured(log) == []
