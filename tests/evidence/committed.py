"""Records of the repository, which what the chapters say is held against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.store import load_record

ROOT = Path(__file__).parents[2]


def recorded(name: str, device: str = "cpu") -> Any:
    """Return the record of an experiment, and skip the test where there is none."""
    if not (ROOT / "results" / name / f"{device}.json").exists():
        pytest.skip(f"{name} is not recorded; tests/evidence/test_results.py says so")
    return load_record(EXPERIMENTS[name], device, root=ROOT)
