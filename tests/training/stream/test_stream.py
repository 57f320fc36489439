"""The stream gives every row once, in its order, and goes on where it was."""

from __future__ import annotations

import gc
import itertools
import pickle
import threading
from collections.abc import Generator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nagcore.errors import UsageError
from nagcore.training.data import load_fashion_mnist
from nagcore.training.source import Source
from nagcore.training.stream import ShardStream, make_shards
from nagcore.training.stream.order import Window, part_of, windows
from nagcore.training.stream.prefetch import read_windows
from nagcore.training.stream.shard import ShardReader

from .conftest import places_of


def places(batches) -> list[int]:
    return list(itertools.chain(*(places_of(batch.inputs) for batch in batches if batch.weight)))


def stream_of(folder, **options) -> ShardStream:
    return ShardStream(folder, **({"normalise": False, "window_blocks": 3} | options))


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[tuple[int, int], str]:
    """Data sets of several numbers of rows and rows of a block."""
    from nagcore.training.stream import write_shards

    from .conftest import numbered

    made = {}
    for rows, block in itertools.product((1, 23, 60), (1, 4, 50)):
        folder = str(tmp_path_factory.mktemp("shards") / f"{rows}-{block}")
        write_shards(
            folder, [numbered(rows + 1)], classes="abcdefg", rows_per_shard=max(20, block),
            rows_per_block=block,
        )  # fmt: skip
        made[rows, block] = folder
    return made


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(itertools.product((1, 23, 60), (1, 4, 50)))),
    st.integers(1, 24), st.integers(1, 5), st.integers(0, 8), st.integers(1, 4),
)  # fmt: skip
def test_no_row_twice_none_lost_and_resumed_at_the_exact_row(
    folders, size, batch_size, ranks, start, window_blocks
):
    stream = stream_of(folders[size], window_blocks=window_blocks)
    batch_size, rows = min(batch_size, len(stream)), len(stream)
    kw = {"seed": 5, "epoch": 1, "ranks": ranks}
    whole = [list(stream.batches(batch_size, rank=rank, **kw)) for rank in range(ranks)]
    assert sorted(places(itertools.chain(*whole))) == list(range(rows))
    for batch in itertools.chain(*whole):
        assert batch.targets.tolist() == [place % 7 for place in places_of(batch.inputs)]
    for step, batches in enumerate(zip(*whole, strict=True)):
        counts = [round(batch.weight * batch.count / ranks) for batch in batches]
        assert {batch.count for batch in batches} == {sum(counts)}
        assert sum(counts) == min(batch_size, rows - step * batch_size)
        assert [len(b.targets) for b in batches] == [max(count, 1) for count in counts]
    for rank in range(ranks):
        assert len(whole[rank]) == stream.steps(batch_size, ranks)
        resumed = list(stream.batches(batch_size, rank=rank, start=start, **kw))
        assert [b[2:] for b in resumed] == [b[2:] for b in whole[rank][start:]]
        assert places(resumed) == places(whole[rank][start:])


def test_labels_and_images_belong_together(write):
    batches = list(stream_of(write(53)).batches(8, seed=0, epoch=0))
    labels = torch.cat([batch.targets for batch in batches])
    assert labels.dtype == torch.int64
    assert labels.tolist() == [place % 7 for place in places(batches)]
    assert [batch.weight for batch in batches] == [1.0] * 7


def test_it_is_a_source(write):
    stream = stream_of(write(10))
    assert isinstance(stream, Source)
    assert (len(stream), stream.device.type, stream.classes[0]) == (10, "cpu", "class 0")


def test_normalised_images_are_bit_for_bit_those_in_memory(tmp_path):
    make_shards("fashion-mnist-1000", str(tmp_path / "train"), rows_per_block=100, progress=False)
    make_shards(
        "fashion-mnist-1000-test", str(tmp_path / "test"), progress=False,
        statistics_of=str(tmp_path / "train"),
    )  # fmt: skip
    for name, data in zip(("train", "test"), load_fashion_mnist(), strict=True):
        stream = ShardStream(tmp_path / name)
        batches = list(stream.batches(64, seed=0, epoch=0))
        found = torch.cat([batch.inputs for batch in batches])
        assert found.dtype == torch.float32
        # in any order: compare images by their bytes
        assert sorted(i.numpy().tobytes() for i in found) == sorted(
            i.numpy().tobytes() for i in data.images
        )
        assert stream.classes == data.classes


