"""Write a file or a folder whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nagcore.errors import UsageError

_DAY = 24 * 3600.0
_NOT_OFFERED = (errno.EINVAL, errno.ENOTSUP)  # some file systems flush files, and no folders
_UNFINISHED = re.compile(r"\..+\.(?:writing|removing)-(?P<host>.*)-(?P<process>\d+)-\w+")
_in_use: set[str] = set()  # names of what this process is writing


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
        _make_folder(path.parent)
        prefix = _unfinished_prefix(path, "writing")
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix)
        _in_use.add(os.path.basename(temporary))
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
            raise _cannot_write(path, error) from error
        raise
    finally:
        _in_use.discard(os.path.basename(temporary or ""))
    return path


@contextlib.contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """Give an empty folder to fill, which is found at `path` after the block, whole or not at all.

    It lies beside `path`. At the end each file in it is flushed to the disk, then it is renamed.
    Missing parent folders are made. What a killed process leaves behind is removed by
    `remove_leftovers`.

    Args:
        path: where nothing is yet.

    Yields:
        The folder to fill; without folders in it.

    Raises:
        UsageError: the folder cannot be written to, the disk is full, or `path` exists; nothing
            is left behind.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "pair"
        >>> with whole_folder(path) as folder:
        ...     _ = (folder / "a").write_text("first")
        ...     print(path.exists())
        False
        >>> (path / "a").read_text()
        'first'
    """
    path = Path(path)
    unfinished: Path | None = None
    name = ""
    try:
        _make_folder(path.parent)
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "there is something of this name")
        prefix = _unfinished_prefix(path, "writing")
        unfinished = Path(tempfile.mkdtemp(dir=path.parent, prefix=prefix))
        name = unfinished.name
        _in_use.add(name)
        yield unfinished
        _flush(unfinished)
        os.rename(unfinished, path)
        unfinished = path
        _flush_names(path.parent)
    except BaseException as error:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, OSError):
            raise _cannot_write(path, error) from error
        raise
    finally:
        _in_use.discard(name)


def remove_folder(path: Path | str) -> None:
    """Remove a folder so that a reader sees the whole of it or nothing.

    Raises:
        UsageError: it cannot be removed; it is still whole.
    """
    path = Path(path)
    name = f"{_unfinished_prefix(path, 'removing')}{time.time_ns()}"
    try:
        os.rename(path, path.parent / name)
    except OSError as error:
        raise UsageError(
            f"cannot remove {path}: {error.strerror or error}. Expected a folder that can be "
            "written to: check its permissions, or remove it yourself"
        ) from error
    shutil.rmtree(path.parent / name, ignore_errors=True)


def remove_leftovers(folder: Path | str) -> list[Path]:
    """Remove what killed processes left unfinished of the functions in this file.

    A leftover is known by its name, which holds the machine and the number of the process. It is
    removed where that process is no more, or where nobody has touched it for a day.

    Args:
        folder: where they may lie.

    Returns:
        What was removed.
    """
    found = [path for path in Path(folder).glob(".*") if _is_leftover(path)]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    return found


def _is_leftover(path: Path) -> bool:
    name = _UNFINISHED.fullmatch(path.name)
    if name is None or path.is_symlink():
        return False
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > _DAY:
            return True
    if name["host"] != platform.node() or os.name != "posix":
        return False
    if int(name["process"]) == os.getpid():
        # In a container a new process often has the number of the one before.
        return path.name not in _in_use
    try:
        os.kill(int(name["process"]), 0)  # sends nothing, asks whether it is there
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _unfinished_prefix(path: Path, doing: str) -> str:
    return f".{path.name}.{doing}-{platform.node()}-{os.getpid()}-"


def _flush(folder: Path) -> None:
    """Bring the files of a folder to the disk, readable by those whom the umask allows."""
    umask = _umask()
    for path in folder.iterdir():
        with open(path, "rb") as stream:
            os.chmod(path, 0o666 & ~umask)
            os.fsync(stream.fileno())
    os.chmod(folder, 0o777 & ~umask)
    _flush_names(folder)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing, to stay."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        with contextlib.suppress(OSError):  # one may be allowed to write there, and not to read
            _flush_names(path.parent)


def _flush_names(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write {path}: {error.strerror or error}; nothing was written. "
        "Expected a folder that can be written to, with free space: check its permissions, "
        "or name another folder"
    )


def require_writable(folder: Path | str) -> None:
    """Raise UsageError unless a file can be written into `folder`, which is made if missing."""
    write_whole(Path(folder) / ".can-be-written", "").unlink()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
