"""The finished settings of a recording under way, kept so that a killed run can go on."""

from __future__ import annotations

import contextlib
import os
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
        seconds: how long it took.
        versions: that the process which measured it had loaded.
    """

    index: int
    columns: Mapping[str, Any]
    seconds: float
    versions: Mapping[str, str]


class PartialRecord:
    """A file with a line for every finished setting.

    A file of another key is discarded; so is a last line that a killed process left torn.

    Args:
        path: of the file.
        key: all that decides the result; its text is compared.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, path: Path, key: Mapping[str, Any]) -> None:
        self._path = path
        head = dumps(key, sort_keys=True)
        self.finished = _read(path, head)
        lines = [head, *(_line(done) for done in self.finished.values())]
        write_whole(path, "\n".join(lines) + "\n")

    def add(self, measurement: Measurement) -> None:
        """Append a finished setting, and see it onto the disk."""
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(_line(measurement) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise UsageError(
                f"cannot write {self._path}: {error.strerror or error}; the settings finished "
                "before are kept there; make room and run the command again"
            ) from error
        self.finished[measurement.index] = measurement

    def discard(self) -> None:
        """Remove the file; the record is complete."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def _line(measurement: Measurement) -> str:
    return dumps(asdict(measurement))


def _read(path: Path, head: str) -> dict[int, Measurement]:
    try:
        first, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return {}
    finished: dict[int, Measurement] = {}
    if first != head:
        return finished
    for line in lines:
        try:
            measurement = Measurement(**loads(line))
        except (ValueError, TypeError):
            break
        finished[measurement.index] = measurement
    return finished
