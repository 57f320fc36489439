"""What chapters 07 and 14 say in words is in their records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nagcore.evidence import load_record
from nagcore.evidence.ablation_table import accuracies
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.scaling_table import fit_scaling
from nagcore.evidence.stream_table import median_rates, peer_ratios

ROOT = Path(__file__).parents[2]


def recorded(name):
    return load_record(EXPERIMENTS[name], "cpu", root=ROOT)


@pytest.fixture(scope="module")
def ablation():
    return recorded("ablation")


def mean(record, name, column="accuracy"):
    return accuracies(record, column)[name].mean()


def test_integer_labels_are_chance_and_one_hot_targets_are_not(ablation):
    assert mean(ablation, "squared error, integer labels") < 0.15
    assert mean(ablation, "squared error, one-hot") > mean(ablation, "nothing") - 0.03


def test_batching_and_class_order_matter_much_and_reshuffling_little(ablation):
    for name in ("one batch of all images", "sorted by class"):
        assert mean(ablation, name) < mean(ablation, "nothing") - 0.1
    assert abs(mean(ablation, "never shuffled") - mean(ablation, "nothing")) < 0.02


def test_max_pooling_is_nonlinearity_enough_and_an_affine_network_is_not(ablation):
    assert abs(mean(ablation, "no activation") - mean(ablation, "nothing")) < 0.02
    assert mean(ablation, "no activation, mean pooling") < mean(ablation, "nothing") - 0.03


def test_raw_pixels_and_adam_need_their_own_step_size(ablation):
    for name in ("raw pixels", "Adam"):
        assert mean(ablation, name, "accuracy_at_lr") < mean(ablation, "nothing") - 0.1
        assert abs(mean(ablation, name) - mean(ablation, "nothing")) < 0.02


def test_momentum_is_worth_something(ablation):
    assert mean(ablation, "plain SGD") < mean(ablation, "nothing")


def test_more_images_bring_more_than_the_choice_of_optimizer():
    def means(record):
        return {
            name: np.mean([row["accuracy"] for row in record.rows if row["optimizer"] == name])
            for name in ("sgd", "nag", "adam")
        }

    full, few = means(recorded("cnn-60000")), means(recorded("cnn-1000"))
    gain = full["nag"] - few["nag"]
    for each in (full, few):
        assert gain > max(each.values()) - min(each.values())


def test_the_full_set_gets_the_step_sizes_of_the_small_one():
    full, few = (EXPERIMENTS[name].declaration.constants for name in ("cnn-60000", "cnn-1000"))
    assert dict(full["lr"]).items() <= dict(few["lr"]).items()
    assert full["batch_size"] == few["batch_size"]


def test_the_stream_is_faster_than_each_peer():
    record = recorded("stream-speed")
    assert min(peer_ratios(record).values()) > 1
    rates = median_rates(record)
    assert rates["memmap, not shuffled"] == max(rates.values())


def test_memory_does_not_grow_with_the_data():
    rows = recorded("stream-memory").rows
    growth = [float(np.median(row["growth"])) for row in rows]
    assert rows[-1]["gigabytes"] / rows[0]["gigabytes"] == 20
    assert growth[-1] < 2 * growth[0]
    assert max(max(row["growth_normalised"]) for row in rows) < 300


def test_the_shuffle_is_as_predicted():
    frame = recorded("shuffle-quality").frame()
    measured = np.array([np.mean(values) for values in frame["variance"]])
    assert np.abs(measured / frame["variance_predicted"] - 1).max() < 0.25


def test_two_processes_gain_with_the_batch():
    for fitted in fit_scaling(recorded("scaling")):
        assert fitted.speedups[-1] > 1
        assert fitted.speedups[-1] > fitted.speedups[0]
