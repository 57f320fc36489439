"""The same sweep on a Ray of two nodes, started here: the same rows, measured on both."""

from __future__ import annotations

import builtins
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nagcore.errors import MissingExtraError, UsageError
from nagcore.evidence.clock import Clock
from nagcore.evidence.on_ray import on_ray
from nagcore.evidence.partial import Measurement
from nagcore.evidence.recording import record_experiment
from nagcore.evidence.runners import KILLED
from nagcore.evidence.tasks import tasks_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray"),
    # Ray forks to start its nodes; JAX, which an earlier test may have imported, warns of it.
    pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning"),
]


def running() -> set[int]:
    """Ray's processes that belong to this test."""
    marked = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"NAGCORE_RAY_TEST={os.getpid()};".encode() in (folder / "environ").read_bytes():
                marked.add(int(folder.name))
        except OSError:
            continue
    return marked - {os.getpid()}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two nodes with a core each; nothing of them is left at the end."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAGCORE_RAY_TEST", f"{os.getpid()};")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        nodes = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        nodes.add_node(num_cpus=1)
        try:
            patch.setenv("RAY_ADDRESS", str(nodes.address))
            yield str(nodes.address)
        finally:
            ray.shutdown()
            nodes.shutdown()
    end = time.monotonic() + 60
    while running():
        assert time.monotonic() < end, f"left behind: {running()}"
        time.sleep(0.2)


@pytest.fixture
def on_nodes(sweep, cluster):
    """The sweep, whose process column tells the node."""
    sweep.edit(
        '"process": os.getpid()',
        '"process": __import__("ray").get_runtime_context().get_node_id()',
        file="powers.py",
    )
    return sweep


def test_the_rows_are_the_same_from_both_nodes_and_what_fails_there_has_failed(
    on_nodes, root: Path
):
    on_nodes.edit(
        '    log("begin"',
        '    if (setting["width"], setting["x"]) == (2, 1):\n        raise ValueError("one")\n'
        '    if (setting["width"], setting["x"]) == (2, 2):\n        os.kill(os.getpid(), 9)\n'
        '    log("begin"',
        file="powers.py",
    )
    record = record_experiment(
        on_nodes.experiment, root=root, progress=False, together=False, runner=on_ray
    )
    here = [(width, x, width * x**2) for width in (1, 2) for x in range(5)]
    there = [(row["width"], row["x"], row["square"]) for row in record.rows]
    assert there == [row for row in here if row[:2] not in ((2, 1), (2, 2))]
    assert len({row["process"] for row in record.rows}) == 2
    assert record.provenance.threads == 1
    assert record.provenance.device.startswith("CPU (")
    assert record.failed[0].error.startswith("ValueError: one (powers.py:")
    assert record.failed[1].error == KILLED
    assert not list((root / "_runs" / "recording").iterdir())


def test_batches_go_there_too(on_nodes):
    tasks = tasks_of(on_nodes.experiment, "cpu", range(5))
    outcomes = sorted(on_ray(tasks, Clock()), key=lambda each: each.index)
    assert [each.columns["square"] for each in outcomes if isinstance(each, Measurement)] == [
        x**2 for x in range(5)
    ]


def test_other_versions_there_are_refused(on_nodes, monkeypatch):
    monkeypatch.setattr(
        "nagcore.evidence.on_ray.versions",
        lambda: {"python": "3.0", "torch": "1.0", "numpy": "1.0"},
    )
    tasks = tasks_of(on_nodes.experiment, "cpu", range(1))
    with pytest.raises(UsageError, match=r"a machine of the cluster has python .*, expected 3\.0"):
        list(on_ray(tasks, Clock()))


def test_nothing_is_started_when_the_time_is_over(sweep):
    assert list(on_ray(tasks_of(sweep.experiment, "cpu", range(5)), Clock(1e-9))) == []


def test_without_ray_the_extra_is_named(sweep, monkeypatch):
    find = builtins.__import__

    def without(name, *arguments, **options):
        if name == "ray":
            raise ImportError(name)
        return find(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"several machines needs the package 'ray'"):
        list(on_ray(tasks_of(sweep.experiment, "cpu", range(1)), Clock()))
