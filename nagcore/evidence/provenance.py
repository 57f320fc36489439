"""Where, when and with what a record was made. It names no host, user or folder."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import nagcore
from nagcore.errors import UsageError
from nagcore.evidence.codehash import code_hash

COMMIT_VARIABLE = "NAGCORE_COMMIT"
_HEX = re.compile(r"[0-9a-f]{7,40}")


class Source(NamedTuple):
    """The code that a measurement was made with."""

    commit: str | None
    clean: bool | None
    code_hash: str


@dataclass(frozen=True)
class Provenance:
    """The circumstances of a measurement.

    Args:
        commit: the commit of the code, or None where neither git nor the environment knows it.
        clean: whether the tree was as committed (`results/` aside), or None where unknown.
        time: when it was finished, UTC in ISO form.
        versions: of Python, nagcore, torch, numpy, and scikit-learn where it was used.
        device: in words.
        threads: that torch used for one setting.
        seconds: spent in measuring, summed over the settings.
        code_hash: of the code that the result rests on.
    """

    commit: str | None
    clean: bool | None
    time: str
    versions: Mapping[str, str]
    device: str
    threads: int
    seconds: float
    code_hash: str

    @property
    def short_commit(self) -> str:
        """The first seven digits of the commit, or 'unknown'."""
        return self.commit[:7] if self.commit else "unknown"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> Provenance:
        """Return the provenance that `to_json` described.

        Raises:
            ValueError: a field is missing, unknown or of another type.
        """
        kinds = {
            "commit": (str, type(None)),
            "clean": (bool, type(None)),
            "time": (str,),
            "versions": (dict,),
            "device": (str,),
            "threads": (int,),
            "seconds": (float, int),
            "code_hash": (str,),
        }
        names = [field.name for field in fields(cls)]
        if not isinstance(content, dict) or set(content) != set(names):
            raise ValueError(f"provenance has exactly the fields {', '.join(names)}")
        for name, kind in kinds.items():
            if not isinstance(content[name], kind):
                raise ValueError(f"{name} in provenance is {content[name]!r}")
        datetime.fromisoformat(content["time"])
        return cls(**content)


def utc_now() -> str:
    """Return the time in UTC to the second, in ISO form."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on; scikit-learn's where it is loaded."""
    found = {
        "python": platform.python_version(),
        "nagcore": nagcore.__version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }
    if "sklearn" in sys.modules:
        found["sklearn"] = sys.modules["sklearn"].__version__
    return found


def source_of(module: str) -> Source:
    """Return what identifies the code of an experiment's module as it is now.

    Raises:
        UsageError: the module has no source file, or NAGCORE_COMMIT is not a commit.
    """
    return Source(*commit_of(), code_hash(module))


def commit_of(folder: Path | None = None) -> tuple[str | None, bool | None]:
    """Return the commit of the code and whether the tree was as committed.

    Git is asked first. Where the code is not a checkout, as on a machine that got a copy, the
    environment variable NAGCORE_COMMIT says it, in the form of
    `git describe --always --dirty --abbrev=40 --exclude='*'`.

    Args:
        folder: the top of the checkout; the folder that holds the package if left out.

    Returns:
        The commit, or None where unknown; and True, False, or None where unknown.

    Raises:
        UsageError: NAGCORE_COMMIT is not a commit.
    """
    folder = folder or Path(nagcore.__file__).resolve().parents[1]
    top = _git(folder, "rev-parse", "--show-toplevel")
    # A package installed inside another project's checkout must not borrow that one's commit.
    if top is not None and Path(top).resolve() == folder.resolve():
        commit = _git(folder, "rev-parse", "--verify", "HEAD")
        status = _git(folder, "status", "--porcelain", "--", ".", ":(exclude)results")
        if commit is not None and status is not None:
            return commit, status == ""
    return _stated_commit()


def _stated_commit() -> tuple[str | None, bool | None]:
    stated = os.environ.get(COMMIT_VARIABLE)
    if not stated:
        return None, None
    commit, dirty, _ = stated.partition("-dirty")
    if not _HEX.fullmatch(commit):
        raise UsageError(
            f"{COMMIT_VARIABLE} is {stated!r}, expected a commit of 7 to 40 hexadecimal digits, "
            "with '-dirty' behind it where the tree had changes; unset it if you do not know it"
        )
    return commit, False if dirty else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
