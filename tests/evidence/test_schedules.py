"""Runs under torch's schedulers, and their tables, against independent formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nagcore.core.forms import Coefficients
from nagcore.errors import UsageError
from nagcore.evidence.drift import measure_drift
from nagcore.evidence.experiments.schedules_on_cnn import DECLARATION, EXPERIMENT
from nagcore.evidence.optimizers_table import summarize_schedules, tabulate_schedules
from nagcore.evidence.record import Record
from nagcore.evidence.schedules import SCHEDULES, follow_schedule, make_nesterov, make_scheduler
from nagcore.theory import Quadratic

from .made_up import MADE

BOWL = Quadratic((1.0, 4.0, 20.0), center=(1.0, -1.0, 2.0))
NAMES = ("torch.optim.SGD", "nagcore.optim.NAG")


def told(schedule, steps=40):
    """Return lr and momentum before each step, as torch's scheduler sets them."""
    p = torch.zeros(1, requires_grad=True)
    optimizer = make_nesterov("torch.optim.SGD", [p], lr=1 / BOWL.L, momentum=0.9)
    scheduler, found = make_scheduler(schedule, optimizer, steps=steps), []
    for _ in range(steps):
        found.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        p.grad = torch.zeros(1)
        optimizer.step()
        scheduler.step()
    return np.array(found)


def test_the_schedules_are_what_the_words_say():
    lr = {name: told(name)[:, 0] * BOWL.L for name in SCHEDULES}
    np.testing.assert_allclose(lr["constant"], 1.0)
    np.testing.assert_allclose(lr["drop"], [1.0] * 20 + [0.1] * 20)
    np.testing.assert_allclose(lr["warm-up"], [0.01] * 10 + [1.0] * 30)
    assert 0 < lr["one cycle"].argmax() < 20
    assert lr["one cycle"].max() == pytest.approx(1.0)
    assert np.ptp(told("one cycle")[:, 1]) > 0.05
    np.testing.assert_allclose(lr["warm restarts"][[0, 10, 20, 30]], 1.0)
    assert (lr["warm restarts"][[9, 19, 29, 39]] < 0.05).all()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_nag_stays_with_the_rule_and_torch_leaves_it_when_something_changes(schedule):
    runs = follow_schedule(BOWL, schedule, momentum=0.9, steps=40)
    assert runs["nagcore.optim.NAG"].distances.max() < 1e-13
    strays = runs["torch.optim.SGD"].distances.max() > 1e-6
    assert strays is np.bool_(schedule != "constant")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_distances_are_those_of_the_drift_that_chapter_03_measures(schedule):
    lr, momentum = told(schedule).T
    before = [0.9, *momentum[:-1]]
    coefficients = [Coefficients(*c) for c in zip(lr, before, momentum, strict=True)]
    runs = follow_schedule(BOWL, schedule, momentum=0.9, steps=40)
    for name in NAMES:
        expected = measure_drift(name, BOWL, coefficients)
        np.testing.assert_allclose(runs[name].distances, expected, atol=1e-14)


def test_gaps_are_taken_at_the_parameters():
    """Two steps of Nesterov's method, written out in one dimension with f = ½ (x − 1)²."""
    runs = follow_schedule(Quadratic((1.0,), center=(1.0,)), "drop", momentum=0.9, steps=2)
    y1 = 1.0 + 0.9 * 1.0
    x2 = y1 - 0.1 * (y1 - 1)
    y2 = x2 + 0.9 * (x2 - 1.0)
    expected = [(y - 1) ** 2 / 2 for y in (y1, y2)]
    np.testing.assert_allclose(runs["nagcore.optim.NAG"].gaps, expected)
    assert runs["torch.optim.SGD"].gaps[1] != pytest.approx(expected[1])


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="schedule is 'dorp'; known: drop"):
        follow_schedule(BOWL, "dorp", momentum=0.9, steps=2)
    with pytest.raises(UsageError, match="optimizer is 'NAG'; known: "):
        make_nesterov("NAG", [torch.zeros(1)], lr=0.1, momentum=0.9)


def test_the_network_learns_alike_with_a_constant_step_size():
    small = {"epochs": 1, "batch_size": 100, "lr": 0.03, "momentum": 0.9, "width": 2, "seed": 0}
    first, second = (
        EXPERIMENT.measured(small | {"schedule": "constant", "optimizer": name}, "cpu")
        for name in NAMES
    )
    assert first["loss"] == pytest.approx(second["loss"], abs=1e-5)
    assert len(first["loss"]) == 1
    assert 0 < first["accuracy"] < 1
    dropped = EXPERIMENT.measured(small | {"schedule": "warm-up", "optimizer": NAMES[1]}, "cpu")
    assert dropped["loss"] != pytest.approx(first["loss"], abs=1e-3)


def made_up(end=0.1, **changes):
    """Losses 1, ½, …; NAG's is larger by 0.3 in the second epoch and by end ± 0.01 at the end."""
    declaration = DECLARATION.replace(**({"seed": (0, 1, 2), "epochs": 3} | changes))

    def row(setting):
        more = np.array([0.0, 0.3, end + 0.01 * (setting["seed"] - 1)])
        apart = setting["optimizer"] == NAMES[1] and setting["schedule"] == "drop"
        return {"loss": (np.array([1.0, 0.5, 0.2]) + apart * more).tolist(), "accuracy": 0.5}

    rows = tuple(
        {axis: s[axis] for axis in declaration.axes} | row(s) for s in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_the_table_has_paired_differences_with_their_interval():
    """t for 2 degrees of freedom is 4.303, so the interval is 0.1 ± 4.303 · 0.01/√3."""
    table = tabulate_schedules(made_up())
    assert table.loc["drop"].tolist() == [
        "0.200", "0.300", "+0.100 (+0.075 to +0.125)", "2", "+0.300 (+0.300 to +0.300)",
    ]  # fmt: skip
    assert table.loc["constant", "NAG less torch"] == "0.000 (0.000 to 0.000)"


def test_an_end_of_an_interval_is_not_rounded_to_zero():
    """The interval is 0.025 ± 0.02484, which to three digits would begin at +0.000."""
    numbers = summarize_schedules(made_up(end=0.025))
    assert numbers["schedule_drop_end"] == "+0.0250 (+0.0002 to +0.0498)"


def test_prose_numbers_of_schedules():
    numbers = summarize_schedules(made_up())
    assert numbers["schedule_drop_end"] == "+0.100 (+0.075 to +0.125)"
    assert (numbers["schedule_drop_most"], numbers["schedule_drop_epoch"]) == ("+0.300", "2")
    assert (numbers["schedule_apart"], numbers["schedule_count"]) == ("1", "5")
    alone = summarize_schedules(made_up(seed=(0,)))
    assert alone["schedule_drop_end"] == "+0.090 (n = 1, spread unknown)"
    assert alone["schedule_apart"] == "0"
