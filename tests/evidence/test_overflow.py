"""The experiment on the overflow sees a defect where there is one, and none in NAG."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from nagcore.errors import UsageError
from nagcore.evidence import overflow
from nagcore.evidence.experiments.overflow_on_first_step import DECLARATION, EXPERIMENT
from nagcore.evidence.gpu_notes import overflow_on_gpu
from nagcore.evidence.overflow import fill_and_overflow, make_scaler, train_with_overflow
from nagcore.evidence.overflow_table import (
    summarize_overflow,
    tabulate_habits,
    tabulate_overflow,
)
from nagcore.evidence.record import Record

from .made_up import MADE

SMALL = {"seed": 0, "steps": 4, "width": 2, "lr": 0.03}


class TakesGarbage(torch.optim.Optimizer):
    """Does what torch's fused SGD does, but with garbage that is always the same."""

    _step_supports_amp_scaling = True  # a scaler then leaves the skipping to the step

    def __init__(self, params, lr, garbage):
        super().__init__(params, {"lr": lr})
        self.garbage = garbage

    @torch.no_grad()
    def step(self):
        skip, scale = self.found_inf, self.grad_scale  # pyright: ignore[reportAttributeAccessIssue]
        for p in self.param_groups[0]["params"]:
            first = 0.0 if not skip else self.garbage  # a kernel that runs fills the buffer
            buffer = self.state[p].setdefault("buffer", torch.full_like(p, first))
            if not skip:
                buffer.mul_(0.9).add_(p.grad / scale)
                p.sub_(self.param_groups[0]["lr"] * (p.grad / scale + 0.9 * buffer))


@pytest.fixture
def garbage(monkeypatch):
    monkeypatch.setitem(overflow.OPTIMIZERS, "garbage", lambda p, lr: TakesGarbage(p, lr, 1234.0))
    return "garbage"


@pytest.mark.parametrize(
    "name", ["torch.optim.SGD, default", "torch.optim.Adam, fused", "nagcore.optim.NAG"]
)
def test_a_sound_optimizer_ends_in_the_bits_of_the_run_without_overflow(name):
    after = train_with_overflow(name, **SMALL)
    assert (after.state, after.moved, after.distance) == (0, 0, 0)
    assert all(map(math.isfinite, after.losses))
    assert len(after.losses) == 4
    assert after.losses[-1] != after.losses[1], "nothing was learned after the overflow"


def test_garbage_that_is_taken_for_momentum_is_seen(garbage):
    after = train_with_overflow(garbage, **SMALL)
    assert after.state == 1234
    assert after.moved == 0
    assert after.distance > 1
    filled = fill_and_overflow(garbage, number=1234.0, size=10, steps=3)
    assert filled.share == 1
    # b = 0.9·1234 + 0.125, p = 0.125 − 0.1 (0.125 + 0.9 b)
    assert filled.parameters[0] == 0.125
    assert filled.parameters[1] == pytest.approx(0.125 - 0.1 * (0.125 + 0.9 * 1110.725))


def test_fused_sgd_runs_through_the_experiment_whatever_memory_held():
    after = train_with_overflow("torch.optim.SGD, fused", **SMALL)
    assert after.moved == 0
    assert len(after.losses) == 4


def test_the_first_step_is_skipped_and_the_second_is_not():
    p = torch.ones(3, requires_grad=True)
    optimizer, scaler = torch.optim.SGD([p], 0.1), make_scaler("cpu")
    for k in range(2):
        optimizer.zero_grad()
        scaler.scale((100 if k == 0 else 1) * p.sum()).backward()
        assert bool(p.grad.isinf().all()) is (k == 0)  # pyright: ignore[reportOptionalMemberAccess]
        scaler.step(optimizer)
        scaler.update()
        assert p.tolist() == pytest.approx([1.0 if k == 0 else 0.9] * 3)
    assert scaler.get_scale() == 2.0**16


def test_an_unknown_name_is_refused():
    with pytest.raises(UsageError, match="optimizer is 'nogcore'; known: "):
        fill_and_overflow("nogcore", number=1.0, size=2, steps=2)


