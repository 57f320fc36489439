"""Numbers handed to the prose are those of the records."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nagcore.evidence import load_or_run
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.report import differences, glue_accuracies


@pytest.fixture(scope="module")
def glued():
    values = {}

    def glue(name, value, *, display):
        assert not display
        values[name] = value

    glue_accuracies(
        glue, load_or_run(EXPERIMENTS["cnn-1000"]), load_or_run(EXPERIMENTS["baselines-1000"])
    )
    return values


def test_accuracies_are_recomputed_from_the_rows(glued):
    rows = [r for r in load_or_run(EXPERIMENTS["cnn-1000"]).rows if r["optimizer"] == "nag"]
    values = 100 * np.array([row["accuracy"] for row in rows])
    assert glued["acc_nag"] == f"{values.mean():.1f} ± {values.std(ddof=1):.1f} % (n = 5)"
    fifth = np.mean([row["train_loss"][5] for row in rows])
    assert glued["early_loss_nag"] == f"{fifth:.2f}"
    assert glued["early_epoch"] == 5


def test_differences_carry_the_interval_that_scipy_gives(glued):
    rows = load_or_run(EXPERIMENTS["cnn-1000"]).rows
    accuracy = {(row["optimizer"], row["seed"]): row["accuracy"] for row in rows}
    ahead = [100 * (accuracy["nag", seed] - accuracy["sgd", seed]) for seed in range(5)]
    ends = stats.ttest_1samp(ahead, 0.0).confidence_interval(0.95)
    low, high = (f"{end:+.1f}".replace("-", "−") for end in (ends.low, ends.high))
    assert f"95 % interval {low} to {high}, n = 5" in glued["nag_minus_sgd"]


def test_baselines_are_those_of_their_record(glued):
    rows = load_or_run(EXPERIMENTS["baselines-1000"]).rows
    assert glued["acc_logistic-regression"] == f"{100 * rows[0]['accuracy']:.1f} %"


def test_differences_are_taken_between_runs_of_the_same_seed():
    frame = pd.DataFrame(
        {
            "optimizer": ["nag", "sgd", "sgd", "nag"],
            "seed": [0, 0, 1, 1],
            "accuracy": [0.8, 0.7, 0.75, 0.85],
        }
    )
    assert differences(frame, "nag", "sgd") == pytest.approx([0.1, 0.1])
