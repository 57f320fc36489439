"""Small reruns agree with the records of chapter 09."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nagcore.evidence import load_record
from nagcore.evidence.experiments import EXPERIMENTS

ROOT = Path(__file__).parents[2]


def rerun(name, **setting):
    """Measure one recorded setting again; return the new columns and the recorded row."""
    if not (ROOT / "results" / name / "cpu.json").exists():
        pytest.skip(f"{name} is not recorded; tests/evidence/test_results.py says so")
    experiment = EXPERIMENTS[name]
    record = load_record(experiment, "cpu", root=ROOT)
    (wanted,) = [s for s in experiment.declaration.settings() if setting.items() <= s.items()]
    (row,) = [r for r in record.rows if setting.items() <= r.items()]
    return experiment.measured(wanted, "cpu"), row


def test_a_path_is_walked_again():
    now, then = rerun("optimizer-paths", valley="Rosenbrock", optimizer="nag")
    assert now["chosen"] == then["chosen"]
    np.testing.assert_allclose(now["first"], then["first"], atol=1e-3)
    assert now["gap"] == pytest.approx(then["gap"], rel=1e-3)


def test_nag_bears_the_overflow_again():
    now, then = rerun("overflow-on-first-step", optimizer="nagcore.optim.NAG", seed=3)
    for column in ("state", "moved", "distance", "share"):
        assert now[column] == then[column] == 0
    np.testing.assert_allclose(now["losses"], then["losses"], atol=0.02)


def test_full_batches_are_descended_again():
    now, then = rerun("lbfgs-batches", method="NAG, full batch", seed=0)
    assert now["passes_made"] == then["passes_made"]
    np.testing.assert_allclose(now["gap"], then["gap"], rtol=1e-6)
