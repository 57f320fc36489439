"""What is wrong with a checkpoint, and what to do about it."""

from __future__ import annotations

from pathlib import Path

from nagcore.errors import UsageError


class CheckpointError(UsageError):
    """A checkpoint cannot be used: it is damaged, is none, or belongs to another run."""


class FlawError(Exception):
    """What is wrong with one file of a checkpoint; `read_checkpoint` adds what to do."""

    def __init__(self, file: Path, wrong: str) -> None:
        super().__init__(f"{file} {wrong}")
        self.file, self.wrong = file, wrong
