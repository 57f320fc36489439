"""The list of a checkpoint's files with their hashes, itself under a hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nagcore.errors import UsageError
from nagcore.training.checkpoints.error import FlawError
from nagcore.training.checkpoints.reading import (
    Fingerprint,
    fingerprint,
    open_regular,
    require_fingerprint,
)

MANIFEST = "manifest.json"
MODEL, RESUME, STATE = "model.safetensors", "resume.safetensors", "state.pt"
FORMAT = "nagcore checkpoint"
VERSION = 1
_LARGEST = 16 * 2**20
_FIRST_LINES = re.compile(rb'\{\n  "digest": "([0-9a-f]{64})",\n')


class Manifest(NamedTuple):
    """What a checkpoint says of itself."""

    step: int
    about: dict[str, Any]
    files: dict[str, Fingerprint]


def write_manifest(folder: Path, step: int, about: Mapping[str, Any]) -> None:
    """Write the manifest of the files that lie in `folder`.

    Raises:
        UsageError: `about` cannot be written as JSON.
        OSError: the file cannot be written.
    """
    files = {path.name: fingerprint(path)._asdict() for path in sorted(folder.iterdir())}
    content = {
        "format": FORMAT,
        "version": VERSION,
        "step": step,
        "about": dict(about),
        "files": files,
    }
    (folder / MANIFEST).write_bytes(encode(content))


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a checkpoint.

    Raises:
        FlawError: it is missing, changed, or not one that this version reads.
    """
    path = folder / MANIFEST
    with open_regular(path) as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise FlawError(path, f"is longer than {_LARGEST} bytes")
    try:
        return _understood(path, decode(data))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FlawError(path, f"is not the manifest of a checkpoint ({error})") from error


def verify(folder: Path) -> Manifest:
    """Return the manifest if every file is what it was when it was written.

    Raises:
        FlawError: a file is missing or changed.
    """
    manifest = read_manifest(folder)
    for name, expected in manifest.files.items():
        require_fingerprint(folder / name, expected)
    return manifest


def encode(content: Mapping[str, Any]) -> bytes:
    """Return content as JSON whose first entry is the SHA-256 of all that follows it.

    Example:
        >>> decode(encode({"step": 3}))["step"]
        3
    """
    try:
        rest = json.dumps(content, indent=2)[2:].encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"what a checkpoint says about its run cannot be written as JSON ({error}); expected "
            "text, numbers, true, false, None, lists and dictionaries"
        ) from error
    return b'{\n  "digest": "%s",\n' % hashlib.sha256(rest).hexdigest().encode() + rest


def decode(data: bytes) -> dict[str, Any]:
    """Return the content that `encode` was given.

    Raises:
        ValueError: a byte was changed.
    """
    first = _FIRST_LINES.match(data)
    if first is None:
        raise ValueError("it does not begin with the digest")
    if hashlib.sha256(data[first.end() :]).hexdigest().encode() != first[1]:
        raise ValueError("it has other bytes than were written: its digest differs")
    return json.loads(data)


def _understood(path: Path, content: dict[str, Any]) -> Manifest:
    version = content["version"]
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']!r:.80}")
    if isinstance(version, int) and version > VERSION:
        raise FlawError(
            path,
            f"has the format version {version} of a later nagcore, and this one reads version "
            f"{VERSION}: install a newer nagcore",
        )
    step, about, files = content["step"], content["about"], content["files"]
    if version != VERSION or type(step) is not int or step < 0 or not isinstance(about, dict):
        raise ValueError("version, step or what it says about the run is out of range")
    # Names of other files would lead out of the folder.
    if not {MODEL, STATE} <= set(files) <= {MODEL, RESUME, STATE}:
        raise ValueError(f"it lists the files {sorted(files)!r:.200}")
    return Manifest(step, about, {name: Fingerprint(**entry) for name, entry in files.items()})
