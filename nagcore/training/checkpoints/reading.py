"""Open the files of a checkpoint without being led elsewhere."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nagcore.training.checkpoints.error import FlawError

_PIECE = 2**20


class Fingerprint(NamedTuple):
    """What tells whether a file is still what was written."""

    size: int
    """bytes"""
    sha256: str
    """64 hexadecimal digits"""


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading if it is one: no link to another, no folder, no pipe.

    Raises:
        FlawError: it is missing, something else, or cannot be read.
    """
    # A pipe would keep us waiting for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    if path.is_symlink():
        raise FlawError(path, "is a link to another place, expected a file")
    try:
        with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FlawError(path, "is not a file")
            yield file
    except FileNotFoundError as error:
        raise FlawError(path, "is missing") from error
    except OSError as error:
        raise FlawError(path, f"cannot be read ({error.strerror or error})") from error


def fingerprint(path: Path) -> Fingerprint:
    """Return size and hash of a file.

    Raises:
        FlawError: it cannot be read.
    """
    hasher, size = hashlib.sha256(), 0
    with open_regular(path) as file:
        while piece := file.read(_PIECE):
            hasher.update(piece)
            size += len(piece)
    return Fingerprint(size, hasher.hexdigest())


def require_fingerprint(path: Path, expected: Fingerprint) -> None:
    """Raise FlawError unless a file is what it was when it was written."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
    if size != expected.size:  # seen without reading all of a large file
        raise FlawError(path, f"has {size} bytes, expected {expected.size}: it was cut or changed")
    if fingerprint(path) != expected:
        raise FlawError(path, "has other bytes than were written: its SHA-256 differs")
