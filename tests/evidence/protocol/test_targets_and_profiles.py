"""Times to targets and performance profiles, by hand and by their known properties."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from nagcore.errors import UsageError
from nagcore.evidence.protocol import (
    median_of_studies,
    performance_profile,
    time_to_target,
    times_by_method,
)

INF = math.inf


def plain_time(x, y, target, higher):
    for place, value in zip(x, y, strict=True):
        if (value >= target) if higher else (value <= target):
            return float(place)
    return INF


def test_time_to_target_is_what_a_plain_loop_finds():
    generator = np.random.default_rng(0)
    for _ in range(200):
        n = int(generator.integers(1, 8))
        x = np.cumsum(generator.uniform(0.1, 1.0, n))
        y = generator.choice([0.1, 0.2, 0.3, 0.4, math.nan], n)
        for higher in (True, False):
            found = time_to_target(x, y, 0.3, higher_is_better=higher)
            assert found == plain_time(x, y, 0.3, higher)


def test_a_target_once_reached_may_be_lost_again():
    assert time_to_target([1, 2, 3], [0.5, 0.2, 0.6], 0.3, higher_is_better=False) == 2.0


def test_a_curve_that_cannot_be_read_is_refused():
    with pytest.raises(UsageError, match="increase"):
        time_to_target([1, 3, 2], [1, 1, 1], 0, higher_is_better=True)
    with pytest.raises(UsageError, match=r"\(n,\) twice"):
        time_to_target([1, 2], [1, 1, 1], 0, higher_is_better=True)


@pytest.mark.parametrize(
    ("studies", "median"),
    [
        ([[5, 3], [4, INF], [9, 8]], 4),
        ([[5, 3], [INF, INF], [9, 8]], 8),
        ([[INF], [INF], [3]], INF),
        ([[2], [4]], 3),
        ([[2], [INF]], INF),
    ],
)
def test_median_of_studies_by_hand(studies, median):
    assert median_of_studies(studies) == median


@pytest.mark.parametrize("studies", [[], [[]], [[1.0], []], [[-1.0]], [[math.nan]]])
def test_studies_without_a_time_are_refused(studies):
    with pytest.raises(UsageError):
        median_of_studies(studies)


def test_times_by_method_takes_the_fastest_trial_and_the_median_of_studies():
    rows = [
        {"task": "cnn", "method": "nag", "study": study, "trial": trial, "steps": steps}
        for study, trials in enumerate([(5, 3), (4, None), (9, 8)])
        for trial, steps in enumerate(trials)
    ]
    rows += [
        {"task": "cnn", "method": "sgd", "study": 0, "trial": 0, "steps": 7, "status": "diverged"},
        {"task": "mlp", "method": "nag", "study": 0, "trial": 0, "steps": 2.0},
    ]
    times = times_by_method(rows, time="steps", over=("study",))
    assert times.loc["cnn"].tolist() == [4.0, INF]
    assert times.loc["mlp", "nag"] == 2.0
    assert math.isnan(times.loc["mlp", "sgd"])
    with pytest.raises(UsageError, match="each above 0"):
        performance_profile(times)


TIMES = pd.DataFrame(
    {"a": [1.0, 4.0, 9.0, INF], "b": [2.0, 2.0, 3.0, 5.0], "c": [4.0, INF, 3.0, INF]},
    index=["t1", "t2", "t3", "t4"],
)


def test_profile_by_hand():
    profile = performance_profile(TIMES)
    assert profile.ratios["a"].tolist() == [1.0, 2.0, 3.0, INF]
    assert profile.ratios["b"].tolist() == [2.0, 1.0, 1.0, 1.0]
    assert profile.ratios["c"].tolist() == [4.0, INF, 1.0, INF]
    assert profile.fraction("a", [1, 1.99, 2, 3, 100]).tolist() == [0.25, 0.25, 0.5, 0.75, 0.75]
    assert profile.fraction("b", [1, 2]).tolist() == [0.75, 1.0]
    # Areas of the staircases from 1 to 4, over 3: a (.25 + .5 + .75)/3, b (.75 + 1 + 1)/3, c .25.
    assert profile.scores().to_dict() == pytest.approx({"b": 2.75 / 3, "a": 0.5, "c": 0.25})
    assert list(profile.scores().index) == ["b", "a", "c"]


def test_score_is_the_area_that_quadrature_finds():
    generator = np.random.default_rng(1)
    for max_ratio in (1.5, 4.0, 10.0):
        times = pd.DataFrame(generator.lognormal(size=(7, 4)), columns=list("abcd"))
        times = times.mask(generator.uniform(size=times.shape) < 0.2, INF)
        profile = performance_profile(times, max_ratio)
        factors = np.linspace(1, max_ratio, 200_001)
        for name, score in profile.scores().items():
            area = np.trapezoid(profile.fraction(str(name), factors), factors) / (max_ratio - 1)
            assert score == pytest.approx(area, abs=1e-4)


def test_profiles_have_their_published_properties():
    generator = np.random.default_rng(2)
    times = pd.DataFrame(generator.lognormal(size=(9, 3)), columns=list("abc"))
    profile = performance_profile(times)
    at_one = [profile.fraction(name, [1.0])[0] for name in times]
    assert sum(at_one) >= 1 - 1e-12  # every task is won by someone
    for name in times:
        fractions = profile.fraction(name, np.linspace(1, 50, 99))
        assert np.all(np.diff(fractions) >= 0)
        assert fractions[-1] <= 1
    # A task's unit of time does not matter.
    scaled = performance_profile(times.mul(generator.lognormal(size=9), axis=0))
    assert scaled.scores().to_dict() == pytest.approx(profile.scores().to_dict())


def test_a_task_that_nobody_solves_counts_for_nobody():
    profile = performance_profile(pd.DataFrame({"a": [1.0, INF], "b": [1.0, INF]}))
    assert profile.scores().tolist() == [0.5, 0.5]
    assert profile.fraction("a", [1e9]).tolist() == [0.5]


@pytest.mark.parametrize("max_ratio", [1.0, 0.5, math.nan])
def test_r_max_is_above_one(max_ratio):
    with pytest.raises(UsageError, match="max_ratio"):
        performance_profile(TIMES, max_ratio)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_times_are_above_zero(bad):
    with pytest.raises(UsageError, match="each above 0"):
        performance_profile(pd.DataFrame({"a": [bad, 1.0]}))
