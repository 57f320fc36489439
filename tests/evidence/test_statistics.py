"""Mean and spread against the standard library, and what lies within them."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagcore.errors import UsageError
from nagcore.evidence.statistics import Summary, agrees, confidence_interval, summarize

NUMBERS = st.floats(-1e6, 1e6)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=20))
def test_as_the_standard_library_has_it(values: list[float]):
    summary = summarize(values)
    assert summary.n == len(values)
    assert summary.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert summary.spread == pytest.approx(statistics.stdev(values), abs=1e-6)


def test_one_value_has_no_spread_and_says_so():
    summary = summarize(iter([0.83]))
    assert (summary.mean, summary.n) == (0.83, 1)
    assert math.isnan(summary.spread)
    assert summary.text("%", scale=100) == "83.0 % (n = 1, spread unknown)"


def test_text_for_prose():
    summary = Summary(0.8312, 0.0041, 5)
    assert summary.text("%", scale=100) == "83.1 ± 0.4 % (n = 5)"
    assert summary.text(digits=3) == "0.831 ± 0.004 (n = 5)"


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_run_that_diverged_is_not_hidden(bad: float):
    summary = summarize([1.0, bad, 2.0])
    assert not math.isfinite(summary.mean)
    assert math.isnan(summary.spread)
    assert summary.n == 3


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]]])
def test_no_values_are_refused(values: list):
    with pytest.raises(UsageError, match="expected one number or more"):
        summarize(values)


@settings(deadline=None)
@given(NUMBERS, st.floats(0, 1e3), st.floats(0.1, 5))
def test_the_interval_is_k_spreads_wide_on_both_sides(mean: float, spread: float, k: float):
    summary = Summary(mean, spread, 5)
    slack = 1e-6
    for sign in (-1, 1):
        assert agrees(mean + sign * max(0.0, k * spread - slack), summary, k=k)
        assert not agrees(mean + sign * (k * spread + slack), summary, k=k)


def test_a_result_that_does_not_vary_may_round_otherwise():
    summary = summarize([1.0, 1.0, 1.0])
    assert not agrees(1.001, summary)
    assert agrees(1.001, summary, at_least=0.01)
    assert not agrees(1.1, summary, at_least=0.01)
    assert not agrees(math.nan, summary, at_least=0.01)


def test_nothing_agrees_with_an_unknown_spread():
    with pytest.raises(UsageError, match="not known"):
        agrees(1.0, summarize([1.0]))
    assert agrees(1.0, summarize([1.0]), at_least=0.1)


def test_three_spreads_of_five_values_are_student_s_95_per_cent():
    scipy_stats = pytest.importorskip("scipy.stats")
    covered = 1 - 2 * scipy_stats.t.sf(3 / math.sqrt(1 + 1 / 5), df=4)
    assert covered == pytest.approx(0.95, abs=0.005)


def test_confidence_intervals_are_those_of_scipy():
    from scipy import stats

    for n in range(2, 32):
        half = stats.t.ppf(0.975, n - 1) * 2.0 / n**0.5
        interval = confidence_interval(Summary(mean=1.0, spread=2.0, n=n))
        assert interval == pytest.approx((1.0 - half, 1.0 + half), abs=1e-4)
    assert all(math.isnan(end) for end in confidence_interval(Summary(1.0, math.nan, 1)))
    with pytest.raises(UsageError, match="n is 32"):
        confidence_interval(Summary(1.0, 1.0, 32))
