"""Find the records of a checkout, and say which of them are to be renewed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from nagcore.errors import RecordError, UsageError
from nagcore.evidence.codehash import code_hash
from nagcore.evidence.device import require_known
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.record import Record
from nagcore.evidence.sweep import Sweep
from nagcore.names import closest_first
from nagcore.root import find_root

State = Literal["current", "missing", "stale", "declaration changed", "unreadable"]


@dataclass(frozen=True)
class Status:
    """How the record of an experiment on a device stands.

    Args:
        name: of the experiment.
        device: "cpu" or "cuda".
        state: in a word.
        reason: in a sentence; empty for a current record of every setting.
        failed: settings of a current record that failed.
    """

    name: str
    device: str
    state: State
    reason: str = ""
    failed: int = 0


def find_experiment(name: str, experiments: Mapping[str, Experiment]) -> Experiment:
    """Return the experiment of that name.

    Raises:
        UsageError: there is none; the message lists those there are, the closest first.
    """
    if name not in experiments:
        raise UsageError(
            f"there is no experiment {name!r}; the experiments: {closest_first(name, experiments)}"
        )
    return experiments[name]


def record_path(name: str, device: str, root: Path) -> Path:
    """Return where the record of an experiment on a device lies."""
    require_known(device)
    return root / "results" / name / f"{device}.json"


def renewal(name: str, device: str) -> str:
    """Return the command that makes the record anew."""
    return f"nagcore record {name}" + ("" if device == "cpu" else f" --device {device}")


def read_record(name: str, device: str, root: Path) -> Record | None:
    """Return the record as it lies on the disk, or None where there is none.

    Raises:
        RecordError: the file cannot be read, or is not a record.
    """
    path = record_path(name, device, root)
    shown, command = path.relative_to(root), renewal(name, device)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{shown} cannot be read: {error}; renew it with: {command}") from error
    remedy = f"restore it with: git checkout -- {shown.as_posix()}; or renew it with: {command}"
    return Record.from_json(text, str(shown), remedy)


def load_record(experiment: Experiment, device: str, *, root: Path | str | None = None) -> Record:
    """Return the committed record of an experiment, marked stale if earlier code made it.

    Args:
        experiment: as it is declared now.
        device: "cpu" or "cuda"; it need not be present here.
        root: the checkout; found from the current folder if left out.

    Raises:
        RecordError: there is no record, it cannot be read, or it is one of another declaration.
    """
    base = find_root() if root is None else Path(root)
    record = load_if_recorded(experiment, device, base)
    if record is None:
        name = experiment.declaration.name
        raise RecordError(
            f"there is no record of {name} on {device}; make it with: {renewal(name, device)}"
        )
    return record


def load_if_recorded(experiment: Experiment, device: str, root: Path) -> Record | None:
    """Return the record as `load_record` does, or None where there is none."""
    name = experiment.declaration.name
    record = read_record(name, device, root)
    if record is None:
        return None
    differences = experiment.declaration.differences(record.declaration)
    if differences:
        raise RecordError(
            f"the record of {name} on {device} belongs to another declaration "
            f"({'; '.join(differences)}); renew it with: {renewal(name, device)}"
        )
    return replace(record, stale=record.is_stale(code_hash(experiment.module)))


def record_status(
    experiments: Mapping[str, Experiment], device: str, root: Path | str | None = None
) -> list[Status]:
    """Return how the record of each experiment stands that is to be recorded on a device.

    Args:
        experiments: all there are, by name.
        device: "cpu" or "cuda".
        root: the checkout; found from the current folder if left out.
    """
    require_known(device)
    base = find_root() if root is None else Path(root)
    return [
        _status(experiment, device, base)
        for experiment in experiments.values()
        if device in experiment.declaration.devices
    ]


def select(
    experiments: Mapping[str, Experiment],
    names: Iterable[str],
    device: str,
    root: Path | str | None = None,
    *,
    stale: bool = False,
    failed: bool = False,
    tier: int | None = None,
) -> list[Experiment]:
    """Return the experiments to record, the most valuable first.

    Those of tier 1 come before those of tier 2, and in a tier those without a record before
    those with a stale one; for the rest the order is that of `experiments`. Where names alone
    choose, theirs is the order.

    Args:
        experiments: all there are, by name.
        names: those the user asked for; where there are none, those without a record are meant.
        device: "cpu" or "cuda".
        root: the checkout; found from the current folder if left out.
        stale: add those whose record was made by earlier code, belongs to another declaration or
            cannot be read; with names, leave out those of them whose record is current.
        failed: add those of whose record a setting failed.
        tier: leave out those of the other tier.

    Raises:
        UsageError: a name is unknown, or there is no such tier.
    """
    if tier not in (None, 1, 2):
        raise UsageError(f"tier is {tier!r}, expected 1 or 2")
    wanted = [find_experiment(name, experiments) for name in names]
    if wanted and not stale:
        return [each for each in wanted if tier in (None, tier_of(each))]
    states = {"missing", *(("stale", "declaration changed", "unreadable") if stale else ())}
    found = [
        (experiments[status.name], status)
        for status in record_status(experiments, device, root)
        if status.state in states or (failed and status.failed)
    ]
    found.sort(key=lambda pair: (tier_of(pair[0]), pair[1].state != "missing"))
    due = [each for each, _ in found if tier in (None, tier_of(each))]
    return [each for each in due if not wanted or each in wanted]


def tier_of(experiment: Experiment) -> int:
    """Return the tier of an experiment: 1 for all that have none."""
    return experiment.tier if isinstance(experiment, Sweep) else 1


def _status(experiment: Experiment, device: str, root: Path) -> Status:
    name = experiment.declaration.name
    try:
        record = read_record(name, device, root)
    except RecordError as error:
        return Status(name, device, "unreadable", str(error))
    if record is None:
        return Status(name, device, "missing", f"make it with: {renewal(name, device)}")
    differences = experiment.declaration.differences(record.declaration)
    if differences:
        return Status(name, device, "declaration changed", "; ".join(differences))
    if record.is_stale(code_hash(experiment.module)):
        commit = record.provenance.short_commit
        reason = f"made by earlier code (commit {commit}); the code has changed since"
        return Status(name, device, "stale", reason)
    lost = len(record.failed)
    reason = f"{lost} of {experiment.declaration.size} settings failed" if lost else ""
    return Status(name, device, "current", reason, lost)
