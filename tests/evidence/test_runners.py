"""Processes of this machine: the same rows; one that is killed takes little with it; none stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nagcore.errors import UsageError
from nagcore.evidence import provenance
from nagcore.evidence.clock import Clock
from nagcore.evidence.partial import Failure, Measurement
from nagcore.evidence.recording import record_experiment
from nagcore.evidence.runners import in_processes, runner_for
from nagcore.evidence.tasks import Task, tasks_of

REPOSITORY = Path(provenance.__file__).parents[2]


@pytest.mark.slow
def test_batches_in_processes_give_the_same_record(sweep, root: Path, tmp_path: Path):
    here = record_experiment(sweep.experiment, root=tmp_path / "other", progress=False)
    there = record_experiment(sweep.experiment, root=root, progress=False, jobs=2)
    assert [row["square"] for row in there.rows] == [row["square"] for row in here.rows]
    assert os.getpid() not in {row["process"] for row in there.rows}
    assert there.provenance.threads == 1


@pytest.mark.slow
def test_where_every_process_is_killed_it_says_so(sweep, root: Path, monkeypatch):
    monkeypatch.setenv("TOY_KILL", "0,1,2,3,4")
    with pytest.raises(UsageError, match=r"every process that measured toy-squares .* jobs is 2"):
        record_experiment(sweep.experiment, root=root, progress=False, jobs=2, together=False)


@pytest.mark.slow
def test_a_usage_error_comes_back_from_a_process(sweep):
    sweep.edit("    refuse(setting)\n    time", "    no_data()\n    time", file="powers.py")
    sweep.edit(
        "def square(",
        "def no_data():\n    from nagcore.errors import MissingExtraError\n"
        "    raise MissingExtraError('pictures', 'data', 'looking')\n\n\ndef square(",
        file="powers.py",
    )
    tasks = tasks_of(sweep.experiment, "cpu", range(2), together=False)
    with pytest.raises(UsageError, match="looking needs the package 'pictures'"):
        list(in_processes(tasks, Clock(), jobs=2))


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def children(process: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == process:
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_one_that_started_it(sweep, root: Path, tmp_path: Path, how):
    script = (
        "import sys\n"
        f"from {sweep.name}.powers import EXPERIMENT\n"
        "from nagcore.evidence import experiments\n"
        "experiments.EXPERIMENTS = {'toy-squares': EXPERIMENT}\n"
        "from nagcore.cli import app\n"
        "if __name__ == '__main__':\n"
        "    app(['record', 'toy-squares', '--jobs', '2', '--one-by-one'])\n"
    )
    (tmp_path / "script.py").write_text(script)
    path = f"{REPOSITORY}{os.pathsep}{sweep.folder}"
    started = subprocess.Popen(
        [sys.executable, tmp_path / "script.py"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "TOY_SLEEP": "100"},
        stderr=subprocess.PIPE,
        text=True,
    )
    log = tmp_path / "log"
    wait_until(lambda: log.read_text().count("begin") == 2, 120)
    workers = children(started.pid)
    assert len(workers) >= 2
    try:
        started.send_signal(how)
        _, said = started.communicate(timeout=60)
        wait_until(lambda: not any(map(alive, workers)), 60)
    finally:
        for process in filter(alive, [started.pid, *workers]):
            os.kill(process, signal.SIGKILL)
    if how != signal.SIGKILL:
        assert started.returncode == 130
        assert said.splitlines()[-1] == "stopped"
    assert list((root / "_runs" / "recording").glob("*.jsonl"))


def wait_until(holds, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True])
def test_a_number_of_jobs_that_is_none_is_refused(jobs):
    with pytest.raises(UsageError, match=f"jobs is {jobs}, expected a whole number"):
        runner_for(jobs)


def test_nothing_to_do_is_done_at_once(sweep):
    tasks: list[Task] = []
    assert list(in_processes(tasks, Clock(), jobs=2)) == []
    over = Clock(1e-9)
    todo = tasks_of(sweep.experiment, "cpu", range(2))
    for jobs in (1, 2):
        outcomes: list[Measurement | Failure] = list(runner_for(jobs)(todo, over))
        assert outcomes == []
