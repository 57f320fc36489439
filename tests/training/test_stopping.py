"""Each stopping condition on histories written by hand."""

from __future__ import annotations

import math

import pytest

from nagcore.errors import UsageError
from nagcore.training.budget import require_stopping
from nagcore.training.condition import Progress
from nagcore.training.history import Row
from nagcore.training.stopping import (
    Diverged,
    Epochs,
    Examples,
    Patience,
    Signal,
    Steps,
    Target,
    WallTime,
)


def progress(accuracies=(), losses=(), *, step=0, seconds=0.0, **more) -> Progress:
    """One row for each value; what is not given is 0.5, or 2.0 for the training loss."""
    count = max(len(accuracies), len(losses), 1)
    accuracies = (*accuracies, *[0.5] * (count - len(accuracies)))
    losses = (*losses, *[2.0] * (count - len(losses)))
    rows = [
        Row(n, 10 * n, loss, loss, accuracy, float(n))
        for n, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True))
    ]
    return Progress(rows, step, seconds, **{"epochs": count - 1, **more})


ACCURACY = "eval_accuracy"


@pytest.mark.parametrize(
    ("condition", "goes_on", "stops", "status"),
    [
        (Epochs(2), progress([0.1] * 2), progress([0.1] * 3), "budget"),
        (Steps(7), progress(step=6), progress(step=7), "budget"),
        (Examples(70), progress(examples=69), progress(examples=71), "budget"),
        (WallTime(1.5), progress(seconds=1.4), progress(seconds=1.5), "budget"),
        (Target(ACCURACY, at_least=0.8), progress([0.79]), progress([0.1, 0.8]), "target"),
        (Target("train_loss", at_most=0.3), progress((), [0.31]), progress((), [0.3]), "target"),
        (Target(ACCURACY, at_least=0.8), progress([0.9, 0.7]), progress([0.8]), "target"),
        (Patience(ACCURACY, 2), progress([0.1, 0.5, 0.4]), progress([0.5, 0.5, 0.4]), "patience"),
        (Patience("eval_loss", 1), progress((), [3, 2]), progress((), [2, 2]), "patience"),
        (Diverged(), progress((), [2, 20]), progress((), [2, 20.1]), "diverged"),
        (Diverged(math.inf), progress((), [2, 1e30]), progress((), [2, math.nan]), "diverged"),
        (Diverged(math.inf), progress((), [2, 2]), progress((), [2, math.inf]), "diverged"),
    ],
)
def test_when_each_condition_stops(condition, goes_on, stops, status):
    assert condition.verdict(goes_on) is None
    verdict = condition.verdict(stops)
    assert verdict is not None
    assert verdict.status == status
    assert any(character.isdigit() for character in verdict.message) or "nan" in verdict.message


def test_missing_evaluation_reaches_no_target():
    assert Target(ACCURACY, at_least=0.0).verdict(progress([math.nan])) is None
    assert Target("eval_loss", at_most=9.0).verdict(progress((), [math.nan])) is None


def test_either_stops_with_the_first_that_does():
    either = Target(ACCURACY, at_least=0.8) | Steps(5)
    assert either.verdict(progress([0.1], step=4)) is None
    assert either.verdict(progress([0.9], step=4)).status == "target"  # pyright: ignore
    assert either.verdict(progress([0.1], step=5)).status == "budget"  # pyright: ignore


def test_both_stop_when_they_agree():
    both = Target(ACCURACY, at_least=0.8) & Steps(5)
    assert both.verdict(progress([0.9], step=4)) is None
    assert both.verdict(progress([0.1], step=5)) is None
    verdict = both.verdict(progress([0.9], step=5))
    assert verdict is not None
    assert verdict.status == "target and budget"
    assert "0.9" in verdict.message
    assert "5 steps" in verdict.message


def test_conditions_are_values():
    assert Epochs(3) | Steps(4) == Epochs(3) | Steps(4)
    assert Epochs(3) | Steps(4) != Epochs(3) & Steps(4)


def test_what_bounds_a_run():
    target = Target(ACCURACY, at_least=1.0)
    bounded = (Epochs(1), Steps(1), Examples(1), WallTime(1))
    assert all(condition.stops_every_run() for condition in bounded)
    assert not any(c.stops_every_run() for c in (target, Diverged(), Signal()))
    assert (target | Steps(1)).stops_every_run()
    assert not (target & Steps(1)).stops_every_run()
    assert ((Epochs(3) | Steps(100)) & Steps(25)).max_steps(10, 64) == 30
    assert WallTime(1).max_steps(10, 64) == math.inf
    joined = Patience("eval_loss", 1) & (target | Epochs(1))
    assert joined.metrics() == {"eval_loss", ACCURACY}
    assert joined.parts() == (Patience("eval_loss", 1), target, Epochs(1))


def test_examples_bound_the_steps_where_the_last_batch_is_small():
    # 10 examples in batches of 4: 4, 4, 2, 4, 4, 2, …
    taken, seen = 0, 0
    while seen < 19:
        seen += (4, 4, 2)[taken % 3]
        taken += 1
    assert taken <= Examples(19).max_steps(3, 4)


def test_a_signal_stops_by_name():
    assert Signal().verdict(progress()) is None
    verdict = Signal().verdict(progress(signal="SIGTERM", step=4))
    assert verdict == ("signal", "SIGTERM came after step 4")


@pytest.mark.parametrize(
    ("until", "evaluates", "says"),
    [
        (Target("train_loss", at_most=0.1), True, "may never stop"),
        (Patience(ACCURACY, 3) | Epochs(9), False, "eval_accuracy, and there are no evaluation"),
        (20, True, "20 is not a stopping condition"),
        (Target("accuracy", at_least=0.5) | Epochs(1), True, "'accuracy'.*one of eval_accuracy"),
        (Patience("loss", 3) | Epochs(1), True, "'loss', which is not measured"),
    ],
)
def test_conditions_that_cannot_work_are_refused(until, evaluates, says):
    with pytest.raises(UsageError, match=says):
        require_stopping(until, evaluates=evaluates)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Epochs(0), "Epochs: count=0"),
        (lambda: Epochs(2.5), "Epochs: count=2.5"),  # pyright: ignore
        (lambda: Steps(-1), "Steps: count=-1"),
        (lambda: WallTime(0), "WallTime: seconds=0"),
        (lambda: WallTime(math.inf), "seconds=inf"),
        (lambda: WallTime(math.nan), "seconds=nan"),
        (lambda: Target("top 3", at_least=0.5), "metric='top 3'"),
        (lambda: Target(ACCURACY), "exactly one"),
        (lambda: Target(ACCURACY, at_least=0.1, at_most=0.2), "exactly one"),
        (lambda: Target(ACCURACY, at_least=math.nan), "nan"),
        (lambda: Target(ACCURACY, at_least="0.8"), "'0.8'"),  # pyright: ignore
        (lambda: Patience(3, 3), "metric=3"),  # pyright: ignore
        (lambda: Examples(0), "Examples: count=0"),
        (lambda: Patience(ACCURACY, 0), "epochs=0"),
        (lambda: Diverged(1.0), "factor=1.0"),
        (lambda: Epochs(1) | 5, "5 is not a stopping condition"),  # pyright: ignore
        (lambda: Epochs(1) & "x", "'x' is not a stopping condition"),  # pyright: ignore
    ],
)
def test_bad_values_are_named(make, says):
    with pytest.raises(UsageError, match=says):
        make()
