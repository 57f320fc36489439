"""What is said of the shuffle, against counting by hand and against drawing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nagcore.evidence.experiments.shuffle_quality import DECLARATION, EXPERIMENT
from nagcore.evidence.stream_shuffle import (
    class_count_variance,
    epoch_order,
    expected_correlation,
    full_shuffle_variance,
    place_correlation,
    two_level_variance,
)


def test_a_full_shuffle_is_hypergeometric():
    shares = np.array([0.1, 0.4, 0.5])
    judge = [stats.hypergeom(60, round(60 * p), 6).var() for p in shares]
    assert full_shuffle_variance(shares, 60, 6) == pytest.approx(np.mean(judge))
    blocks = np.tile(shares, (5, 1))  # one window over all blocks is a full shuffle
    assert two_level_variance(blocks, 12, 5, 6) == pytest.approx(np.mean(judge))


def test_one_block_of_one_class_makes_batches_of_one_class():
    blocks = np.repeat(np.eye(2), 3, axis=0)
    assert two_level_variance(blocks, 8, 1, 4) == pytest.approx(4.0)  # counts 0 or 4, mean 2
    labels = np.repeat([0, 1, 0, 1], 4)
    assert class_count_variance(labels, 4, 2) == 4.0


def test_the_correlation_is_scipys():
    order = np.random.default_rng(0).permutation(101)
    judge = stats.spearmanr(order, np.arange(101))[0]
    assert place_correlation(order) == pytest.approx(judge)


def test_one_window_correlates_like_a_random_permutation():
    assert expected_correlation(4, 25, 4) == pytest.approx(1 / math.sqrt(99))


@pytest.mark.parametrize("window", [1, 2, 5, 12])
def test_predictions_are_what_is_drawn(window):
    """12 blocks of 10 rows, 3 classes, not all blocks pure; mean of 1,500 epochs to 4 errors."""
    rows, blocks, size = 120, 12, 10
    labels = np.arange(rows) * 3 // 110 % 3
    shares = np.stack([(labels == c).reshape(blocks, size).mean(axis=1) for c in range(3)], axis=1)
    orders = [epoch_order([size] * blocks, window, seed=1, epoch=e) for e in range(1500)]
    variances = np.array([class_count_variance(labels[order], 5, 3) for order in orders])
    squares = np.array([place_correlation(order) ** 2 for order in orders])
    for drawn, predicted in (
        (variances, two_level_variance(shares, size, window, 5)),
        (squares, expected_correlation(blocks, size, window) ** 2),
    ):
        error = drawn.std(ddof=1) / math.sqrt(len(drawn))
        assert abs(drawn.mean() - predicted) < 4 * error + 1e-9


def test_a_small_setting_has_the_declared_columns():
    setting = DECLARATION.settings()[0] | {"rows": 2560, "epochs": 3, "window_blocks": 4}
    row = EXPERIMENT.measured(setting, "cpu")
    assert row["window_share"] == pytest.approx(0.4)
    assert len(row["variance"]) == 3
    assert row["variance_predicted"] > 1


def test_every_declared_batch_lies_in_one_window():
    constants, axes = DECLARATION.constants, DECLARATION.axes
    for size in axes["rows_per_block"]:
        assert size % constants["batch_size"] == 0
        assert constants["rows"] % size == 0
        assert max(axes["window_blocks"]) * size >= constants["rows"]
