"""Bootstrap, paired tests and Holm's correction against SciPy and by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from nagcore.errors import UsageError
from nagcore.evidence.protocol import Interval, bootstrap_interval, holm, paired_test

_ALL = 2**18  # choices of signs; with so many allowed SciPy counts all of 18 pairs or fewer
GENERATOR = np.random.default_rng(5)
SAMPLES = [GENERATOR.normal(size=5), GENERATOR.lognormal(size=12), GENERATOR.uniform(size=40)]


@pytest.mark.parametrize("values", SAMPLES, ids=len)
@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_interval_agrees_with_scipy(values, statistic):
    ours = bootstrap_interval(values, statistic, resamples=40_000)
    theirs = stats.bootstrap(
        (values,), getattr(np, statistic), n_resamples=40_000, method="percentile", rng=1
    ).confidence_interval
    slack = 0.03 * (ours.high - ours.low)
    assert ours.low == pytest.approx(theirs.low, abs=slack)
    assert ours.high == pytest.approx(theirs.high, abs=slack)
    assert ours.estimate == pytest.approx(getattr(np, statistic)(values))
    assert ours.low <= ours.estimate <= ours.high


def test_interval_of_three_values_is_that_of_all_their_resamples():
    values = [1.0, 2.0, 4.0]
    means = sorted(np.mean(choice) for choice in itertools.product(values, repeat=3))
    found = bootstrap_interval(values, level=0.8, resamples=50_000)
    assert (found.low, found.high) == pytest.approx((means[2], means[-3]))


def test_coverage_with_few_values_is_what_the_docstring_says():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(1500, 5))
    found = [bootstrap_interval(row, resamples=400, seed=i) for i, row in enumerate(values)]
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.79 < covered < 0.88


def test_missed_targets_stay_in_the_interval():
    found = bootstrap_interval([3.0, 4.0, math.inf, 5.0, 6.0], "median")
    assert found.estimate == 5.0
    assert (found.low, found.high) == (3.0, math.inf)
    assert bootstrap_interval([math.inf] * 3, "median")[:3] == (math.inf,) * 3


def test_the_same_values_give_the_same_interval_whatever_is_drawn_at_a_time(monkeypatch):
    values = SAMPLES[1]
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)
    whole = bootstrap_interval(values, seed=3)
    monkeypatch.setattr("nagcore.evidence.protocol.bootstrap._AT_ONCE", 1000)
    assert bootstrap_interval(values, seed=3) == whole


def test_one_value_has_no_spread():
    found = bootstrap_interval([2.0])
    assert math.isnan(found.low)
    assert found.text("%") == "2.0 % (n = 1, spread unknown)"
    assert Interval(0.5, 0.25, 0.75, 9, 0.9).text(digits=2) == (
        "0.50 (90 % interval 0.25 to 0.75, n = 9)"
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"values": []},
        {"values": [1.0, math.nan]},
        {"values": [1.0], "statistic": "mode"},
        {"values": [1.0], "level": 1.0},
        {"values": [1.0], "resamples": 0},
        {"values": [1.0, 2.0], "seed": -1},
    ],
)
def test_intervals_that_cannot_be_had_are_refused(asked):
    with pytest.raises(UsageError):
        bootstrap_interval(**asked)


@pytest.mark.parametrize("n", [3, 5, 8, 11])
def test_exact_p_is_that_of_scipy(n):
    for seed in range(5):
        a, b = np.random.default_rng(seed).normal(size=(2, n))
        b = b + 0.5
        theirs = stats.permutation_test(
            (a - b,), np.mean, permutation_type="samples", n_resamples=_ALL
        )
        # SciPy doubles the smaller tail; with signs flipped the two tails are alike.
        assert paired_test(a, b).p == pytest.approx(theirs.pvalue)
        _, wilcoxon = stats.wilcoxon(a, b, method="exact")
        assert paired_test(a, b, statistic="ranks").p == pytest.approx(wilcoxon)


def test_random_signs_agree_with_all_of_them():
    a, b = np.random.default_rng(1).normal(size=(2, 18))
    b = b + 0.4
    theirs = stats.permutation_test(
        (a - b,), np.mean, permutation_type="samples", n_resamples=_ALL
    ).pvalue
    assert paired_test(a, b).p == pytest.approx(theirs, abs=4 * math.sqrt(theirs / 65536))


def test_five_pairs_cannot_reach_five_per_cent():
    test = paired_test([1, 2, 3, 4, 5], [0, 0, 0, 0, 0])
    assert test.p == test.least_p == 0.0625
    assert test.difference.estimate == 3.0
    assert paired_test([1] * 6, [0] * 6).p == 0.03125


def test_equal_methods_have_p_one_and_the_order_only_turns_the_sign():
    assert paired_test([1.0, 2.0], [1.0, 2.0]).p == 1.0
    a, b = np.random.default_rng(0).normal(size=(2, 7))
    there, back = paired_test(a, b), paired_test(b, a)
    assert there.p == back.p
    assert there.difference.estimate == pytest.approx(-back.difference.estimate)


def test_p_is_rarely_small_where_there_is_no_difference():
    generator = np.random.default_rng(4)
    found = [paired_test(*generator.normal(size=(2, 8))).p for _ in range(300)]
    assert np.mean(np.array(found) <= 0.05) < 0.1
    assert 0.4 < np.mean(found) < 0.62


def test_ranks_can_tell_what_to_make_of_a_run_that_diverged():
    a, b = [1.0, 2.0, 3.0, 4.0, math.inf, math.inf], [2.0, 3.5, 5.0, 6.5, math.inf, 9.0]
    test = paired_test(a, b, statistic="ranks")
    # Ranks of 1, 1.5, 2, 2.5, 0 and ∞ with their signs: −2, −3, −4, −5, 0, 6.
    signs = np.array(list(itertools.product((1, -1), repeat=5)))
    sums = np.abs(signs @ [2, 3, 4, 5, 6])
    assert test.p == pytest.approx(np.mean(sums >= 8))
    with pytest.raises(UsageError, match='statistic="ranks"'):
        paired_test(a, b)


@pytest.mark.parametrize(
    ("a", "b"), [([1.0], [1.0, 2.0]), ([], []), ([math.nan], [1.0]), ([[1.0]], [[1.0]])]
)
def test_pairs_that_do_not_fit_are_refused(a, b):
    with pytest.raises(UsageError):
        paired_test(a, b)


def test_holm_by_hand_and_by_its_definition():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    generator = np.random.default_rng(0)
    for _ in range(50):
        p = generator.uniform(size=6) ** 3
        level = 0.05
        rejected = set()
        for step, place in enumerate(np.argsort(p)):  # step down until one is kept
            if p[place] > level / (6 - step):
                break
            rejected.add(int(place))
        assert {i for i, value in enumerate(holm(p)) if value <= level} == rejected
        assert all(bigger >= value for bigger, value in zip(holm(p), p, strict=True))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_holm_refuses_what_is_no_p_value(p):
    with pytest.raises(UsageError, match="from 0 to 1"):
        holm([0.5, p])
