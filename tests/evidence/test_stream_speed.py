"""Readers are found, run and measured; what is missing is said before anything is measured."""

from __future__ import annotations

import importlib.util
import itertools
import mmap
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nagcore.errors import UsageError
from nagcore.evidence.codehash import code_files
from nagcore.evidence.experiments import stream_memory, stream_speed
from nagcore.evidence.stream_growth import growth_over_an_epoch, resident_megabytes
from nagcore.evidence.stream_peers import measure, memmap_loader, memmap_sequential, own_reader
from nagcore.evidence.stream_readers import READERS, evict, require_readers
from nagcore.training.stream import make_shards

OWN = ("nagcore", "nagcore, normalised", "memmap, not shuffled", "DataLoader on memmap")


@pytest.mark.parametrize(
    "readers", [OWN[2:3], pytest.param(OWN, marks=pytest.mark.slow)], ids=["one", "all"]
)
def test_own_readers_are_measured_in_processes_of_their_own(readers):
    setting = stream_speed.DECLARATION.settings()[0]
    setting |= {"readers": readers, "images": 3000, "rounds": 1, "seconds": 0.1}
    row = stream_speed.EXPERIMENT.measured(setting, "cpu")
    assert row["reader"] == list(readers)
    assert all(rate > 0 for rates in (*row["cold"], *row["warm"]) for rate in rates)
    assert all(version.startswith(("torch ", "numpy ")) for version in row["version"])
    assert all(784 < size < 1000 for size in row["bytes_per_image"])


def test_all_declared_readers_are_known_and_the_other_way_round():
    assert set(stream_speed.DECLARATION.constants["readers"]) == set(READERS)


@pytest.mark.parametrize("folder", [None, "", "/nowhere"])
def test_missing_peers_are_refused_with_the_remedy(monkeypatch, folder):
    monkeypatch.delenv("NAGCORE_PEERS", raising=False)
    if folder is not None:
        monkeypatch.setenv("NAGCORE_PEERS", folder)
    with pytest.raises(UsageError, match=r"NAGCORE_PEERS is .*tools/stream_peers\.sh FOLDER"):
        stream_speed.EXPERIMENT.measured(stream_speed.DECLARATION.settings()[0], "cpu")


def test_an_unknown_reader_is_refused():
    with pytest.raises(UsageError, match="no reader 'lance'; the readers: nagcore"):
        require_readers(("nagcore", "lance"))


def test_what_a_failed_reader_wrote_is_shown(tmp_path, monkeypatch):
    path = tmp_path / "litdata" / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\necho it broke >&2\nexit 3\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("NAGCORE_PEERS", str(tmp_path))
    setting = stream_speed.DECLARATION.settings()[0] | {"readers": ("litdata",), "images": 10}
    with pytest.raises(UsageError, match=r"litdata_reader failed .*status 3.*it broke"):
        stream_speed.EXPERIMENT.measured(setting, "cpu")


def test_the_code_of_every_reader_counts_as_code_of_the_record():
    covered = set(code_files("nagcore.evidence.experiments.stream_speed"))
    assert {reader.module.__name__ for reader in READERS.values()} <= covered
    assert "nagcore.training.stream.order" in covered


def test_the_script_needs_nothing_of_this_package():
    for path in Path(measure.__file__).parent.glob("*.py"):
        lines = path.read_text().splitlines()
        # an import inside a function is that of the library measured
        assert not [line for line in lines if line.startswith(("import nag", "from nag"))]


def test_the_clock_runs_over_whole_epochs_and_stops_in_time(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    batches = [(None, range(4)), (None, range(3))]
    assert measure.delivered(lambda _: batches, 100, first=0, epochs=2)[0] == 14
    images, seconds = measure.delivered(
        lambda _: itertools.repeat(batches[0]), 5, first=0, epochs=1
    )
    assert (images, seconds) == (24, 7)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((4, 28, 28)), np.zeros(4)),
        (np.zeros((3, 28, 28), np.uint8), np.zeros(4)),
        (np.zeros((4, 28, 28), np.uint8), np.zeros(3)),
    ],
)
def test_other_than_full_batches_of_bytes_are_refused(images, labels):
    with pytest.raises(ValueError, match="a mini-batch is"):
        measure.check((images, labels), 4, "uint8")


@pytest.mark.parametrize("module", [own_reader, memmap_sequential, memmap_loader])
def test_a_reader_delivers_every_image_once(tmp_path, module):
    images = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)
    labels = np.arange(70) % 10
    module.prepare(images, labels, tmp_path / "data")
    epoch = module.loader(tmp_path / "data", 16, 0)(0)
    found = [(np.asarray(i).tobytes(), int(y)) for xs, ys in epoch for i, y in zip(xs, ys)]  # noqa: B905
    assert sorted(found) == sorted(
        (image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)
    )


def test_files_are_evicted_and_unharmed(tmp_path):
    (tmp_path / "file").write_bytes(b"content" * 1000)
    evict(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"content" * 1000


@pytest.mark.slow
def test_memory_is_measured_in_new_processes():
    setting = stream_memory.DECLARATION.settings()[0] | {"gigabytes": 0.002, "rounds": 1}
    row = stream_memory.EXPERIMENT.measured(setting, "cpu")
    assert row["rows"] == 2551
    assert 0 <= row["growth"][0] < 300
    assert row["rate"][0] > 0


def test_growth_sees_memory_that_is_held(tmp_path, monkeypatch):
    folder = str(tmp_path / "shards")
    make_shards("fashion-mnist-1000", folder, rows=64, progress=False)
    sizes = itertools.chain([100.0, 140.0, 120.0], itertools.repeat(110.0))
    monkeypatch.setattr("nagcore.evidence.stream_growth.resident_megabytes", lambda: next(sizes))
    growth = growth_over_an_epoch(folder, 2, normalise=False)
    assert (growth.megabytes, growth.baseline) == (40.0, 100.0)


def test_resident_memory_grows_by_what_is_written():
    before = resident_megabytes()
    # Pages of its own: an array might be given some that an earlier test has left behind.
    with mmap.mmap(-1, 50_000_000) as fresh:
        np.frombuffer(fresh, dtype=np.uint8)[:] = 1
        assert resident_megabytes() - before == pytest.approx(50, abs=10)


def test_too_little_room_is_said_before_anything_is_written(monkeypatch):
    usage = SimpleNamespace(free=10**9)
    monkeypatch.setattr(stream_memory.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UsageError, match=r"1\.0 GB free, expected 12\.2 GB.*TMPDIR"):
        stream_memory.EXPERIMENT.measured(stream_memory.DECLARATION.settings()[-1], "cpu")


def test_the_script_that_makes_the_peers_is_sound():
    script = Path(__file__).parents[2] / "tools" / "stream_peers.sh"
    subprocess.run(["sh", "-n", script], check=True)
    text = script.read_text()
    for reader in READERS.values():
        assert not reader.environment or f"make_environment {reader.environment} " in text
    assert subprocess.run(["sh", script], capture_output=True, check=False).returncode == 2


def test_peers_are_not_imported_here():
    assert importlib.util.find_spec("litdata") is None or "litdata" not in sys.modules
