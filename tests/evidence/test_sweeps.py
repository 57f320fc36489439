"""A sweep is one result whatever runs it; it goes on where it was, and outlives failed trials."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nagcore.errors import UsageError
from nagcore.evidence import provenance
from nagcore.evidence.clock import Clock
from nagcore.evidence.partial import PartialRecord
from nagcore.evidence.recording import UnfinishedError, load_or_run, record_experiment
from nagcore.evidence.store import load_record, record_status, select
from nagcore.evidence.sweep import Sweep, Together
from nagcore.evidence.tasks import in_short, tasks_of

REPOSITORY = Path(provenance.__file__).parents[2]


@pytest.fixture
def log(sweep, tmp_path: Path) -> Path:
    return tmp_path / "log"


def lines(log: Path, kind: str) -> list[list[int]]:
    found = [line.split() for line in log.read_text().splitlines()]
    return [[int(word) for word in words[1:]] for words in found if words[0] == kind]


def squares(record) -> list[tuple[int, int, int]]:
    return [(row["width"], row["x"], row["square"]) for row in record.rows]


ALL = [(width, x, width * x**2) for width in (1, 2) for x in range(5)]


def test_batches_agree_in_what_is_alike_and_are_even(sweep):
    tasks = tasks_of(sweep.experiment, "cpu", range(10))
    assert [list(task.settings) for task in tasks] == [[0, 1], [2, 3, 4], [5, 6], [7, 8, 9]]
    pending = tasks_of(sweep.experiment, "cpu", [4, 2, 9])
    assert [list(task.settings) for task in pending] == [[2, 4], [9]]
    assert all(task.together for task in pending)


def test_elsewhere_and_when_told_settings_are_measured_one_by_one(sweep):
    for tasks in (
        tasks_of(sweep.experiment, "cuda", range(10)),
        tasks_of(sweep.experiment, "cpu", range(10), together=False),
    ):
        assert [list(task.settings) for task in tasks] == [[index] for index in range(10)]
        assert not any(task.together for task in tasks)


def test_together_and_one_by_one_give_the_same_rows(sweep, root: Path, tmp_path: Path, log: Path):
    batched = record_experiment(sweep.experiment, root=root, progress=False)
    assert lines(log, "one") == []
    assert len(lines(log, "step")) == 4 * 2
    alone = record_experiment(
        sweep.experiment, root=tmp_path / "other", progress=False, together=False
    )
    assert len(lines(log, "one")) == 10
    assert squares(batched) == squares(alone) == ALL
    assert load_record(sweep.experiment, "cpu", root=root) == batched


def test_a_sweep_can_be_shown_with_other_parameters(sweep, root: Path, log: Path):
    record = load_or_run(sweep.experiment, root=root, progress=False, x=(7,), width=(2,))
    assert squares(record) == [(2, 7, 98)]
    assert lines(log, "step") == [[0, 2, 7], [1, 2, 7]]


def killed_at_step(sweep, root: Path, step: int) -> None:
    script = (
        f"from {sweep.name}.powers import EXPERIMENT\n"
        "from nagcore.evidence.recording import record_experiment\n"
        f"record_experiment(EXPERIMENT, root={str(root)!r}, progress=False)\n"
    )
    path = f"{REPOSITORY}{os.pathsep}{sweep.folder}"
    environment = {**os.environ, "PYTHONPATH": path, "TOY_KILL_STEP": str(step)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_killed_batch_goes_on_in_its_middle(sweep, root: Path, tmp_path: Path, log: Path):
    killed_at_step(sweep, root, 1)
    assert lines(log, "step") == [[0, 1, 0, 1], [1, 1, 0, 1]]
    resumed = record_experiment(sweep.experiment, root=root, progress=False)
    # Step 1 of the first batch was begun and not finished; nothing else is done twice.
    steps = [(step, width, *xs) for step, width, *xs in lines(log, "step")]
    assert steps[2] == (1, 1, 0, 1)
    assert len(steps) == 4 * 2 + 1
    whole = record_experiment(sweep.experiment, root=tmp_path / "other", progress=False)
    assert squares(resumed) == squares(whole) == ALL
    assert not list((root / "_runs" / "recording").iterdir())


def test_a_setting_that_raises_has_failed_and_the_rest_goes_on(
    sweep, root: Path, monkeypatch, capsys
):
    monkeypatch.setenv("TOY_FAIL", "1,3")
    record = record_experiment(sweep.experiment, root=root, together=False)
    assert squares(record) == [row for row in ALL if row[1] not in (1, 3)]
    assert [dict(failed.setting) for failed in record.failed] == [
        {"width": width, "x": x} for width in (1, 2) for x in (1, 3)
    ]
    assert record.failed[1].error == "ValueError: x is 3 (powers.py:22)"
    assert "; 4 of 10 settings failed" in record.note()
    assert "toy-squares: failed in {'width': 2, 'x': 1}: ValueError" in capsys.readouterr().err
    loaded = load_record(sweep.experiment, "cpu", root=root)
    assert loaded == record
    [status] = record_status({"toy-squares": sweep.experiment}, "cpu", root)
    assert (status.state, status.failed) == ("current", 4)


def test_a_batch_that_raises_is_narrowed_down_to_the_setting(sweep, root: Path, monkeypatch):
    monkeypatch.setenv("TOY_FAIL", "3")
    record = record_experiment(sweep.experiment, root=root, progress=False)
    assert squares(record) == [row for row in ALL if row[1] != 3]
    assert [failed.setting["x"] for failed in record.failed] == [3, 3]
    assert not list((root / "_runs" / "recording").iterdir())


def test_a_state_that_cannot_be_read_is_begun_anew(sweep, root: Path, monkeypatch, log: Path):
    monkeypatch.setenv("TOY_SLEEP", "0.1")
    monkeypatch.setattr("nagcore.evidence.clock._LOOK_AGAIN", 0.05)
    clock = Clock(1e-9)
    monkeypatch.setattr(clock, "over", lambda: False)
    with pytest.raises(UnfinishedError):
        record_experiment(sweep.experiment, root=root, progress=False, clock=clock)
    [kept] = (root / "_runs" / "recording").rglob("step")
    kept.write_text("torn")
    monkeypatch.setenv("TOY_SLEEP", "0")
    record = record_experiment(sweep.experiment, root=root, progress=False)
    assert (squares(record), record.failed) == (ALL, ())
    assert lines(log, "step").count([0, 1, 0, 1]) == 2


def test_a_setting_that_leaves_the_gpu_unusable_has_failed_and_stops_the_recording(
    sweep, root: Path, monkeypatch, log: Path
):
    monkeypatch.setenv("TOY_FAIL", "1")
    with monkeypatch.context() as patch:
        patch.setattr("nagcore.evidence.tasks._outlives_failures", lambda device: False)
        with pytest.raises(UsageError, match="the GPU no longer answers after ValueError: x is 1"):
            record_experiment(sweep.experiment, root=root, progress=False)
    record = record_experiment(sweep.experiment, root=root, progress=False)
    assert [tuple(failed.setting.values()) for failed in record.failed] == [(1, 0), (1, 1), (2, 1)]


def test_where_all_fail_there_is_no_record_until_they_are_tried_again(
    sweep, root: Path, monkeypatch, log: Path
):
    monkeypatch.setenv("TOY_FAIL", "0,1,2,3,4")
    for _ in range(2):
        with pytest.raises(UsageError, match=r"all 10 settings .* failed, the first with ValueErr"):
            record_experiment(sweep.experiment, root=root, progress=False, together=False)
        assert len(lines(log, "begin")) == 10
    monkeypatch.delenv("TOY_FAIL")
    record = record_experiment(sweep.experiment, root=root, progress=False, retry_failed=True)
    assert squares(record) == ALL
    assert record.failed == ()


def test_what_failed_on_the_way_to_a_record_is_tried_again_alone(
    sweep, root: Path, monkeypatch, log: Path
):
    monkeypatch.setenv("TOY_FAIL", "3")
    options = {"root": root, "progress": False, "together": False}
    record_experiment(sweep.experiment, **options)
    everything = {"toy-squares": sweep.experiment}
    assert select(everything, (), "cpu", root, stale=True) == []
    assert select(everything, (), "cpu", root, failed=True) == [sweep.experiment]
    monkeypatch.delenv("TOY_FAIL")
    before = len(lines(log, "begin"))
    record = record_experiment(sweep.experiment, retry_failed=True, **options)
    assert [words[:2] for words in lines(log, "begin")[before:]] == [[3, 1], [3, 2]]
    assert squares(record) == ALL


def test_a_usage_error_of_a_setting_stops_the_recording(sweep, root: Path):
    def measure(setting, device):
        raise UsageError("the data are not here")

    broken = replace(sweep.experiment, measure=measure, together=None)
    with pytest.raises(UsageError, match="the data are not here"):
        record_experiment(broken, root=root, progress=False)


def out_of_time(after: int) -> Clock:
    """A clock that is over when it has been asked so often."""
    clock, asked = Clock(), iter(range(after))
    clock.over = lambda: next(asked, None) is None
    return clock


def test_when_the_time_is_over_nothing_new_is_started(sweep, root: Path, log: Path, capsys):
    with pytest.raises(UnfinishedError, match="toy-squares: 3 of 10 settings so far, measured in"):
        record_experiment(sweep.experiment, root=root, together=False, clock=out_of_time(3))
    assert [words[:2] for words in lines(log, "one")] == [[0, 1], [1, 1], [2, 1]]
    record = record_experiment(sweep.experiment, root=root, together=False)
    assert len(lines(log, "one")) == 10
    assert squares(record) == ALL
    assert "toy-squares: 3 of 10 settings so far" in capsys.readouterr().err


def test_a_batch_that_keeps_its_state_is_stopped_in_its_middle(
    sweep, root: Path, monkeypatch, log: Path
):
    before = signal.getsignal(signal.SIGALRM)
    monkeypatch.setenv("TOY_SLEEP", "0.3")
    monkeypatch.setattr("nagcore.evidence.clock._LOOK_AGAIN", 0.05)
    clock = Clock(1e-9)  # the time is over as soon as there is something kept
    monkeypatch.setattr(clock, "over", lambda: False)
    with pytest.raises(UnfinishedError, match="0 of 10 settings so far"):
        record_experiment(sweep.experiment, root=root, progress=False, clock=clock)
    begun = lines(log, "step")  # on a busy machine the bell may ring before the second
    assert begun in ([[0, 1, 0, 1]], [[0, 1, 0, 1], [1, 1, 0, 1]])
    assert signal.getsignal(signal.SIGALRM) == before
    monkeypatch.setenv("TOY_SLEEP", "0")
    assert squares(record_experiment(sweep.experiment, root=root, progress=False)) == ALL
    assert len(lines(log, "step")) == 4 * 2 + len(begun) - 1


@pytest.mark.parametrize("minutes", [0, -1.0, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(minutes: float):
    with pytest.raises(UsageError, match=f"within is {minutes}, expected more than 0 minutes"):
        Clock(minutes)


def test_a_part_goes_on_in_another_checkout_and_leaves_another_device_alone(
    sweep, root: Path, tmp_path: Path, log: Path, monkeypatch
):
    folder, words = root / "_runs" / "recording", "nagcore.evidence.recording.in_words"
    for device in ("GPU (A Make 1)", "GPU (A Make 2)"):
        with monkeypatch.context() as patch:
            patch.setattr(words, lambda kind, device=device: device)
            with pytest.raises(UnfinishedError):
                record_experiment(sweep.experiment, root=root, progress=False, clock=out_of_time(1))
    first, second = sorted(folder.glob("*.jsonl"))
    assert first.name.startswith("toy-squares-cpu-gpu-a-make-1-")
    other = tmp_path / "other"
    shutil.copytree(folder, other / "_runs" / "recording")
    before, kept = len(lines(log, "step")), second.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(words, lambda kind: "GPU (A Make 1)")
        record = record_experiment(sweep.experiment, root=other, progress=False)
    assert len(lines(log, "step")) == before + 3 * 2
    assert squares(record) == ALL
    assert (other / "_runs" / "recording" / second.name).read_text() == kept


def test_torn_and_foreign_lines_are_dropped(tmp_path: Path):
    key = {"device": "CPU (x)", "code": 1}
    path = PartialRecord(tmp_path, "toy-cpu", key).path
    good = '{"index": 0, "error": "ValueError", "seconds": 1.0}'
    path.write_text("\n".join([path.read_text().strip(), good, '{"index": 1, "col']))
    again = PartialRecord(tmp_path, "toy-cpu", key)
    assert (list(again.failed), again.finished) == ([0], {})
    assert again.pending(3) == [1, 2]
    assert again.pending(3, retry_failed=True) == [0, 1, 2]


def test_the_most_valuable_come_first(sweep, root: Path):
    def named(name: str, tier: int) -> Sweep:
        declaration = replace(sweep.experiment.declaration, name=name)
        return replace(sweep.experiment, declaration=declaration, tier=tier)

    sweeps = [named("b", 2), named("c", 1), named("d", 1), named("a", 1)]
    everything = {each.declaration.name: each for each in sweeps}
    record_experiment(everything["c"], root=root, progress=False)
    sweep.edit("square(setting) for", "(square(setting)) for", file="powers.py")
    sweep.edit("** 2", "* setting['x']", file="powers.py")

    def chosen(**options) -> list[str]:
        found = select(everything, (), "cpu", root, **options)
        return [each.declaration.name for each in found]

    assert chosen(stale=True) == ["d", "a", "c", "b"]
    assert chosen(stale=True, tier=1) == ["d", "a", "c"]
    assert chosen(tier=2) == ["b"]
    with pytest.raises(UsageError, match="tier is 3, expected 1 or 2"):
        chosen(tier=3)


def test_what_a_sweep_cannot_be_is_refused(sweep):
    declaration, measure = sweep.experiment.declaration, sweep.experiment.measure
    with pytest.raises(UsageError, match=r"alike holds 'depth', expected axes .*: width, x"):
        Sweep(declaration, measure, together=Together(measure, alike=("depth",)))
    with pytest.raises(UsageError, match="tier is 0"):
        Sweep(declaration, measure, tier=0)
    with pytest.raises(UsageError, match="most is 0"):
        Together(measure, most=0)
    with pytest.raises(UsageError, match=r"devices are .*'gpu'"):
        Together(measure, devices=("gpu",))


def test_a_batch_returns_a_row_for_each_setting_as_declared(sweep):
    experiment = sweep.experiment
    settings = experiment.declaration.settings()[:2]
    for rows, words in (
        ([{"square": 1, "process": 1}], "returned 1 rows, expected 2"),
        ([{"square": 1}] * 2, "missing process"),
    ):
        way = Together(lambda settings, device, keep, rows=rows: rows)
        with pytest.raises(UsageError, match=words):
            replace(experiment, together=way).measured_together(settings, "cpu", None)


def test_an_error_in_short_gives_away_no_folder():
    words = in_short(OSError("no file '/home/someone/data set/a.bin' here" + "x" * 400))
    assert words.startswith("OSError: no file '")
    assert "someone" not in words
    assert len(words) < 320


def test_a_record_with_failures_is_refused_where_they_do_not_fit(sweep, root: Path, monkeypatch):
    monkeypatch.setenv("TOY_FAIL", "3")
    record_experiment(sweep.experiment, root=root, progress=False)
    path = root / "results" / "toy-squares" / "cpu.json"
    for change in (
        lambda content: content["failed"].reverse(),
        lambda content: content["failed"].pop(),
        lambda content: content["failed"][0].update(error=None),
        lambda content: content["failed"][0].pop("error"),
        lambda content: content["failed"][0]["setting"].update(x=9),
        lambda content: content.update(failed={}),
    ):
        content = json.loads(path.read_text())
        change(content)
        text, before = json.dumps(content), path.read_text()
        path.write_text(text)
        with pytest.raises(UsageError, match=r"cpu\.json is not a record"):
            load_record(sweep.experiment, "cpu", root=root)
        path.write_text(before)
