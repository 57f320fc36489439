"""A checkpoint on the disk: written whole or not at all, checked before anything is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from nagcore.errors import UsageError
from nagcore.files import remove_leftovers, whole_folder
from nagcore.training.checkpoints.error import CheckpointError, FlawError
from nagcore.training.checkpoints.folder import latest, latest_whole, new_path, place
from nagcore.training.checkpoints.manifest import (
    MANIFEST,
    MODEL,
    RESUME,
    STATE,
    encode,
    verify,
    write_manifest,
)
from nagcore.training.checkpoints.state import plain, read_state, write_state
from nagcore.training.checkpoints.tensors import read_tensors, write_tensors
from nagcore.training.checks import require_count


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What was read from a checkpoint; tensors are on the CPU."""

    step: int
    weights: dict[str, Tensor]
    """for use: of a method with an iterate, at the iterate"""
    resume: dict[str, Tensor] | None
    """for going on, where the optimizer keeps them; None where these are the same"""
    state: dict[str, Any]
    """all else that the run needs to go on"""
    about: dict[str, Any]
    """configuration, versions, metrics"""


def write_checkpoint(
    folder: Path | str,
    step: int,
    *,
    weights: Mapping[str, Tensor],
    resume: Mapping[str, Tensor] | None = None,
    state: Mapping[str, Any],
    about: Mapping[str, Any],
) -> Path:
    """Write a checkpoint into `folder`, so that it is there whole or not at all.

    It is a folder of its own with the weights as `model.safetensors`, which any library reads,
    the weights for going on as `resume.safetensors`, the state as `state.pt` and a manifest with
    size and hash of each. All are flushed to the disk before the folder gets its name. What killed
    writers left in `folder` is removed first.

    Args:
        folder: of the run; made if missing.
        step: steps taken so far; it gives the checkpoint its name.
        weights: tensors by name; tied ones are stored once.
        resume: likewise, where training goes on from other values.
        state: containers, numbers, text and tensors.
        about: what is known of the run, as JSON knows it.

    Returns:
        Where the checkpoint lies.

    Raises:
        UsageError: something cannot be kept in a checkpoint, or the disk is full or cannot be
            written to; then the message names the last checkpoint that is whole.

    Example:
        >>> import tempfile, torch
        >>> path = write_checkpoint(tempfile.mkdtemp(), 7, weights={"w": torch.ones(2)},
        ...     state={"step": 7}, about={})
        >>> path.name, read_checkpoint(path).weights
        ('step-00000007', {'w': tensor([1., 1.])})
    """
    folder = Path(folder)
    require_count(step + 1, "step + 1")
    kept = plain(dict(state))
    encode(about)  # refused before anything is written
    remove_leftovers(folder)
    path = new_path(folder, step)
    try:
        with whole_folder(path) as unfinished:
            write_tensors(unfinished / MODEL, weights)
            if resume is not None:
                write_tensors(unfinished / RESUME, resume)
            write_state(unfinished / STATE, kept)
            write_manifest(unfinished, step, about)
    except UsageError as error:
        if isinstance(error.__cause__, OSError):
            raise UsageError(f"{error}. {_what_is_left(folder)}") from error
        raise
    return path


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Return what a checkpoint holds, if all of it is as it was written.

    Size and hash of every file are compared with the manifest before one of them is parsed. They
    find damage; they do not prove who wrote the files. Nothing in a file can be run, whoever wrote
    it: weights are read by safetensors, the state by torch with `weights_only`.

    Args:
        path: of one checkpoint, such as `latest(folder)`.

    Raises:
        CheckpointError: a file is missing, cut, changed or not what it should be; the message
            names it and says what to go on from.
    """
    path = Path(path)
    try:
        manifest = verify(path)
        return Checkpoint(
            manifest.step,
            read_tensors(path / MODEL),
            read_tensors(path / RESUME) if RESUME in manifest.files else None,
            read_state(path / STATE),
            manifest.about,
        )
    except FlawError as flaw:
        raise CheckpointError(f"{flaw}. {_what_to_do(path)}") from flaw


def _what_to_do(path: Path) -> str:
    inside = latest(path)
    if inside is not None:
        return f"The folder holds checkpoints; name one of them, such as {inside}"
    if not path.is_dir() or (place(path)[0] < 0 and not (path / MANIFEST).exists()):
        return f"Expected the folder of a checkpoint, with {MODEL}, {STATE} and {MANIFEST}"
    before = latest_whole(path.parent, before=path)
    if before is not None:
        return f"Remove it to go on from the checkpoint before it, {before}, which is whole"
    return f"There is no whole checkpoint before it in {path.parent}: begin the run anew"


def _what_is_left(folder: Path) -> str:
    whole = latest_whole(folder)
    if whole is None:
        return "There is no earlier checkpoint"
    return f"The last checkpoint, {whole}, is whole"
