"""The finished settings of a recording under way, kept so that a killed run can go on."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nagcore.errors import UsageError
from nagcore.evidence.values import dumps, loads
from nagcore.files import write_whole


@dataclass(frozen=True)
class Measurement:
    """One setting, measured.

    Args:
        index: of the setting in `declaration.settings()`.
        columns: what was measured.
        seconds: how long the call took that finished it; of settings measured together, an equal
            share.
        versions: that the process which measured it had loaded.
        device: on which it was measured, in words.
        threads: that torch used for it.
    """

    index: int
    columns: Mapping[str, Any]
    seconds: float
    versions: Mapping[str, str]
    device: str
    threads: int


@dataclass(frozen=True)
class Failure:
    """One setting that raised, or whose process was killed.

    Args:
        index: of the setting in `declaration.settings()`.
        error: type and message, in short.
        seconds: until then.
    """

    index: int
    error: str
    seconds: float


Outcome = Measurement | Failure


class PartialRecord:
    """A file with a line for every setting that is finished or has failed.

    Its name holds the device and a digest of the key, so what was measured with another device,
    code or declaration lies beside it and is not touched. The file may be copied to another
    machine with the same device and versions, and goes on there. A last line that a killed
    process left torn is dropped.

    Args:
        folder: where the file lies.
        name: of the experiment and the device, for example "cnn-1000-cuda".
        key: all that decides the result; its text is compared. Its "device" goes into the name.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, folder: Path, name: str, key: Mapping[str, Any]) -> None:
        head = dumps(key, sort_keys=True)
        device = re.sub(r"[^a-z0-9]+", "-", str(key["device"]).lower()).strip("-")
        digest = hashlib.sha256(head.encode()).hexdigest()[:8]
        self.path = folder / f"{name}-{device}-{digest}.jsonl"
        self.finished: dict[int, Measurement] = {}
        self.failed: dict[int, Failure] = {}
        for outcome in _read(self.path, head):
            self._take(outcome)
        outcomes: list[Outcome] = [*self.finished.values(), *self.failed.values()]
        write_whole(self.path, "\n".join([head, *map(_line, outcomes)]) + "\n")

    @property
    def state_folder(self) -> Path:
        """Where batches under way keep their state."""
        return self.path.with_suffix("")

    @property
    def seconds(self) -> float:
        """Spent so far in settings that are finished."""
        return sum(done.seconds for done in self.finished.values())

    def pending(self, size: int, *, retry_failed: bool = False) -> list[int]:
        """Return the indices that are still to be measured, of so many settings."""
        known = {*self.finished, *(() if retry_failed else self.failed)}
        return [index for index in range(size) if index not in known]

    def add(self, outcome: Outcome) -> None:
        """Append a setting, and see it onto the disk."""
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(_line(outcome) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise UsageError(
                f"cannot write {self.path}: {error.strerror or error}; the settings finished "
                "before are kept there; make room and run the command again"
            ) from error
        self._take(outcome)

    def discard(self) -> None:
        """Remove the file and the state of batches; the record is complete."""
        shutil.rmtree(self.state_folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _take(self, outcome: Outcome) -> None:
        self.finished.pop(outcome.index, None)
        self.failed.pop(outcome.index, None)
        if isinstance(outcome, Measurement):
            self.finished[outcome.index] = outcome
        else:
            self.failed[outcome.index] = outcome


def _line(outcome: Outcome) -> str:
    return dumps(asdict(outcome))


def _read(path: Path, head: str) -> list[Outcome]:
    try:
        first, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return []
    outcomes: list[Outcome] = []
    for line in lines if first == head else ():
        try:
            content = loads(line)
            outcomes.append(Failure(**content) if "error" in content else Measurement(**content))
        except (ValueError, TypeError):
            break
    return outcomes
