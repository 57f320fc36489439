"""A small run's checkpoints, and ways to damage one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nagcore.training.checkpoints import write_checkpoint
from nagcore.training.checkpoints.manifest import MANIFEST, decode, encode
from nagcore.training.checkpoints.reading import fingerprint

STATE = {"rows": [{"loss": 0.5}], "buffer": torch.arange(6.0), "lr": 0.1}


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The checkpoint before the one that is damaged."""
    return write_checkpoint(tmp_path, 10, weights={"w": torch.ones(3)}, state=STATE, about={})


@pytest.fixture
def checkpoint(before: Path) -> Path:
    """One with all its files."""
    weights = {"w": torch.linspace(0, 1, 50), "b": torch.zeros(2)}
    resume = {name: value + 1 for name, value in weights.items()}
    about = {"configuration": {"seed": 3}}
    return write_checkpoint(
        before.parent, 20, weights=weights, resume=resume, state=STATE, about=about
    )


@pytest.fixture
def change_manifest() -> Callable[..., None]:
    """Write the manifest anew with true hashes and other entries, as a forger would."""

    def change(checkpoint: Path, **entries: Any) -> None:
        path = checkpoint / MANIFEST
        content = decode(path.read_bytes())
        del content["digest"]
        for name in content["files"]:
            content["files"][name] = fingerprint(checkpoint / name)._asdict()
        content |= json.loads(json.dumps(entries))
        path.write_bytes(encode(content))

    return change
