"""Copies of images, against a plain comparison of all pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nagcore.training.duplicates as module
from nagcore.errors import UsageError
from nagcore.fashion_mnist import find_full, load_arrays
from nagcore.training.data import ImageData, load_fashion_mnist
from nagcore.training.duplicates import (
    Duplicate,
    duplicate_report,
    find_duplicates,
    without_duplicates,
)


def data(numbers: list[int], labels: list[int] | None = None, side: int = 3) -> ImageData:
    """Images that are alike where their numbers are, and differ in one pixel where not."""
    images = torch.zeros(len(numbers), 1, side, side)
    images[:, 0, -1, -1] = torch.tensor(numbers, dtype=torch.float32)
    return ImageData(images, torch.tensor(labels or [0] * len(numbers)), ("a", "b", "c"))


def by_comparing_all(first: ImageData, second: ImageData | None) -> list[Duplicate]:
    found: dict[int, Duplicate] = {}
    for i, image in enumerate(first.images):
        in_first, in_second = (
            tuple(j for j, other in enumerate(s.images) if torch.equal(image, other)) if s else ()
            for s in (first, second)
        )
        if len(in_first) > 1 if second is None else in_second:
            found.setdefault(min(in_first), Duplicate(in_first, in_second))
        assert i in in_first
    return list(found.values())


numbers = st.lists(st.integers(0, 6), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(first=numbers, second=numbers | st.none(), side=st.sampled_from([1, 2, 3]))
def test_copies_are_those_that_a_comparison_of_all_pairs_finds(first, second, side):
    one, other = (None if n is None else data(n, side=side) for n in (first, second))
    assert one is not None
    assert find_duplicates(one, other) == by_comparing_all(one, other)


@settings(max_examples=50, deadline=None)
@given(first=numbers, second=numbers)
def test_a_bad_hash_finds_the_same(first, second):
    """All rows share one hash, so the pixels alone decide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_hash", lambda rows: np.zeros(len(rows), np.uint64))
        found = find_duplicates(data(first), data(second))
    assert found == find_duplicates(data(first), data(second))


def test_a_good_hash_leaves_little_to_compare(shipped):
    rows = module._rows(shipped[0])
    assert len(np.unique(module._hash(rows))) == len(rows)
    one_bit = rows.copy()
    one_bit[:, 391] ^= 1 << 63
    assert not (module._hash(one_bit) == module._hash(rows)).any()


def test_zero_and_minus_zero_are_the_same_pixel():
    plain, negative = torch.zeros(1, 1, 2, 2), -torch.zeros(1, 1, 2, 2)
    both = ImageData(torch.cat([plain, negative]), torch.tensor([0, 0]), ("a",))
    assert find_duplicates(both) == [Duplicate((0, 1))]


def test_training_images_that_are_test_images_are_left_out(shipped):
    train, test = shipped
    leaky = ImageData(
        torch.cat([train.images[:5], test.images[7:9], train.images[5:8]]),
        torch.cat([train.labels[:5], test.labels[7:9], train.labels[5:8]]),
        train.classes,
    )
    kept = without_duplicates(leaky, test)
    assert torch.equal(kept.images, train.images[:8])
    assert torch.equal(kept.labels, train.labels[:8])
    assert find_duplicates(kept, test) == []
    assert torch.equal(without_duplicates(train, test).images, train.images)


def test_the_report_counts_copies_and_labels_that_contradict():
    train = data([1, 1, 1, 2, 3, 4], labels=[0, 0, 1, 0, 2, 1])
    test = data([3, 3, 4, 9, 9], labels=[2, 0, 1, 0, 1])
    assert duplicate_report(train, test).splitlines() == [
        "training images: 6, 2 of them copies of an earlier one, 1 with another label",
        "test images: 5, 2 of them copies of an earlier one, 2 with another label",
        "test images that are training images, too: 3, 1 of them with another label there",
    ]


def test_no_image_that_ships_is_a_copy(shipped):
    arrays = load_arrays()
    pixels = np.concatenate([arrays.train_images, arrays.test_images]).reshape(2000, -1)
    assert len({image.tobytes() for image in pixels}) == 2000
    assert find_duplicates(*shipped) == find_duplicates(shipped[0]) == []


def test_no_image_of_the_full_set_is_a_copy():
    if find_full() is None:
        pytest.skip("the full set is not here")
    train, test = load_fashion_mnist("full")
    assert find_duplicates(train, test) == find_duplicates(train) == find_duplicates(test) == []


def test_sets_of_different_shape_are_refused():
    with pytest.raises(UsageError, match=r"\(1, 3, 3\) and those of the second \(1, 2, 2\)"):
        find_duplicates(data([1]), data([1], side=2))


def test_copies_in_the_second_set_alone_do_not_count():
    assert find_duplicates(data([1, 1, 2]), data([3, 3])) == []
