"""torch's DataLoader, with and without workers, and several processes."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.utils.data import DataLoader

from nagcore.errors import UsageError
from nagcore.training.stream import ShardDataset, ShardStream

from .conftest import places_of

# torch warns where there are fewer processors than workers
# Other tests of the same process may have loaded JAX, which warns of every fork; the workers here
# never call it.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This DataLoader will create",
    "ignore:os.fork:RuntimeWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def dataset_of(folder, batch_size=4, **options) -> ShardDataset:
    stream = ShardStream(folder, normalise=False, window_blocks=3, threads=1)
    return ShardDataset(stream, batch_size, **options)


def load(dataset, workers=0, **options) -> list[list[int]]:
    loader = DataLoader(dataset, batch_size=None, num_workers=workers, **options)
    return [places_of(images) for images, _ in loader]


@pytest.mark.parametrize(("workers", "ranks"), [(0, 1), (2, 1), (3, 2), (0, 3)])
def test_workers_and_processes_share_the_rows(write, workers, ranks):
    folder = write(61)
    batches = [load(dataset_of(folder, rank=r, ranks=ranks), workers) for r in range(ranks)]
    rows = itertools.chain(*itertools.chain(*batches))
    assert sorted(rows) == list(range(61))


def test_with_drop_last_all_processes_have_as_many_full_batches(write):
    folder = write(61)
    batches = [
        load(dataset_of(folder, rank=r, ranks=3, drop_last=True, batch_size=5)) for r in range(3)
    ]
    assert [[len(batch) for batch in own] for own in batches] == [[5] * 4] * 3


def test_without_workers_it_is_the_stream(write):
    folder = write(61)
    stream = ShardStream(folder, normalise=False, window_blocks=3)
    dataset = dataset_of(folder, seed=4)
    for epoch in range(2):
        dataset.set_epoch(epoch)
        expected = [places_of(b.inputs) for b in stream.batches(4, seed=4, epoch=epoch)]
        assert load(dataset) == expected


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("start", [1, 4])
def test_a_loader_goes_on_where_it_was(write, workers, start):
    dataset = dataset_of(write(61))
    dataset.set_epoch(3)
    whole = load(dataset, workers)
    dataset.set_epoch(3, start)
    assert load(dataset, workers) == whole[start:]


def test_workers_that_live_on_see_the_epoch_change(write):
    dataset = dataset_of(write(61))
    loader = DataLoader(dataset, batch_size=None, num_workers=1, persistent_workers=True)
    epochs = []
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        epochs.append([places_of(images) for images, _ in loader])
    assert epochs[0] != epochs[1]
    del loader


def test_a_fault_in_a_worker_reaches_the_loop(write, tmp_path):
    folder = tmp_path / "shards"
    dataset = dataset_of(write(61, folder))
    (folder / "shard-00001.parquet").unlink()
    with pytest.raises(Exception, match=r"shard-00001\.parquet .*missing"):
        load(dataset, 1)


def test_a_stream_on_another_device_is_refused(write):
    stream = ShardStream(write(10), device="meta")
    with pytest.raises(UsageError, match="the stream is on meta"):
        ShardDataset(stream, 2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"rank": 2, "ranks": 2}, "rank"),
        ({"rank": -1}, "rank"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_numbers_are_refused(write, options, says):
    with pytest.raises(UsageError, match=says):
        dataset_of(write(10), **options)


def test_pairs_are_what_a_loop_expects(write):
    images, labels = next(iter(DataLoader(dataset_of(write(61)), batch_size=None)))
    assert (images.shape, images.dtype) == ((4, 1, 2, 3), torch.uint8)
    assert (labels.shape, labels.dtype) == ((4,), torch.int64)
