"""Nesterov's method beside heavy ball on made-up records: order, the trap, scales of weights."""

from __future__ import annotations

import math
import re

import pytest

from nagcore.evidence.autoencoder_best import best_by_scale
from nagcore.evidence.autoencoder_methods import CEILINGS
from nagcore.evidence.autoencoder_order import (
    compare_records,
    count_pairs,
    judge_published_order,
    judge_same_ceiling,
    order_in_short,
    tabulate_order,
)
from nagcore.evidence.autoencoder_scale_verdicts import cost_of_twice, judge_scales
from nagcore.evidence.autoencoder_trap import caught, judge_trap, plateau
from nagcore.evidence.experiments.autoencoder_scales import SMALL as SCALES_SMALL
from nagcore.evidence.experiments.autoencoders import EXPERIMENT, SMALL
from nagcore.evidence.published_2013 import SCALES
from nagcore.evidence.store import load_if_recorded
from nagcore.root import find_root

from .autoencoder_records import EVEN, PUBLISHED, made_up, made_up_scales, with_nag


@pytest.mark.parametrize(
    ("errors", "noise", "verdict"),
    [
        (with_nag((0.5, 0.5, 0.5, 0.5)), 0.01, "Nesterov's method ends lower at every ceiling. "),
        (
            with_nag((0.5, 2.0, 0.5, 0.5)),
            0.01,
            "Nesterov's method ends lower at 0.9, 0.995 and 0.999; heavy ball ends lower at 0.99. ",
        ),
        (
            with_nag((0.5, 1.0, 1.0, 1.0)),
            0.2,
            "ends lower at 0.9; the seeds do not tell the two apart at 0.99, 0.995 and 0.999. ",
        ),
        (EVEN, 0.2, "The seeds tell the two apart at no ceiling. "),
    ],
)
def test_the_same_ceiling(errors, noise, verdict):
    said = judge_same_ceiling(made_up(errors, noise=noise), "curves")
    assert verdict in said
    if noise == 0.01:
        assert "0.9: 2.0" in said or "0.9: 1.9" in said


def test_the_published_order_is_that_of_the_table_not_nesterovs_everywhere():
    same = judge_published_order(made_up(PUBLISHED), "curves")
    assert "ends lower at 0.99, 0.995 and 0.999, heavy ball at 0.9. Where these differ" in same
    assert "our means have the published order at every ceiling, and intervals" in same
    pairs = re.search(r"Of the (\d+) pairs .* apart, (\d+) are", same)
    assert pairs
    assert pairs[1] == pairs[2]
    turned = judge_published_order(made_up(PUBLISHED | {"nag-0.999": 0.3}), "curves")
    assert "published order at 0.9, 0.99 and 0.995 and not at 0.999, and" in turned
    unsure = judge_published_order(made_up(PUBLISHED, noise=0.6), "curves")
    assert "confirm it at none" in unsure
    assert "both end alike at 0.9" in judge_published_order(made_up(EVEN), "fashion-mnist")


def test_pairs_that_were_published_alike_are_not_counted():
    alike = len([c for c in CEILINGS if PUBLISHED[f"heavy-ball-{c}"] == 0.10])
    assert (
        count_pairs(made_up(PUBLISHED, noise=0.0), "curves")
        == (math.comb(9, 2) - math.comb(alike, 2),) * 2
    )
    backwards = {method: 1 / error for method, error in PUBLISHED.items()}
    assert count_pairs(made_up(backwards, noise=0.0), "curves")[0] == 0
    lost = made_up(PUBLISHED | {"sgd": math.nan}, noise=0.0)
    assert len(set(count_pairs(lost, "curves"))) == 1, "SGD was published as the worst"


def test_records_that_disagree_are_said_to():
    one, other = made_up(PUBLISHED), made_up(PUBLISHED | {"nag-0.9": 0.1})
    said = compare_records({"here": one, "there": other}, "curves")
    assert "the records disagree" in said
    assert re.search(r"at 0\.9 the quotient is 0\.\d+ .*\(here\), 1\.\d+ .*\(there\)", said)
    assert said.endswith("; at the other ceilings they agree.")
    assert "same order at every ceiling" in compare_records({"a": one, "b": one}, "curves")
    assert "one record" in compare_records({"a": one}, "curves")
    table = tabulate_order({"here": one}, "curves")
    assert table["published, Curves"].tolist() == ["0.94", "1.04", "1.10", "1.35"]
    assert table.loc["0.999", "here"].startswith("1.3")


def test_runs_at_the_error_of_the_mean_image_are_counted():
    level = plateau("curves", 2)
    stuck = made_up(EVEN | {"heavy-ball-0.999": level, "heavy-ball-0.9": math.nan, "nag-0.9": 9.0})
    found = caught(stuck, "curves")
    assert len(found["heavy-ball"]) == 2 * 3 * 3
    assert {ceiling for ceiling, _, _ in found["nag"]} == {0.9}
    said = judge_trap(stuck, "curves")
    assert "Of 36 pairs" in said
    assert "in 9, Nesterov's method alone in 0, and both do in 9." in said


def test_scales():
    good = made_up_scales({0.25: 16.0, 0.5: 16.0, 1.0: 1.0, 2.0: 2.0, 4.0: 3.0})
    said = judge_scales(good)
    assert "least with the factor 1; published, with 1." in said
    assert "0.25: 16.00 (16.00 to 16.00), 0.5: 16.00 " in said
    assert "at the end of those tried for 0.25, 0.5, 1, 2, 4." in said
    other = judge_scales(made_up_scales({0.25: 1.0, 0.5: 2.0, 1.0: 4.0, 2.0: 5.0, 4.0: 6.0}))
    assert "least with the factor 0.25; published, with 1." in other
    assert "The worst factor is 4; published, 0.25 and 0.5." in other
    assert cost_of_twice(good) == "2.00 (2.00 to 2.00)"
    assert best_by_scale(good)[2.0].lr == max(good.declaration.axes["lr"])


# what the chapter says beside its computed sentences


@pytest.mark.parametrize(("experiment", "device"), [(SMALL, "cpu"), (EXPERIMENT, "cuda")])
def test_both_are_caught_at_the_level_of_the_figure(experiment, device):
    record = load_if_recorded(experiment, device, find_root())
    if record is None:
        pytest.skip(f"{experiment.declaration.name} is not recorded")
    runs = caught(record, "curves")
    assert len(runs["heavy-ball"]) > len(runs["nag"])  # "Where Nesterov's method bears more"
    level = plateau("curves", record.declaration.constants["pooled"])
    worst = [row["error_after"] for row in record.rows if row["data"] == "curves"]
    assert max(worst) == pytest.approx(level, rel=0.02)  # "end at one level at the top"


def test_small_weights_hurt_the_small_network_less():
    record = load_if_recorded(SCALES_SMALL, "cpu", find_root())
    if record is None:
        pytest.skip("autoencoder-scales-small is not recorded")
    errors = {scale: best.mean for scale, best in best_by_scale(record).items()}
    for scale in (0.25, 0.5):
        assert errors[scale] / errors[1.0] < 0.1 * SCALES[scale] / SCALES[1.0]


def test_both_sets_are_judged_in_one_sentence():
    text = order_in_short(made_up(PUBLISHED))
    curves, fashion = text.split("; ")
    assert "on Curves, they have it at every ceiling" in curves
    assert "on Fashion-MNIST, beside the published MNIST, they have it at" in fashion
    turned = order_in_short(made_up(PUBLISHED | {"nag-0.999": 0.3}))
    assert "on Curves, they have it at 0.9, 0.99 and 0.995 and not at 0.999" in turned
