"""What the loop asks: go on from a checkpoint, save when it is time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nagcore.errors import UsageError
from nagcore.files import require_writable
from nagcore.training.checkpoints.folder import latest, place
from nagcore.training.checkpoints.glue import restore, save
from nagcore.training.checkpoints.policy import Checkpoints

if TYPE_CHECKING:
    from nagcore.training.run import Run

_ASK_EVERY = 16


class Keeper:
    """Saves one run as its policy says; without one it does nothing.

    Args:
        checkpoints: the policy, or None.
        run: what is saved and restored.
        about: what the loop knows of the configuration, beside `checkpoints.about`.

    Raises:
        UsageError: the folder cannot be written to, or holds checkpoints and the policy does not
            say to go on from them.
    """

    def __init__(self, checkpoints: Checkpoints | None, run: Run, about: Mapping[str, Any]) -> None:
        self.checkpoints, self.run = checkpoints, run
        self.configuration = {**(checkpoints.about if checkpoints else {}), **about}
        self._saved_step, self._saved_at = -1, time.monotonic()
        if checkpoints is not None:
            with run.processes.agreed():
                _require_usable(checkpoints, first=run.processes.is_first)

    def resumed(self) -> bool:
        """Restore the run from the latest checkpoint, if asked for; return whether there was one.

        Raises:
            UsageError: it cannot be used, or not all processes see it.
        """
        if self.checkpoints is None or not self.checkpoints.resume:
            return False
        found = latest(self.checkpoints.folder)
        self._require_same(found)
        if found is None:
            return False
        restore(self.run, found, self.configuration)
        self._saved_step = self.run.step
        return True

    def after_step(self) -> None:
        """Save the run if it is time; to be called between two steps.

        Raises:
            UsageError: it cannot be written; the message names the last checkpoint.
        """
        run = self.run
        if self.checkpoints is not None and self.checkpoints.is_due(
            step=run.step, epoch=run.epoch, batch=run.batch, seconds=self._seconds()
        ):
            self._save(self.checkpoints)

    def at_end(self) -> None:
        """Save the run unless this step is saved."""
        if self.checkpoints is not None and self._saved_step != self.run.step:
            self._save(self.checkpoints)

    def _save(self, checkpoints: Checkpoints) -> None:
        save(self.run, checkpoints, self.configuration)
        self._saved_step, self._saved_at = self.run.step, time.monotonic()

    def _seconds(self) -> float:
        """Return the seconds since the run was saved, the same in all processes."""
        run, elapsed = self.run, time.monotonic() - self._saved_at
        if run.processes.count == 1:
            return elapsed
        assert self.checkpoints is not None
        if self.checkpoints.every_seconds is None or run.step % _ASK_EVERY:
            return 0.0
        return run.processes.largest((elapsed,), run.device)[0]

    def _require_same(self, found: Path | None) -> None:
        step = -1 if found is None else place(found)[0]
        highest, lowest = self.run.processes.largest((step, -step), self.run.device)
        if highest != -lowest:
            raise UsageError(
                f"the processes see different checkpoints, of step {-lowest:.0f} and of step "
                f"{highest:.0f}; expected a folder that all machines share"
            )


def _require_usable(checkpoints: Checkpoints, *, first: bool) -> None:
    found = latest(checkpoints.folder)
    if found is not None and not checkpoints.resume:
        raise UsageError(
            f"{checkpoints.folder} holds checkpoints of a run, the latest {found.name}; go on from "
            "it with resume=True, or name another folder"
        )
    if first:
        require_writable(checkpoints.folder)
