"""Demonstrations of defects insist that the defect is there."""

from __future__ import annotations

import tempfile

import numpy as np
import pytest

from nagcore.evidence.showing import open_with_torchvision, shows_error
from nagcore.fashion_mnist import load_arrays


def test_the_true_error_is_printed(capsys):
    with shows_error(KeyError):
        {}["missing"]
    assert capsys.readouterr().out == "KeyError: 'missing'\n"


def test_a_temporary_folder_is_not_named(capsys):
    with tempfile.TemporaryDirectory() as folder, shows_error(ValueError):
        raise ValueError(f"{folder}/shards: damaged")
    assert capsys.readouterr().out == "ValueError: shards: damaged\n"


def test_a_block_without_an_error_fails():
    with pytest.raises(AssertionError, match="expected ValueError"), shows_error(ValueError):
        pass


def test_another_error_than_expected_goes_through():
    with pytest.raises(ZeroDivisionError), shows_error(ValueError):
        _ = 1 / 0


@pytest.mark.parametrize("part", ["train", "test"])
def test_torchvision_reads_the_shipped_images(part):
    opened = open_with_torchvision(train=part == "train")
    arrays = load_arrays()
    assert np.array_equal(opened.data.numpy(), getattr(arrays, f"{part}_images"))
    assert np.array_equal(opened.targets.numpy(), getattr(arrays, f"{part}_labels"))
