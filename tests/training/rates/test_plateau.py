"""Lowering on a plateau, against torch's ReduceLROnPlateau."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rate_runs import attached, make_optimizer, rates_of, report, walk
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nagcore.errors import UsageError
from nagcore.training.rates import RateSetter

course = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30)


def rates_by_rule(metric, values, patience):
    setter = RateSetter()
    optimizer = attached(setter)
    setter.lower_on_plateau(metric, 0.5, patience)
    seen = []
    for epoch, value in enumerate(values):
        walk(setter, optimizer, epoch, epoch + 1)
        setter.after_epoch(report(value, value, score=value))
        seen.append(rates_of(optimizer)[0])
    return [*seen, *walk(setter, optimizer, len(values), len(values) + 1)], setter


@given(course, st.integers(1, 4), st.sampled_from(["eval_loss", "eval_accuracy", "score"]))
def test_it_is_torchs_rule_with_a_patience_of_one_less(values, patience, metric):
    optimizer = make_optimizer(1.0)
    mode = "max" if metric.endswith("accuracy") else "min"
    scheduler = ReduceLROnPlateau(
        optimizer, mode, factor=0.5, patience=patience - 1, threshold=0.0, eps=0.0
    )
    expected = [1.0]
    for value in values:
        scheduler.step(value)
        expected.append(rates_of(optimizer)[0])
    assert rates_by_rule(metric, values, patience)[0] == expected


def test_the_reason_is_logged_and_not_a_number_is_no_best():
    seen, setter = rates_by_rule("train_loss", [2.0, math.nan, 3.0, 1.0], 2)
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5]
    assert [change.step for change in setter.changes] == [3]
    assert setter.changes[0].why == "train_loss did not improve on 2 in 2 reports"


def test_several_rules_act_side_by_side():
    setter = RateSetter()
    optimizer = attached(setter)
    setter.lower_on_plateau("eval_loss", 0.5, 1)
    setter.lower_on_plateau("eval_accuracy", 0.1, 2)
    assert setter.metrics == {"eval_loss", "eval_accuracy"}
    for epoch in range(3):
        walk(setter, optimizer, epoch, epoch + 1)
        setter.after_epoch(report(1.0))
    assert walk(setter, optimizer, 3, 4) == pytest.approx([0.025])


def test_rules_pause_while_a_rate_is_held():
    setter = RateSetter()
    optimizer = attached(setter)
    setter.lower_on_plateau("eval_loss", 0.5, 1)
    setter.hold(2.0)
    setter.after_epoch(report(1.0))  # the hold waits still
    for epoch in range(4):
        assert walk(setter, optimizer, epoch, epoch + 1) == [2.0]
        setter.after_epoch(report(1.0))
    setter.release()
    for _ in range(2):
        setter.after_epoch(report(1.0))
    assert walk(setter, optimizer, 4, 5) == [0.5]


def test_a_metric_that_is_not_measured_is_refused():
    setter = RateSetter()
    attached(setter)
    setter.lower_on_plateau("eval_los", 0.5, 1)
    with pytest.raises(UsageError, match="metric 'eval_los' is not measured"):
        setter.after_epoch(report(1.0))
