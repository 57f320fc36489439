"""The checkpoints of one run, in one folder: their names and their order."""

from __future__ import annotations

import re
from pathlib import Path

from nagcore.training.checkpoints.error import FlawError
from nagcore.training.checkpoints.manifest import MANIFEST, verify

_NAME = re.compile(r"step-(\d{8,})(?:-(\d+))?")


def list_checkpoints(folder: Path | str) -> list[Path]:
    """Return the checkpoints of a folder, the latest last; none where there is no such folder.

    They are known by their names; whether they are whole is seen when they are read.

    Example:
        >>> list_checkpoints("no such folder")
        []
    """
    folder = Path(folder)
    if not folder.is_dir():
        return []
    named = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted((p for p in named if p.is_dir() and not p.is_symlink()), key=place)


def latest(folder: Path | str) -> Path | None:
    """Return the latest checkpoint of a folder, None where there is none."""
    return next(reversed(list_checkpoints(folder)), None)


def latest_whole(folder: Path | str, *, before: Path | None = None) -> Path | None:
    """Return the latest checkpoint whose files are all as they were written, None without one.

    Args:
        folder: where to look.
        before: look only at those before this one.
    """
    found = list_checkpoints(folder)
    if before is not None:
        found = [path for path in found if place(path) < place(before)]
    for path in reversed(found):
        try:
            verify(path)
        except FlawError:
            continue
        return path
    return None


def new_path(folder: Path, step: int) -> Path:
    """Return where a checkpoint of this step goes.

    A step that has one gets a second beside it, so that no whole one is ever written over.

    Example:
        >>> new_path(Path("no such folder"), 12).name
        'step-00000012'
    """
    taken = [again for path in list_checkpoints(folder) for s, again in [place(path)] if s == step]
    name = f"step-{step:08d}"
    return folder / (f"{name}-{max(taken) + 1}" if taken else name)


def place(path: Path) -> tuple[int, int]:
    """Return step and number among those of this step, (−1, 0) where the name tells neither."""
    name = _NAME.fullmatch(path.name)
    return (int(name[1]), int(name[2] or 1)) if name else (-1, 0)


def is_ours(path: Path) -> bool:
    """Return whether a folder may be removed as a checkpoint: others use such names too."""
    return (path / MANIFEST).is_file()
