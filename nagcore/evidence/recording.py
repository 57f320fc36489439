"""Measure an experiment: to show it, or to write its record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nagcore.errors import UsageError
from nagcore.evidence.assembly import all_failed, assemble
from nagcore.evidence.clock import Clock
from nagcore.evidence.device import in_words, require_available, require_known
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.partial import Failure, Measurement, Outcome, PartialRecord
from nagcore.evidence.progress import track
from nagcore.evidence.provenance import Source, source_of, versions
from nagcore.evidence.record import Record
from nagcore.evidence.runners import Runner, in_process, runner_for
from nagcore.evidence.store import load_if_recorded, read_record, record_path, renewal
from nagcore.evidence.tasks import tasks_of
from nagcore.files import require_writable, write_whole
from nagcore.root import find_root


class UnfinishedError(Exception):
    """The time was over before every setting was measured; what is finished is kept.

    Args:
        name: of the experiment.
        known: settings finished or failed so far.
        size: settings in all.
        seconds: of measuring so far.
        left: seconds of measuring to go, estimated.
    """

    def __init__(self, name: str, known: int, size: int, seconds: float, left: float) -> None:
        super().__init__(_so_far(name, known, size, seconds, left))


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
    changed = replace(experiment, declaration=declaration)
    source = source_of(experiment.module)
    tasks = tasks_of(changed, device, range(declaration.size))
    outcomes = in_process(tasks, Clock())
    if progress:
        outcomes = track(outcomes, declaration.size, declaration.name)
    return assemble(changed, source, list(outcomes), fresh=True)


def record_experiment(
    experiment: Experiment,
    device: str = "cpu",
    *,
    root: Path | str | None = None,
    progress: bool = True,
    jobs: int = 1,
    runner: Runner | None = None,
    together: bool = True,
    retry_failed: bool = False,
    clock: Clock | None = None,
) -> Record:
    """Measure every setting and write `results/NAME/DEVICE.json` whole.

    Finished settings are kept under `_runs/recording/`, so a run that was stopped goes on where it
    was, here or on another machine that the file is copied to, as long as declaration, code,
    device and versions are the same. A setting that raises has failed; the rest goes on, and the
    record holds its error.

    Args:
        experiment: what to measure.
        device: "cpu" or "cuda".
        root: the checkout; found from the current folder if left out.
        progress: whether to show on standard error how far it is.
        jobs: how many settings to measure at a time, each in a process of one thread. Leave it at
            1 where time itself is measured.
        runner: another way to run them, such as `nagcore.evidence.on_ray.on_ray`.
        together: False measures one by one what could be measured in batches.
        retry_failed: measure once more what failed in an earlier run, also where it has led to a
            record.
        clock: when to start nothing new; without end if left out.

    Raises:
        UsageError: the device is not available or not declared, or the results cannot be written;
            all this is found out before anything is measured. Or every setting failed.
        UnfinishedError: the clock ran out.
    """
    base = find_root() if root is None else Path(root)
    declaration = experiment.declaration
    run = runner or runner_for(jobs)
    _require_recordable(experiment, device)
    path = record_path(declaration.name, device, base)
    require_writable(path.parent)
    source = source_of(experiment.module)
    partial = _partial(experiment, device, source, base)
    if retry_failed:
        _begin_with_record(partial, experiment, device, source, base)
    pending = partial.pending(declaration.size, retry_failed=retry_failed)
    tasks = tasks_of(experiment, device, pending, together=together, state=partial.state_folder)
    outcomes = run(tasks, clock or Clock())
    if progress:
        outcomes = _shown(outcomes, experiment, partial, len(pending))
    for outcome in outcomes:
        partial.add(outcome)
    _require_finished(partial, declaration.name, declaration.size)
    known = [*partial.finished.values(), *partial.failed.values()]
    record = assemble(experiment, source, known)
    write_whole(path, record.to_json())
    partial.discard()
    return record


def _partial(experiment: Experiment, device: str, source: Source, root: Path) -> PartialRecord:
    key = {
        "declaration": experiment.declaration.to_json(),
        "code_hash": source.code_hash,
        "device": in_words(device),
        "versions": _versions(),
    }
    name = f"{experiment.declaration.name}-{device}"
    return PartialRecord(root / "_runs" / "recording", name, key)


def _versions() -> dict[str, str]:
    return {name: text for name, text in versions().items() if name != "sklearn"}


def _begin_with_record(
    partial: PartialRecord, experiment: Experiment, device: str, source: Source, root: Path
) -> None:
    """Take over the rows of a record in which settings failed, if it was made the same way."""
    declaration = experiment.declaration
    record = read_record(declaration.name, device, root)
    if record is None or not record.failed or partial.finished or partial.failed:
        return
    made, here = record.provenance, _versions()
    if (
        made.device != in_words(device)
        or {name: made.versions.get(name) for name in here} != here
        or record.is_stale(source.code_hash)
        or declaration.differences(record.declaration)
    ):
        return
    share = made.seconds / max(len(record.rows), 1)
    for index, row in record.rows_by_index().items():
        columns = {column: row[column] for column in declaration.columns}
        partial.add(Measurement(index, columns, share, made.versions, made.device, made.threads))


def _shown(
    outcomes: Iterator[Outcome], experiment: Experiment, partial: PartialRecord, pending: int
) -> Iterator[Outcome]:
    name, size = experiment.declaration.name, experiment.declaration.size
    known = size - pending
    if known:
        left = _seconds_left(partial, size)
        sys.stderr.write(f"{_so_far(name, known, size, partial.seconds, left)}\n")
    settings = experiment.declaration.settings()
    for outcome in track(outcomes, size, name, done=known):
        if isinstance(outcome, Failure):
            axes = {axis: settings[outcome.index][axis] for axis in experiment.declaration.axes}
            sys.stderr.write(f"{name}: failed in {axes}: {outcome.error}\n")
        yield outcome


def _so_far(name: str, known: int, size: int, seconds: float, left: float) -> str:
    text = f"{name}: {known} of {size} settings so far, measured in {seconds:.0f} s"
    return f"{text}; about {left:.0f} s to go" if known else text


def _seconds_left(partial: PartialRecord, size: int) -> float:
    """Estimate by the mean of what is finished."""
    mean = partial.seconds / max(len(partial.finished), 1)
    return mean * (size - len(partial.finished) - len(partial.failed))


def _require_finished(partial: PartialRecord, name: str, size: int) -> None:
    known = len(partial.finished) + len(partial.failed)
    if known < size:
        left = _seconds_left(partial, size)
        raise UnfinishedError(name, known, size, partial.seconds, left)
    if not partial.finished:
        raise all_failed(name, list(partial.failed.values()))


def _require_recordable(experiment: Experiment, device: str) -> None:
    name, devices = experiment.declaration.name, experiment.declaration.devices
    require_available(device)
    if device not in devices:
        raise UsageError(
            f"{name} is not declared for {device!r}, expected one of {', '.join(devices)}: "
            f"{renewal(name, devices[0])}"
        )