def test_the_experiment_measures_its_columns():
    setting = DECLARATION.settings()[0] | SMALL | {"optimizer": "nagcore.optim.NAG", "size": 10}
    row = EXPERIMENT.measured(setting, "cpu")
    assert (row["distance"], row["share"]) == (0, 0)
    # two plain steps of Nesterov's method from 0.125 on ½ p²
    y, d = 0.125, 0.0
    for _ in range(2):
        d, y = 0.9 * d - 0.1 * y, y - 0.1 * y + 0.9 * (0.9 * d - 0.1 * y)
    assert row["medians"][-1] == pytest.approx(y, rel=1e-6)


def made_up(**changes):
    """The fused SGD is ruined with even seeds; its memory holds the number with seed 0 only."""
    declaration = DECLARATION.replace(seed=(0, 1, 2), **changes)

    def row(setting):
        bad = setting["optimizer"] == "torch.optim.SGD, fused"
        ruined = bad and setting["seed"] % 2 == 0
        return {
            "state": 2e5 if bad else 0.0,
            "moved": 0.0,
            "losses": [2.0, math.nan if ruined else 1.0],
            "distance": 7.0 if bad else 0.0,
            "share": float(bad and setting["seed"] == 0),
            "medians": [0.125, -171.2 if bad else 0.1],
        }

    rows = tuple(
        {axis: s[axis] for axis in declaration.axes} | row(s) for s in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_the_table_counts_runs():
    table = tabulate_overflow(made_up())
    assert table.loc["torch.optim.SGD, fused"].tolist() == [
        "arbitrary, up to 2e+05", "0 of 3", "2 of 3", "1 of 3", "−171.2",
    ]  # fmt: skip
    assert table.loc["nagcore.optim.NAG"].tolist() == [
        "none, or 0", "3 of 3", "0 of 3", "0 of 3", "0.1",
    ]  # fmt: skip


@pytest.mark.parametrize("last", list(itertools.permutations([float("nan"), -170.8, 0.18])))
def test_the_ends_of_the_medians_do_not_hang_on_where_nan_stands(last):
    record = made_up(optimizer=("torch.optim.SGD, fused",))
    rows = [
        {**row, "medians": [0.125, value]} for row, value in zip(record.rows, last, strict=True)
    ]
    shown = tabulate_overflow(Record(record.declaration, MADE, tuple(rows)))
    assert shown.iloc[0, -1] == "−170.8 to 0.18 or NaN"


def test_medians_that_are_all_nan_are_called_so():
    record = made_up(optimizer=("torch.optim.SGD, fused",))
    rows = tuple({**row, "medians": [0.125, math.nan]} for row in record.rows)
    assert tabulate_overflow(Record(record.declaration, MADE, rows)).iloc[0, -1] == "NaN"


def test_prose_numbers_of_the_overflow():
    numbers = summarize_overflow(made_up())
    assert numbers["overflow_runs"] == "3"
    assert (numbers["overflow_ruined"], numbers["overflow_held"]) == ("2", "1")
    assert (numbers["overflow_median"], numbers["overflow_clean"]) == ("171", "0.100")
    assert numbers["overflow_equal"] == "4"
    assert summarize_overflow(made_up(optimizer=("nagcore.optim.NAG",)))["overflow_held"] == "0"


def test_habits_of_todays_torch_are_shown_as_they_are():
    """A table of what happens; where torch mends a habit, this test and the chapter change."""
    table = tabulate_habits()
    assert table[".grad after a step"].to_dict() == {
        "torch.optim.SGD, default": "2",
        "torch.optim.SGD, foreach": "3.8",
        "torch.optim.SGD, fused": "2",
        "nagcore.optim.NAG": "2",
    }
    late = table["a first gradient that comes late"].to_dict()
    assert late.pop("torch.optim.SGD, fused").startswith("TypeError: ")
    assert set(late.values()) == {"taken"}


def test_without_a_record_of_a_gpu_the_note_says_so(monkeypatch):
    monkeypatch.setattr("nagcore.evidence.gpu_notes.load_if_recorded", lambda *a: None)
    assert "has not been measured on a GPU yet" in overflow_on_gpu(EXPERIMENT)
    monkeypatch.setattr("nagcore.evidence.gpu_notes.load_if_recorded", lambda *a: made_up())
    assert "at the end of 2 of 3 runs, and its state holds the number in 1." in overflow_on_gpu(
        EXPERIMENT
    )
