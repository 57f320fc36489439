"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from nagcore.errors import UsageError


def write_whole(path: Path | str, content: str | bytes) -> Path:
    """Write `content` to `path` so that a reader sees the old file or the new one, never a part.

    The content goes to a temporary file in the same folder, is flushed to the disk and then
    renamed over `path`. Missing parent folders are made.

    Args:
        path: where to write.
        content: text (written as UTF-8) or bytes.

    Returns:
        The path written.

    Raises:
        UsageError: the folder cannot be written to, or the disk is full; nothing is left behind.

    Example:
        >>> import tempfile, pathlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> write_whole(folder / "a" / "note.txt", "whole").read_text()
        'whole'
    """
    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes files private; a result is meant to be read by others.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            raise UsageError(
                f"cannot write {path}: {error.strerror or error}; nothing was written. "
                "Expected a folder that can be written to, with free space: check its permissions, "
                "or name another folder"
            ) from error
        raise
    return path


def require_writable(folder: Path | str) -> None:
    """Raise UsageError unless a file can be written into `folder`, which is made if missing."""
    write_whole(Path(folder) / ".can-be-written", "").unlink()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
