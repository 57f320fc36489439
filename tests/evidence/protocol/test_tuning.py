"""The best settings are those that a plain loop finds, and lost runs are never dropped."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nagcore.errors import UsageError
from nagcore.evidence.protocol import (
    best_settings,
    expected_best,
    lr_sensitivity,
    tuning_table,
)

LOSS: dict[str, Any] = {"search": ["lr", "momentum"], "score": "loss", "higher_is_better": False}


def made_up(generator: np.random.Generator) -> list[dict]:
    grid = itertools.product(
        ("cnn", "mlp"), ("sgd", "nag"), (0.01, 0.1, 1.0), (0.9, 0.99), (0, 1, 2)
    )
    return [
        {"task": task, "method": method, "lr": lr, "momentum": momentum, "seed": seed,
         "loss": float(generator.normal())}
        for task, method, lr, momentum, seed in grid
    ]  # fmt: skip


@pytest.mark.parametrize("higher_is_better", [False, True])
@pytest.mark.parametrize("middle", ["mean", "median"])
def test_best_setting_is_what_pandas_finds(middle, higher_is_better):
    rows = made_up(np.random.default_rng(3))
    asked = LOSS | {"higher_is_better": higher_is_better}
    best = best_settings(rows, **asked, middle=middle)
    scores = pd.DataFrame(rows).groupby(["task", "method", "lr", "momentum"])["loss"].agg(middle)
    assert list(best) == [("cnn", "sgd"), ("cnn", "nag"), ("mlp", "sgd"), ("mlp", "nag")]
    for key, found in best.items():
        of_method = scores.loc[key]
        place = of_method.idxmax() if higher_is_better else of_method.idxmin()
        assert tuple(found.setting.values()) == place
        assert found.score == pytest.approx(of_method.loc[place])
        assert found.tried == 6
        assert found.lost == 0


def test_a_frame_gives_the_same_as_its_rows():
    rows = made_up(np.random.default_rng(0))
    assert best_settings(pd.DataFrame(rows), **LOSS) == best_settings(rows, **LOSS)


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_a_lost_run_counts_as_the_worst(score):
    rows = [
        {"task": "t", "method": "nag", "lr": lr, "seed": seed, "loss": loss}
        for lr, losses in ((0.1, (0.0, 0.0, score)), (0.2, (1.0, 1.0, 1.0)))
        for seed, loss in enumerate(losses)
    ]
    asked = {"search": ["lr"], "score": "loss", "higher_is_better": False}
    assert best_settings(rows, **asked)["t", "nag"].setting == {"lr": 0.2}
    by_median = best_settings(rows, **asked, middle="median")["t", "nag"]
    assert by_median.setting == {"lr": 0.1}
    assert by_median.lost == 1


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_a_status_overrules_a_score_that_looks_well(status):
    rows = [
        {"task": "t", "method": "nag", "lr": 0.1, "seed": 0, "accuracy": 0.99, "status": status},
        {"task": "t", "method": "nag", "lr": 0.2, "seed": 0, "accuracy": 0.5, "status": "finished"},
    ]
    best = best_settings(rows, search=["lr"], score="accuracy", higher_is_better=True)
    assert best["t", "nag"].setting == {"lr": 0.2}


def test_a_method_that_always_diverges_has_a_best_setting_that_says_so():
    rows = [{"task": "t", "method": "sgd", "lr": lr, "seed": 0, "loss": math.nan} for lr in (1, 2)]
    best = best_settings(rows, search=["lr"], score="loss", higher_is_better=False)["t", "sgd"]
    assert (best.score, best.lost, best.setting) == (math.inf, 1, {"lr": 1})


def test_edge_of_the_search_space_is_told_where_more_than_one_value_was_tried():
    rows = [
        {"task": "t", "method": "nag", "lr": lr, "momentum": momentum, "form": form, "seed": 0,
         "width": 4, "loss": (lr - 0.2) ** 2 - momentum}
        for lr in (0.1, 0.2, 0.4) for momentum in (0.5, 0.9) for form in ("a", "b")
    ]  # fmt: skip
    asked = {"search": ["lr", "momentum", "form", "width"], "score": "loss"}
    best = best_settings(rows, **asked, higher_is_better=False)
    assert best["t", "nag"].at_edge == {"momentum": "greatest"}
    worst = best_settings(rows, **asked, higher_is_better=True)["t", "nag"]
    assert worst.at_edge == {"lr": "greatest", "momentum": "least"}
    assert tuning_table(best).loc[0, "at_edge"] == "momentum greatest"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 7},  # another seed than the first setting's
        {"seed": 0},  # the same seed twice
    ],
)
def test_settings_with_other_seeds_are_not_compared(change):
    rows = made_up(np.random.default_rng(0))
    rows[5] = rows[5] | change
    with pytest.raises(UsageError, match="expected each of"):
        best_settings(rows, **LOSS)


def test_a_forgotten_hyperparameter_is_noticed():
    rows = made_up(np.random.default_rng(0))
    with pytest.raises(UsageError, match="name in search, by and over every column"):
        best_settings(rows, search=["lr"], score="loss", higher_is_better=False)


def test_unknown_columns_are_named_with_the_nearest():
    rows = made_up(np.random.default_rng(0))
    with pytest.raises(UsageError, match=r"no column 'losss'; their columns: loss"):
        best_settings(rows, search=["lr"], score="losss", higher_is_better=False)
    with pytest.raises(UsageError, match="rows are empty"):
        best_settings([], **LOSS)
    with pytest.raises(UsageError, match="middle"):
        best_settings(rows, **LOSS, middle="mode")


def test_sensitivity_has_median_and_reach_of_the_seeds_at_the_best_other_settings():
    rows = [
        {"task": "t", "method": "nag", "lr": lr, "momentum": momentum, "seed": seed,
         "loss": lr + momentum + seed**2}
        for lr in (0.2, 0.1) for momentum in (0.9, 0.5) for seed in (0, 1, 2)
    ]  # fmt: skip
    rows[0]["loss"] = math.nan
    frame = lr_sensitivity(rows, search=["momentum"], score="loss", higher_is_better=False)
    assert frame["lr"].tolist() == [0.1, 0.2]
    assert frame["momentum"].tolist() == [0.5, 0.5]
    assert frame["median"].tolist() == pytest.approx([1.6, 1.7])
    assert frame["least"].tolist() == pytest.approx([0.6, 0.7])
    assert frame["greatest"].tolist() == pytest.approx([4.6, 4.7])
    assert frame["lost"].tolist() == [0, 0]


def test_expected_best_is_the_mean_over_all_choices():
    values = [0.3, 0.1, 0.7, 0.7, 0.2, 0.5]
    for m in range(1, 7):
        choices = list(itertools.combinations(values, m))
        for higher, choose in ((True, max), (False, min)):
            mean = sum(map(choose, choices)) / len(choices)
            assert expected_best(values, m, higher_is_better=higher) == pytest.approx(mean)


def test_expected_best_is_finite_as_soon_as_no_choice_is_lost():
    values = [math.nan, math.inf, 2.0, 1.0]
    assert expected_best(values, 2, higher_is_better=False) == math.inf
    assert expected_best(values, 3, higher_is_better=False) == pytest.approx((2 + 1 + 1 + 1) / 4)
    with pytest.raises(UsageError, match="from 1 to 4, the number of trials"):
        expected_best(values, 5, higher_is_better=False)
