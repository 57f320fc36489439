"""What an executed chapter depends on besides its own cells."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path

# No chapter imports these, so that a change in them need not execute the chapters again.
HOUSEKEEPING = ("book", "chapters.py", "cli", "__main__.py", "doctor.py")


def cache_key(root: Path) -> str:
    """Return a hash that changes whenever the outputs of the chapters may.

    It covers the package (source and shipped data, housekeeping left out), the recorded results,
    the lock and the version of Python. The chapters' own cells are hashed by jupyter-cache.

    Args:
        root: the checkout.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> before = cache_key(folder)
        >>> _ = (folder / "requirements.lock").write_text("torch==2.15.0")
        >>> cache_key(folder) == before
        False
    """
    digest = hashlib.sha256(platform.python_version().encode())
    for path in _files(root):
        digest.update(f"\n{path.relative_to(root).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def site_key(root: Path, *choices: object) -> str:
    """Return a hash that changes whenever a page of the site may.

    Args:
        root: the checkout.
        choices: what was asked for: editions, with or without PDF, the commit that pages state.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(f"{cache_key(root)} {choices!r}".encode())
    pages = [*root.glob("*.md"), *root.glob("_*.yml"), *root.glob("*.bib")]
    folders = [root / name for name in ("book", "chapters", "nagcore")]
    inside = [path for folder in folders for path in folder.rglob("*") if _is_source(path)]
    for path in sorted([*pages, *inside]):
        digest.update(f"\n{path.relative_to(root).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_source(path: Path) -> bool:
    # Sphinx compiles catalogs beside their source.
    return path.is_file() and "__pycache__" not in path.parts and path.suffix != ".mo"


def _files(root: Path) -> Iterator[Path]:
    package = root / "nagcore"
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package).parts
        if path.is_file() and inside[0] not in HOUSEKEEPING and "__pycache__" not in inside:
            yield path
    yield from sorted((root / "results").rglob("*.json"))
    if (lock := root / "requirements.lock").is_file():
        yield lock