def test_start_reads_no_window_that_is_done(write, monkeypatch):
    stream, read = stream_of(write(60)), []
    real = ShardReader.read
    monkeypatch.setattr(
        ShardReader, "read", lambda self, *where: (read.append(where), real(self, *where))[1]
    )
    assert len(list(stream.batches(5, seed=0, epoch=0, start=7))) == 5
    assert len(set(read)) == len(read) == 6  # of 12 blocks, windows of 3: the last two


def test_batches_keep_their_content_while_later_ones_are_read(write):
    """Memory of a window is used again, but not before its last batch is gone."""
    stream = stream_of(write(200), prefetch=1)
    kept = list(stream.batches(9, seed=0, epoch=0))
    assert sorted(places(kept)) == list(range(200))
    passing = [place for b in stream.batches(9, seed=0, epoch=0) for place in places_of(b.inputs)]
    assert passing == places(kept)


def test_slices_of_one_window_share_its_memory(write):
    first, second = itertools.islice(stream_of(write(60)).batches(5, seed=0, epoch=0), 2)
    assert first.inputs.untyped_storage().data_ptr() == second.inputs.untyped_storage().data_ptr()


def generator_of(stream) -> Generator:
    iterator = stream.batches(5, seed=0, epoch=0)
    assert isinstance(iterator, Generator)
    return iterator


def reading_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("shards")]


@pytest.mark.parametrize("how", ["exhausted", "closed", "abandoned", "failed"])
def test_threads_end_with_the_iterator(write, how):
    iterator = generator_of(stream_of(write(200)))
    next(iterator)
    assert reading_threads()
    if how == "exhausted":
        list(iterator)
    elif how == "closed":
        iterator.close()
    elif how == "failed":
        with pytest.raises(KeyError):
            iterator.throw(KeyError)
    del iterator
    gc.collect()
    assert not reading_threads()


def test_only_so_many_windows_are_begun_ahead():
    todo = list(windows([2] * 40, part_of(80, 80, 0, 1), seed=0, epoch=0, window_blocks=4))
    begun: list[Window] = []

    def places(window: Window) -> np.ndarray:
        begun.append(window)
        return np.arange(window.rows)

    block = np.zeros((2, 6), dtype=np.uint8), np.zeros(2, dtype=np.int64)
    read = read_windows(todo, lambda _: block, places, image_bytes=6, ahead=2, threads=1)
    next(read)
    assert begun == todo[:3]
    next(read)
    assert begun == todo[:4]
    read.close()


def test_a_stream_in_a_bucket_is_as_good_as_one_in_a_folder(write):
    local, remote = write(53), write(53, "memory://bucket/images")
    batches = [list(stream_of(folder).batches(8, seed=3, epoch=1)) for folder in (local, remote)]
    assert places(batches[0]) == places(batches[1])


def test_a_stream_can_be_sent_to_another_process(write):
    stream = stream_of(write(30))
    expected = places(stream.batches(8, seed=0, epoch=0))
    assert places(pickle.loads(pickle.dumps(stream)).batches(8, seed=0, epoch=0)) == expected


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"window_blocks": 0}, "window_blocks=0"),
        ({"prefetch": 0}, "prefetch=0"),
        ({"threads": True}, "threads=True"),
    ],
)
def test_numbers_are_refused(write, options, says):
    with pytest.raises(UsageError, match=says):
        ShardStream(write(10), **options)


@pytest.mark.parametrize("size", [0, 11, 2.5, "8"])
def test_batch_sizes_are_refused(write, size):
    with pytest.raises(UsageError, match=f"batch_size={size!r}.*from 1 to 10"):
        next(stream_of(write(10)).batches(size, seed=0, epoch=0))


def test_coloured_images_keep_their_channels(tmp_path):
    from nagcore.training.stream import write_shards

    images = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 5), dtype=np.uint8)
    write_shards(tmp_path / "rgb", [(images, np.arange(6))], classes="abcdef", rows_per_block=2)
    batch = next(stream_of(tmp_path / "rgb").batches(6, seed=0, epoch=0))
    assert torch.equal(batch.inputs, torch.from_numpy(images)[batch.targets])
