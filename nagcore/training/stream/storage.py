"""The folder of a data set, on a disk or wherever fsspec reaches."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nagcore.errors import MissingExtraError, UsageError
from nagcore.files import write_whole

_PURPOSE = "a data set of shards"


def require_parquet() -> Any:
    """Return the module `pyarrow.parquet`.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "stream", _PURPOSE) from error
    return pyarrow.parquet


class HashingFile:
    """A file to write that knows the SHA-256 of what was written so far."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Write bytes."""
        self._hash.update(data)
        self._file.write(data)
        self.bytes += memoryview(data).nbytes
        return memoryview(data).nbytes

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self.bytes

    def flush(self) -> None:
        """Leave it to the file below."""

    def close(self) -> None:
        """Say that no more comes; the file below stays open."""
        self.closed = True

    def sha256(self) -> str:
        """Return the hash so far, 64 hexadecimal digits."""
        return self._hash.hexdigest()


@dataclass(frozen=True)
class Folder:
    """Files under one path or URL.

    Args:
        url: as the user wrote it.
        path: in the terms of the file system.
        filesystem: of fsspec.
        local: whether the files are on a disk of this machine.
    """

    url: str
    path: str
    filesystem: Any
    local: bool

    def file(self, name: str) -> str:
        """Return the path of a file."""
        return f"{self.path.rstrip('/')}/{name}"

    def size(self, name: str) -> int | None:
        """Return the bytes of a file, or None where it is missing."""
        try:
            if self.local:
                return Path(self.file(name)).stat().st_size
            return int(self.filesystem.info(self.file(name))["size"])
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return self.filesystem.cat_file(self.file(name))

    @contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        """Open a file for pyarrow to read."""
        if self.local:
            import pyarrow

            # not through Python, and not mapped: mapped pages would count as our memory
            with pyarrow.OSFile(self.file(name)) as file:
                yield file
        else:
            # Whole columns are asked for, and a cache would fetch more than that.
            with self.filesystem.open(self.file(name), "rb", cache_type="none") as file:
                yield file

    @contextmanager
    def writing(self, name: str) -> Iterator[HashingFile]:
        """Write a file that has its name only when it is whole.

        On a disk it has another name until then; an object store shows nothing before the end.
        """
        if not self.local:
            with self.filesystem.open(self.file(name), "wb") as file:
                yield HashingFile(file)
            return
        path = Path(self.file(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{name}.part")
        try:
            with temporary.open("wb") as file:
                yield HashingFile(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise

    def write_whole(self, name: str, content: str) -> None:
        """Write a small file at once."""
        if self.local:
            write_whole(self.file(name), content)
        else:
            self.filesystem.pipe_file(self.file(name), content.encode())

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(OSError):
            self.filesystem.rm_file(self.file(name))


def open_folder(folder: Path | str) -> Folder:
    """Return a folder by its path, or by a URL such as `s3://bucket/images`.

    Raises:
        UsageError: the URL's protocol is unknown, or its package is not installed.
        MissingExtraError: fsspec is not installed.
    """
    try:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem
    except ImportError as error:
        raise MissingExtraError("fsspec", "stream", _PURPOSE) from error
    url = os.fspath(folder)
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise UsageError(
            f"folder={url!r} cannot be opened: {error}; expected a path, or a URL that fsspec "
            "knows, such as s3://bucket/images (which needs the package s3fs)"
        ) from error
    return Folder(url, path, filesystem, isinstance(filesystem, LocalFileSystem))
