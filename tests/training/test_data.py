"""Normalising, splitting and mini-batches, against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nagcore.errors import UsageError
from nagcore.fashion_mnist import load_arrays
from nagcore.training.data import ImageData, load_fashion_mnist, split


def as_data(labels: list[int], classes: int = 10) -> ImageData:
    """Images whose single pixel is their place in the data."""
    places = torch.arange(len(labels), dtype=torch.float32).reshape(-1, 1, 1, 1)
    return ImageData(places, torch.tensor(labels), tuple(map(str, range(classes))))


def places(data: ImageData) -> list[int]:
    return data.images.flatten().long().tolist()


def test_training_images_have_mean_0_and_deviation_1(shipped):
    images = shipped[0].images.double()
    assert images.mean().item() == pytest.approx(0, abs=1e-6)
    assert images.std(correction=0).item() == pytest.approx(1, abs=1e-6)


def test_statistics_are_those_of_the_training_images_alone(shipped):
    arrays = load_arrays()
    scaled = arrays.train_images / 255
    expected = (arrays.test_images / 255 - scaled.mean()) / scaled.std()
    np.testing.assert_allclose(shipped[1].images[:, 0].numpy(), expected, atol=1e-6)
    assert abs(shipped[1].images.double().mean().item()) > 1e-3


def test_labels_and_class_names_belong_together(shipped):
    train, test = shipped
    assert [train.classes[i] for i in train.labels[:3]] == ["Ankle boot"] + ["T-shirt/top"] * 2
    assert [test.classes[i] for i in test.labels[:3]] == ["Ankle boot", "Pullover", "Trouser"]


def test_subset_and_to_keep_images_with_their_labels():
    data = as_data([5, 6, 7]).subset([2, 0]).to("cpu")
    assert places(data) == [2, 0]
    assert data.labels.tolist() == [7, 5]
    assert data.device == torch.device("cpu")


@pytest.mark.parametrize("held_out", [0.25, 250, 33, 1, 999])
def test_split_is_disjoint_complete_and_in_proportion(shipped, held_out):
    selection = pytest.importorskip("sklearn.model_selection")
    data = as_data(shipped[0].labels.tolist())
    train, validation = split(data, held_out, seed=4)
    assert sorted(places(train) + places(validation)) == list(range(1000))
    assert len(validation) == (held_out if isinstance(held_out, int) else 250)
    exact = torch.bincount(data.labels) * len(validation) / 1000
    assert (torch.bincount(validation.labels, minlength=10) - exact).abs().max() < 1
    if min(len(train), len(validation)) >= 10:
        judge = selection.train_test_split(
            data.labels, test_size=len(validation), stratify=data.labels, random_state=0
        )[1]
        difference = torch.bincount(judge) - torch.bincount(validation.labels)
        assert difference.abs().max() <= 1


def test_split_depends_on_the_seed_alone(shipped):
    data = as_data(shipped[0].labels.tolist())
    first, torch_state = places(split(data, 100, seed=1)[1]), torch.random.get_rng_state()
    torch.rand(3)
    assert places(split(data, 100, seed=1)[1]) == first
    assert places(split(data, 100, seed=2)[1]) != first
    assert not torch.equal(torch.random.get_rng_state(), torch_state)


def test_split_does_not_hold_out_the_first_of_each_class(shipped):
    data = as_data(shipped[0].labels.tolist())
    assert np.mean(places(split(data, 0.5, seed=0)[1])) == pytest.approx(500, abs=40)


@pytest.mark.parametrize("held_out", [0, 1000, -1, 0.0, 1.0, 1.5, True, float("nan"), "10"])
def test_split_refuses(shipped, held_out):
    with pytest.raises(UsageError, match=f"held_out={held_out!r}"):
        split(shipped[0], held_out, seed=0)


def test_batches_give_every_image_once_with_its_label():
    data = as_data([n % 10 for n in range(23)])
    batches = list(data.batches(5, seed=0, epoch=0))
    assert [len(batch.targets) for batch in batches] == [batch.count for batch in batches]
    assert [batch.count for batch in batches] == [5, 5, 5, 5, 3]
    assert {batch.weight for batch in batches} == {1.0}
    assert data.steps(5) == 5
    seen = torch.cat([batch.inputs[:, 0, 0, 0] for batch in batches])
    assert sorted(seen.tolist()) == list(range(23))
    assert torch.equal(torch.cat([batch.targets for batch in batches]), seen.long() % 10)


def test_batches_are_shuffled_anew_each_epoch_and_repeat_with_the_seed(train):
    def first(seed: int, epoch: int) -> torch.Tensor:
        return next(train.batches(50, seed=seed, epoch=epoch)).inputs

    assert torch.equal(first(7, 0), first(7, 0))
    assert not torch.equal(first(7, 0), first(7, 1))
    assert not torch.equal(first(7, 0), first(8, 0))


def test_batches_go_on_where_they_stood(train):
    whole = list(train.batches(7, seed=3, epoch=2))
    rest = list(train.batches(7, seed=3, epoch=2, start=5))
    assert len(rest) == len(whole) - 5
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(whole[5:], rest, strict=True))


@pytest.mark.parametrize(("count", "size", "ranks"), [(23, 5, 2), (23, 5, 3), (21, 10, 4)])
def test_processes_share_each_batch_without_overlap_or_loss(count, size, ranks):
    data = as_data([n % 10 for n in range(count)])
    whole = data.batches(size, seed=1, epoch=0)
    parts = [data.batches(size, seed=1, epoch=0, rank=rank, ranks=ranks) for rank in range(ranks)]
    for batch, *shares in zip(whole, *parts, strict=True):
        own = [share.inputs[: round(share.weight * share.count / ranks)] for share in shares]
        assert torch.equal(torch.cat(own), batch.inputs)
        assert sum(share.weight for share in shares) == pytest.approx(ranks)
        assert all(len(share.inputs) >= 1 for share in shares)
        # The mean over processes of weighted means is the mean over the whole batch.
        means = [share.weight * share.inputs.mean() for share in shares]
        assert sum(means) / ranks == pytest.approx(float(batch.inputs.mean()))


@pytest.mark.parametrize("size", [0, -5, 61, 2.0, True, "50"])
def test_batches_refuse(train, size):
    with pytest.raises(UsageError, match=f"batch_size={size!r}.*from 1 to 60"):
        next(train.batches(size, seed=0, epoch=0))


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 1]), "torch.uint8"),
        (torch.zeros(2, 4, 4), torch.tensor([0, 1]), r"shape \(2, 4, 4\)"),
        (torch.zeros(2, 1, 4, 4), torch.tensor([0.0, 1.0]), "labels are torch.float32"),
        (torch.zeros(2, 1, 4, 4), torch.tensor([0, 1, 1]), r"expected torch.int64 of shape \(2,\)"),
        (torch.zeros(2, 1, 4, 4), torch.tensor([0, 2]), "labels run from 0 to 2, expected 0 to 1"),
        (torch.zeros(2, 1, 4, 4), torch.tensor([-1, 1]), "labels run from -1"),
        (torch.zeros(2, 1, 4, 4, device="meta"), torch.tensor([0, 1]), "on meta and labels on cpu"),
    ],
)
def test_image_data_refuses(images, labels, says):
    with pytest.raises(UsageError, match=says):
        ImageData(images, labels, ("a", "b"))


def test_unknown_set_is_refused():
    with pytest.raises(UsageError, match="which='half'"):
        load_fashion_mnist("half")
