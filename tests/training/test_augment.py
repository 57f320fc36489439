"""Augmentation of whole batches, against torchvision image by image and plain counting."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nagcore.errors import UsageError
from nagcore.training.augment import Augmented, Cutout, HorizontalFlip, RandomCrop
from nagcore.training.data import ImageData
from nagcore.training.source import Source

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randn(9, 3, 6, 8, generator=GENERATOR)
ALL = [RandomCrop(2), HorizontalFlip(), Cutout(3)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def data(count: int = 23) -> ImageData:
    images = torch.randn(count, 2, 6, 6, generator=seeded())
    return ImageData(images, torch.arange(count) % 5, tuple("abcde"))


def images_of(source: Source, **where) -> list[torch.Tensor]:
    where = {"seed": 0, "epoch": 0} | where
    return [batch.inputs for batch in source.batches(5, **where)]


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


@settings(max_examples=25, deadline=None)
@given(padding=st.integers(1, 9), fill=st.floats(-2, 2, width=32), draw=st.randoms())
def test_crops_are_torchvisions(padding, fill, draw):
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    top, left = (torch.tensor([draw.randint(0, 2 * padding) for _ in IMAGES]) for _ in range(2))
    expected = [
        functional.crop(functional.pad(image, [padding], fill=fill), int(y), int(x), 6, 8)
        for image, y, x in zip(IMAGES, top, left, strict=True)
    ]  # fmt: skip
    found = RandomCrop(padding, fill).apply(IMAGES, top, left)
    assert torch.equal(found, torch.stack(expected))


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 9), fill=st.floats(-2, 2, width=32), draw=st.randoms())
def test_squares_are_covered_as_torchvision_erases_them(size, fill, draw):
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    top, left = (torch.tensor([draw.randint(-size, side) for _ in IMAGES]) for side in (6, 8))
    expected = []
    for image, y, x in zip(IMAGES, top.tolist(), left.tolist(), strict=True):
        i, j = max(y, 0), max(x, 0)
        h, w = max(min(y + size, 6) - i, 0), max(min(x + size, 8) - j, 0)
        value = torch.full((1, 1, 1), fill)
        expected.append(functional.erase(image, i, j, h, w, value) if h and w else image)
    assert torch.equal(Cutout(size, fill).apply(IMAGES, top, left), torch.stack(expected))


def test_mirroring_is_torchvisions():
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    mirrored = torch.tensor([True, False, True, True, False, False, True, False, True])
    expected = [
        functional.horizontal_flip(image) if flip else image
        for image, flip in zip(IMAGES, mirrored, strict=True)
    ]
    assert torch.equal(HorizontalFlip().apply(IMAGES, mirrored), torch.stack(expected))


def test_all_moves_of_a_crop_are_equally_likely():
    """A lone bright pixel in the middle shows where each image was cut out."""
    images = torch.zeros(5000, 1, 5, 5)
    images[:, :, 2, 2] = 1
    moved = RandomCrop(2)(images, seeded(1))
    assert moved.sum() == 5000
    places = moved.flatten(1).argmax(dim=1)
    counts = torch.bincount(places, minlength=25)
    assert stats.chisquare(counts.numpy()).pvalue > 0.01


def test_a_square_is_centred_anywhere_in_the_image():
    images = torch.zeros(5000, 1, 5, 4)
    covered = Cutout(1, fill=1.0)(images, seeded(2))
    counts = torch.bincount(covered.flatten(1).argmax(dim=1), minlength=20)
    assert covered.sum() == 5000
    assert stats.chisquare(counts.numpy()).pvalue > 0.01
    # of size 3, it is whole only where its centre is not at the rim
    sizes = Cutout(3, fill=1.0)(images, seeded(3)).flatten(1).sum(dim=1)
    assert set(sizes.tolist()) == {9.0, 6.0, 4.0}
    assert (sizes == 9).double().mean().item() == pytest.approx(6 / 20, abs=0.03)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_images_are_mirrored_with_their_probability(p):
    images = torch.tensor([0.0, 1.0]).expand(4000, 1, 1, 2)
    mirrored = HorizontalFlip(p)(images, seeded(4))[:, 0, 0, 0]
    assert mirrored.mean().item() == pytest.approx(p, abs=0.03 if 0 < p < 1 else 0)


@pytest.mark.parametrize("transform", ALL)
def test_images_are_left_as_they_were_and_random_numbers_come_from_the_generator(transform):
    images, state = IMAGES.clone(), torch.random.get_rng_state()
    first, again, other = (transform(images, seeded(s)) for s in (0, 0, 1))
    assert torch.equal(images, IMAGES)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first.shape, first.dtype) == (images.shape, images.dtype)


def test_labels_counts_and_order_are_those_of_the_source():
    source = data()
    augmented = Augmented(source, ALL)
    assert isinstance(augmented, Source)
    assert (len(augmented), augmented.steps(5), augmented.device) == (23, 5, source.device)
    for changed, plain in zip(
        augmented.batches(5, seed=1, epoch=2), source.batches(5, seed=1, epoch=2), strict=True
    ):
        assert torch.equal(changed.targets, plain.targets)
        assert (changed.count, changed.weight) == (plain.count, plain.weight)
        assert not torch.equal(changed.inputs, plain.inputs)
    assert equal(images_of(Augmented(source, [])), images_of(source))


def test_transforms_are_applied_in_their_order():
    shift, mirror = RandomCrop(1), HorizontalFlip(1.0)
    one, other = (
        images_of(Augmented(data(), [shift, mirror])),
        images_of(Augmented(data(), [mirror, shift])),
    )
    assert not equal(one, other)
    assert equal(one, [images.flip(-1) for images in images_of(Augmented(data(), [shift]))])


@pytest.mark.parametrize("start", range(6))
@pytest.mark.parametrize(("rank", "ranks"), [(0, 1), (1, 2)])
def test_a_run_taken_up_sees_what_it_would_have_seen(start, rank, ranks):
    augmented = Augmented(data(), ALL)
    where = {"epoch": 3, "rank": rank, "ranks": ranks}
    assert equal(images_of(augmented, **where)[start:], images_of(augmented, **where, start=start))


def test_each_seed_epoch_batch_and_process_has_random_numbers_of_its_own():
    """The images are all alike, so batches are equal only if their random numbers are."""
    images = torch.arange(36.0).reshape(1, 1, 6, 6).expand(8, 1, 6, 6)
    same = ImageData(images.contiguous(), torch.zeros(8, dtype=torch.int64), ("a",))
    augmented = Augmented(same, [RandomCrop(3), Cutout(2)])
    batches = {
        (seed, epoch, rank, number): batch.inputs
        for seed, epoch, rank in itertools.product((0, 1), (0, 1, 2), (0, 1))
        for number, batch in enumerate(
            augmented.batches(4, seed=seed, epoch=epoch, rank=rank, ranks=2)
        )
    }
    assert len(batches) == 2 * 3 * 2 * 2
    for one, other in itertools.combinations(batches.values(), 2):
        assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: RandomCrop(0), "RandomCrop: padding=0 cannot be used"),
        (lambda: RandomCrop(1.5), "RandomCrop: padding=1.5 cannot be used"),  # pyright: ignore
        (lambda: Cutout(-1), "Cutout: size=-1 cannot be used"),
        (lambda: HorizontalFlip(1.1), "HorizontalFlip: p=1.1 cannot be used"),
        (lambda: HorizontalFlip("0.5"), "HorizontalFlip: p='0.5' cannot be used"),  # pyright: ignore
        (lambda: Augmented(data(), RandomCrop(1)), "transforms=RandomCrop"),  # pyright: ignore
        (lambda: Augmented(data(), [1]), r"transforms=\[1\] cannot be used"),  # pyright: ignore
    ],
)
def test_what_cannot_be_used_is_refused_by_name(make, says):
    with pytest.raises(UsageError, match=says):
        make()
