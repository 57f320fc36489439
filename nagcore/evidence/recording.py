"""Measure an experiment: to show it, or to write its record."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import torch

from nagcore.errors import UsageError
from nagcore.evidence.device import in_words, require_available, require_known
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.partial import Measurement, PartialRecord
from nagcore.evidence.progress import track
from nagcore.evidence.provenance import Provenance, Source, source_of, utc_now, versions
from nagcore.evidence.record import Record
from nagcore.evidence.store import load_if_recorded, record_path, renewal
from nagcore.files import require_writable, write_whole
from nagcore.root import find_root


def load_or_run(
    experiment: Experiment,
    /,
    *,
    device: str = "cpu",
    progress: bool = True,
    root: Path | str | None = None,
    **overrides: Any,
) -> Record:
    """Show the record with the declared parameters; measure afresh with others. Never write.

    It is measured afresh, too, where the device has no record yet.

    Args:
        experiment: what to show.
        device: "cpu" or "cuda". A record is shown also where the device is not present.
        progress: whether to show on standard error how far a measurement is.
        root: the checkout; found from the current folder if left out.
        **overrides: constants and axes by name. Those equal to the declared ones count as left
            out.

    Raises:
        RecordError: the record cannot be read, or belongs to another declaration.
        UsageError: a parameter is unknown or of another type, or the device is not available.
    """
    require_known(device)
    declaration = experiment.declaration.replace(**overrides)
    if declaration == experiment.declaration:
        base = find_root() if root is None else Path(root)
        record = load_if_recorded(experiment, device, base)
        if record is not None:
            return record
    require_available(device)
    changed = Experiment(declaration, experiment.measure, experiment.module)
    source = source_of(experiment.module)
    done = measurements(changed, device, range(declaration.size))
    if progress:
        done = track(done, declaration.size, declaration.name)
    return _assemble(changed, device, source, list(done), fresh=True)


def record_experiment(
    experiment: Experiment,
    device: str = "cpu",
    *,
    root: Path | str | None = None,
    progress: bool = True,
    jobs: int = 1,
) -> Record:
    """Measure every setting and write `results/NAME/DEVICE.json` whole.

    Finished settings are kept under `_runs/recording/`, so a run that was stopped goes on where it
    was, as long as declaration, code, device and versions are the same.

    Args:
        experiment: what to measure.
        device: "cpu" or "cuda".
        root: the checkout; found from the current folder if left out.
        progress: whether to show on standard error how far it is.
        jobs: how many settings to measure at a time, each in a process of one thread. Leave it at
            1 where time itself is measured.

    Raises:
        UsageError: the device is not available or not declared, or the results cannot be written;
            all this is found out before anything is measured.
    """
    base = find_root() if root is None else Path(root)
    declaration = experiment.declaration
    _require_recordable(experiment, device, jobs)
    path = record_path(declaration.name, device, base)
    require_writable(path.parent)
    source = source_of(experiment.module)
    partial = _partial(experiment, device, source, base)
    pending = [index for index in range(declaration.size) if index not in partial.finished]
    done = measurements(experiment, device, pending, jobs=jobs)
    if progress:
        done = track(done, declaration.size, declaration.name, done=len(partial.finished))
    for measurement in done:
        partial.add(measurement)
    finished = [partial.finished[index] for index in range(declaration.size)]
    record = _assemble(experiment, device, source, finished, jobs=jobs)
    write_whole(path, record.to_json())
    partial.discard()
    return record


def measurements(
    experiment: Experiment, device: str, indices: Iterable[int], *, jobs: int = 1
) -> Iterator[Measurement]:
    """Yield the measured settings with the given indices, as they are finished."""
    settings = experiment.declaration.settings()
    tasks = [(experiment, device, index, settings[index]) for index in indices]
    if jobs == 1:
        for task in tasks:
            yield _measure(*task)
        return
    # Spawn, because a forked process inherits torch's threads and a CUDA context half alive.
    context = multiprocessing.get_context("spawn")
    with _one_thread_each():
        pool = ProcessPoolExecutor(min(jobs, len(tasks) or 1), mp_context=context)
        try:
            for future in as_completed([pool.submit(_measure, *task) for task in tasks]):
                yield future.result()
        except BrokenProcessPool as error:
            raise UsageError(
                f"a process that measured {experiment.declaration.name} was killed, most often for "
                f"want of memory; jobs is {jobs}: run again with fewer, the finished settings are "
                "kept"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _partial(experiment: Experiment, device: str, source: Source, root: Path) -> PartialRecord:
    key = {
        "declaration": experiment.declaration.to_json(),
        "code_hash": source.code_hash,
        "device": in_words(device),
        "versions": {name: text for name, text in versions().items() if name != "sklearn"},
    }
    name = f"{experiment.declaration.name}-{device}.jsonl"
    return PartialRecord(root / "_runs" / "recording" / name, key)


def _measure(experiment: Experiment, device: str, index: int, setting: dict) -> Measurement:
    start = time.perf_counter()
    columns = experiment.measured(setting, device)
    return Measurement(index, columns, time.perf_counter() - start, versions())


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started meanwhile use one thread each: jobs share the cores."""
    name = "OMP_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _assemble(
    experiment: Experiment,
    device: str,
    source: Source,
    finished: list[Measurement],
    *,
    jobs: int = 1,
    fresh: bool = False,
) -> Record:
    declaration = experiment.declaration
    loaded = versions()
    for measurement in finished:
        loaded.update(measurement.versions)
    provenance = Provenance(
        **source._asdict(),
        time=utc_now(),
        versions=loaded,
        device=in_words(device),
        threads=1 if jobs > 1 else torch.get_num_threads(),
        seconds=round(sum(measurement.seconds for measurement in finished), 3),
    )
    settings = declaration.settings()
    rows = tuple(
        {axis: settings[done.index][axis] for axis in declaration.axes} | dict(done.columns)
        for done in finished
    )
    return Record(declaration, provenance, rows, fresh=fresh)


def _require_recordable(experiment: Experiment, device: str, jobs: int) -> None:
    name, devices = experiment.declaration.name, experiment.declaration.devices
    require_available(device)
    if device not in devices:
        raise UsageError(
            f"{name} is not declared for {device!r}, expected one of {', '.join(devices)}: "
            f"{renewal(name, devices[0])}"
        )
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UsageError(f"jobs is {jobs!r}, expected a whole number, 1 or larger")
