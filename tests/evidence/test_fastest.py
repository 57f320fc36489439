"""Chapter 12: what is said of the seconds to 94 % follows from the record."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nagcore.evidence import fastest_table
from nagcore.evidence.experiments.fastest_94 import EXPERIMENT as FASTEST
from nagcore.evidence.record import Record
from nagcore.evidence.store import load_if_recorded

from .made_up import MADE

ROOT = Path(__file__).parents[2]
RACERS = ("nag", "adamw", "muon")


def fastest(accuracies=(0.941, 0.942, 0.943, 0.944, 0.939), seconds=2.0, **others):
    rows = [
        {
            "optimizer": name, "chosen_lr": 0.1, "lr_accuracies": [0.9, 0.91, 0.9],
            "epochs_tried": [6, 8], "epochs_accuracies": [[0.93, 0.94], [0.941, 0.943]],
            "chosen_epochs": 8, "chosen_by": "target",
            "accuracies": list(others.get(name, accuracies)),
            "seconds": [seconds * k] * 5, "first_seconds": 7.0, "flops": 4e12, "peak": 2000.0,
        }
        for k, name in enumerate(RACERS, 1)
    ]  # fmt: skip
    return Record(FASTEST.declaration.replace(optimizer=RACERS), MADE, tuple(rows))


def test_seconds_to_the_target_count_misses():
    record = fastest(adamw=(0.9, 0.9, 0.95, 0.95, 0.9))
    assert fastest_table.seconds_to_target(record, "nag") == 2.0
    assert fastest_table.seconds_to_target(record, "adamw") == math.inf
    table = fastest_table.tabulate_fastest(record)
    assert table.loc["AdamW", "seconds to the target"] == "∞"
    assert table.loc["Nesterov (NAG)", "seeds at the target"] == "4 of 5"
    assert table.loc["Muon", "seconds by arithmetic alone"] == "2.00"
    assert fastest_table.tabulate_search(record).loc[("Muon", 6), "mean, %"] == "93.50"


def test_the_fastest_is_said_whoever_it_is():
    said = fastest_table.say_seconds(fastest())
    assert "The fastest to 94 % is Nesterov (NAG) with 2.00 seconds in the median" in said
    assert "8 epochs, the fewest that were tried, bring it to an accuracy of 94.18 %" in said
    assert "AdamW takes 4.00 seconds; 8 epochs" in said
    assert "takes 7.00 seconds" in said
    assert "slowest" not in said
    low = (0.9,) * 5
    said = fastest_table.say_fastest(fastest(nag=low))
    assert "is AdamW with 4.00 seconds" in said
    assert said.endswith("Nesterov (NAG) does not get there.")
    none = fastest_table.say_fastest(fastest(accuracies=low))
    assert none == "No recipe reaches 94 % on the test images with half of the seeds."


def test_a_run_that_took_far_longer_is_spoken_of():
    record = fastest()
    rows = ({**record.rows[0], "seconds": [5.0, 2.0, 2.0, 2.0, 2.1]}, *record.rows[1:])
    said = fastest_table.say_fastest(replace(record, rows=rows))
    assert "The slowest of its 5 runs, the first, took 5.00 seconds." in said


def test_without_a_record_the_table_says_so(monkeypatch):
    monkeypatch.setattr(fastest_table, "load_if_recorded", lambda *a: None)
    table = fastest_table.tabulate_if_measured(FASTEST)
    assert set(table["seconds to the target"]) == {"not measured yet"}
    monkeypatch.setattr(fastest_table, "load_if_recorded", lambda *a: fastest())
    assert "seconds of a run" in fastest_table.tabulate_if_measured(FASTEST).columns


def test_the_recipe_is_shown_as_declared():
    table = fastest_table.tabulate_recipe(fastest().declaration)
    assert table.loc["Nesterov (NAG)", "options"] == "momentum 0.85"
    assert table.loc["Muon", "one CUDA graph"] == "no"
    found = fastest_table.summarize_recipe(FASTEST.declaration)
    assert found["fast_target"] == "94"
    assert found["fast_held_out"] == "5,000"


def test_what_is_said_of_the_seconds_is_in_the_record():
    record = load_if_recorded(FASTEST, "cuda", ROOT)
    if record is None:
        pytest.skip("fastest-94 is not recorded yet")
    rows = {row["optimizer"]: row for row in record.rows}
    target, tried = (record.declaration.constants[name] for name in ("target", "epochs"))
    assert all(min(row["accuracies"]) >= target for row in rows.values())
    times = {name: fastest_table.seconds_to_target(record, name) for name in rows}
    nag, adamw = rows["nag"], rows["adamw"]
    assert 2 * nag["chosen_epochs"] == adamw["chosen_epochs"]
    assert times["nag"] == pytest.approx(times["adamw"] / 2, rel=0.05)
    assert nag["chosen_epochs"] == adamw["epochs_tried"][0] == min(tried)
    assert 0 < target - np.mean(adamw["epochs_accuracies"][0]) < 0.001  # "by a hair"
    assert min(adamw["accuracies"]) > max(nag["accuracies"])
    for name, row in rows.items():
        assert fastest_table.floor_seconds(row) == pytest.approx(times[name] / 10, rel=0.1)
