"""Keep the state of copies in a folder, so that a killed call can be made again."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import torch

from nagcore.errors import UsageError
from nagcore.files import write_whole

FILE = "copies.pt"


class Keep:
    """Writes a state into a folder every few seconds, and reads it back.

    Args:
        folder: where to; None to keep nothing.
        every: seconds between two writes.
        about: what the call was made with; another call cannot go on from the state.
    """

    def __init__(self, folder: Path | str | None, every: float, about: dict[str, Any]) -> None:
        self.path = None if folder is None else Path(folder) / FILE
        self.every, self.about = every, about
        self._last = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """Return the state that was kept, None if there is none.

        Raises:
            UsageError: it belongs to another call, or cannot be read.
        """
        if self.path is None or not self.path.is_file():
            return None
        try:
            found = torch.load(self.path, map_location="cpu", weights_only=True)
            about, state = found["about"], found["state"]
        except Exception as error:
            raise UsageError(f"{self.path} cannot be read ({error}); remove it") from error
        other = [name for name in self.about if about.get(name) != self.about[name]]
        if other:
            raise UsageError(
                f"{self.path} was kept by a call with other {', '.join(other)}; give another "
                "folder, or remove this one"
            )
        return state

    @property
    def is_due(self) -> bool:
        """Whether it is time to write."""
        return self.path is not None and time.monotonic() - self._last >= self.every

    def write(self, state: dict[str, Any]) -> None:
        """Write a state in the place of the one before."""
        assert self.path is not None
        stream = io.BytesIO()
        torch.save({"about": self.about, "state": state}, stream)
        write_whole(self.path, stream.getvalue())
        self._last = time.monotonic()

    def remove(self) -> None:
        """Remove what was kept, and the folder if nothing else is in it."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            folder = self.path.parent
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
