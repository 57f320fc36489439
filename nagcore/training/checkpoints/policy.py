"""When a run is saved, and which checkpoints are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nagcore.errors import UsageError
from nagcore.training.checkpoints.manifest import encode
from nagcore.training.checks import require_count, require_positive


@dataclass(frozen=True)
class Checkpoints:
    """When to save a run, where, and what to keep.

    A run is saved at each moment that one of `every_steps`, `every_epochs` and `every_seconds`
    asks for, and at its end, also when a signal ends it.

    Args:
        folder: of this run alone; made if missing.
        every_steps: save after so many steps.
        every_epochs: save after so many passes over the data.
        every_seconds: save where the last time is so many seconds ago, by the clock on the wall.
        keep_last: how many of the latest checkpoints to keep.
        keep_best: name of a metric: keep the checkpoint where it was best too. An accuracy is
            better when higher, all else when lower.
        resume: go on from the latest checkpoint in `folder`; begin anew where there is none. If
            False, a folder that has checkpoints is refused.
        about: configuration of the run, as JSON knows it; on resuming it must be the same, but
            for what `nagcore.training.checkpoints.configuration.MAY_CHANGE` lists.

    Raises:
        UsageError: a value cannot be used, or nothing says when to save.

    Example:
        >>> Checkpoints("runs/first", every_epochs=2).is_due(step=80, epoch=4, batch=0, seconds=9.0)
        True
    """

    folder: Path | str
    every_steps: int | None = None
    every_epochs: int | None = 1
    every_seconds: float | None = None
    keep_last: int = 2
    keep_best: str | None = None
    resume: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_folder(self.folder)
        if self.every_steps is not None:
            require_count(self.every_steps, "Checkpoints: every_steps")
        if self.every_epochs is not None:
            require_count(self.every_epochs, "Checkpoints: every_epochs")
        if self.every_seconds is not None:
            require_positive(self.every_seconds, "Checkpoints: every_seconds")
        if not (self.every_steps or self.every_epochs or self.every_seconds):
            raise UsageError(
                "Checkpoints: nothing says when to save; give every_steps, every_epochs or "
                "every_seconds"
            )
        require_count(self.keep_last, "Checkpoints: keep_last")
        best = self.keep_best
        if best is not None and not (isinstance(best, str) and best.isidentifier()):
            raise UsageError(
                f"Checkpoints: keep_best={best!r} cannot be used; expected the name of a metric, "
                "such as eval_loss, or None"
            )
        if not isinstance(self.resume, bool):
            raise UsageError(f"Checkpoints: resume={self.resume!r}; expected True or False")
        encode(dict(self.about))

    def is_due(self, *, step: int, epoch: int, batch: int, seconds: float) -> bool:
        """Return whether to save now.

        Args:
            step: steps taken.
            epoch: complete passes over the data.
            batch: batches of the pass that is not complete; 0 at the end of one.
            seconds: since the run was saved last.
        """
        if self.every_steps and step % self.every_steps == 0:
            return True
        if self.every_epochs and batch == 0 and epoch % self.every_epochs == 0:
            return True
        return self.every_seconds is not None and seconds >= self.every_seconds


def _require_folder(folder: object) -> None:
    if not isinstance(folder, Path | str) or not str(folder).strip():
        raise UsageError(f"Checkpoints: folder={folder!r} cannot be used; expected a path")
    if Path(folder).exists() and not Path(folder).is_dir():
        raise UsageError(f"Checkpoints: folder={str(folder)!r} is a file; expected a folder")
