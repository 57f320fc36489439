"""Shards are written whole, readable by others, with exact statistics."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nagcore.errors import DataError, MissingExtraError, UsageError
from nagcore.training.stream import ShardStream, read_index, storage, write_shards
from nagcore.training.stream.statistics import PixelSums

from .conftest import numbered


def test_pyarrow_alone_reads_them_as_a_table(write):
    folder = Path(write(53))
    images, labels = numbered(53)
    table = pq.read_table(sorted(folder.glob("*.parquet")), page_checksum_verification=True)
    assert table.schema.types == [pa.binary(6), pa.int64()]
    assert b"".join(table["image"].to_pylist()) == images.tobytes()
    assert table["label"].to_pylist() == labels.tolist()


def test_images_are_stored_plainly_with_checksums(write):
    path = Path(write(20)) / "shard-00000.parquet"
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    assert column.compression == "UNCOMPRESSED"
    assert not column.has_dictionary_page
    assert numbered(5)[0].tobytes() in path.read_bytes()


def test_the_index_says_what_is_there(write):
    folder = Path(write(53))
    index = read_index(folder)
    assert [shard.blocks for shard in index.shards] == [(5, 5, 5, 5), (5, 5, 5, 5), (5, 5, 3)]
    assert (index.rows, index.image_shape, len(index.classes)) == (53, (1, 2, 3), 7)
    for shard in index.shards:
        content = (folder / shard.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (shard.bytes, shard.sha256)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["index.json", *(shard.name for shard in index.shards)]


def test_chunks_of_any_size_give_the_same_files(tmp_path):
    images, labels = numbered(47)
    options = {"classes": "abcdefg", "rows_per_block": 6, "rows_per_shard": 12}
    one = write_shards(tmp_path / "one", [(images, labels)], **options)
    edges = [0, 0, 1, 2, 20, 21, 40, 47]
    chunks = [(images[a:b], labels[a:b]) for a, b in zip(edges, edges[1:])]  # noqa: B905, RUF007
    assert write_shards(tmp_path / "many", chunks, **options) == one


def test_statistics_are_exact(write):
    images = numbered(53)[0]
    index = read_index(write(53))
    assert index.mean == pytest.approx(np.mean(images / 255), rel=1e-14)
    assert index.deviation == pytest.approx(np.std(images / 255), rel=1e-12)


def test_sums_do_not_depend_on_the_parts():
    pixels = np.random.default_rng(0).integers(0, 256, 1000, dtype=np.uint8)
    one, many = PixelSums(), PixelSums()
    one.add(pixels)
    for part in np.split(pixels, [1, 7, 500]):
        many.add(part)
    assert one.mean_and_deviation() == many.mean_and_deviation()


def test_images_without_contrast_are_refused(tmp_path):
    grey = np.full((4, 2, 2), 9, dtype=np.uint8), np.zeros(4, dtype=int)
    with pytest.raises(DataError, match="every pixel of the images is 9"):
        write_shards(tmp_path / "grey", [grey], classes="a")
    assert not list((tmp_path / "grey").iterdir())


def test_a_data_set_is_never_written_over(write, tmp_path):
    folder = write(10)
    before = (Path(folder) / "index.json").read_text()
    with pytest.raises(UsageError, match="holds a data set already"):
        write(20, folder)
    assert (Path(folder) / "index.json").read_text() == before


def test_an_error_while_writing_leaves_nothing(tmp_path):
    def chunks():
        yield numbered(33)
        raise RuntimeError("the source broke")

    folder = tmp_path / "broken"
    with pytest.raises(RuntimeError, match="the source broke"):
        write_shards(folder, chunks(), classes="abcdefg", rows_per_shard=10, rows_per_block=5)
    assert not list(folder.iterdir())


def test_a_shard_has_its_name_only_when_it_is_whole(tmp_path):
    images, labels = numbered(40)
    seen = []

    def chunks():
        for begin in range(0, 40, 5):
            yield images[begin : begin + 5], labels[begin : begin + 5]
            whole = sorted((tmp_path / "new").glob("*.parquet"))
            seen.append(sum(pq.read_metadata(path).num_rows for path in whole))

    write_shards(tmp_path / "new", chunks(), classes="abcdefg", rows_per_shard=10, rows_per_block=5)
    assert seen == [0, 10, 10, 20, 20, 30, 30, 40]


def test_a_full_disk_ends_with_a_message_and_leaves_nothing(tmp_path, monkeypatch):
    real = storage.HashingFile.write

    def write(self, data):
        if self.bytes > 300:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, data)

    monkeypatch.setattr(storage.HashingFile, "write", write)
    with pytest.raises(UsageError, match="No space left on device; nothing was kept"):
        write_shards(tmp_path / "full", [numbered(99)], classes="abcdefg", rows_per_block=9)
    assert not list((tmp_path / "full").iterdir())


_ENDLESS = """
import sys, numpy as np
from nagcore.training.stream import write_shards
chunk = np.random.default_rng(0).integers(0, 256, (99, 9, 9), dtype=np.uint8), np.zeros(99, int)
write_shards(sys.argv[1], iter(lambda: chunk, None), classes="a", rows_per_shard=99,
             rows_per_block=9)
"""


@pytest.mark.slow
def test_a_killed_writing_leaves_no_index_and_can_be_repeated(tmp_path):
    folder = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", _ENDLESS, str(folder)])
    while not (folder / "shard-00003.parquet").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(DataError, match="interrupted"):
        ShardStream(folder)
    for path in folder.glob("*.parquet"):  # what has its name is whole
        pq.read_table(path, page_checksum_verification=True)
    write_shards(folder, [numbered(30)], classes="abcdefg", rows_per_shard=10, rows_per_block=5)
    assert len(ShardStream(folder)) == 30


def test_an_error_leaves_nothing_in_a_bucket_either():
    def chunks():
        yield numbered(33)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_shards("memory://left/over", chunks(), classes="abcdefg", rows_per_block=5,
                     rows_per_shard=10)  # fmt: skip
    assert not fsspec.filesystem("memory").find("/left/over")


GOOD = np.arange(8, dtype=np.uint8).reshape(2, 2, 2), np.array([0, 1])


@pytest.mark.parametrize(
    ("chunks", "options", "says"),
    [
        ([GOOD], {"rows_per_block": 0}, "rows_per_block=0"),
        ([GOOD], {"rows_per_block": 9, "rows_per_shard": 8}, "rows_per_block=9.*from 1 to 8"),
        ([GOOD], {"rows_per_shard": 1.5}, "rows_per_shard=1.5"),
        ([], {}, "no images to write"),
        ([(GOOD[0][:0], GOOD[1][:0])], {}, "no images to write"),
        ([(GOOD[0].astype(float), GOOD[1])], {}, "images of chunk 0 are float64"),
        ([(GOOD[0][0], GOOD[1])], {}, r"uint8 of shape \(2, 2\)"),
        ([GOOD, (np.zeros((2, 3, 2), np.uint8), GOOD[1])], {}, r"chunk 1 have .*\(1, 3, 2\)"),
        ([(GOOD[0], GOOD[1][:1])], {}, r"labels of chunk 0 .* shape \(1,\), expected"),
        ([(GOOD[0], GOOD[1] / 2)], {}, "labels of chunk 0 are float64"),
        ([(GOOD[0], GOOD[1] + 1)], {}, "run from 1 to 2, expected 0 to 1"),
        ([(GOOD[0], GOOD[1] - 1)], {}, "run from -1 to 0"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, chunks, options, says):
    with pytest.raises(UsageError, match=says):
        write_shards(tmp_path / "new", chunks, classes="ab", **options)
    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())


def test_an_unknown_protocol_is_refused():
    with pytest.raises(UsageError, match="folder='nowhere://x' cannot be opened"):
        write_shards("nowhere://x", [GOOD], classes="ab")


@pytest.mark.parametrize("package", ["pyarrow.parquet", "fsspec"])
def test_a_missing_package_is_named(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match="pip install"):
        write_shards(tmp_path, [GOOD], classes="ab")
    with pytest.raises(MissingExtraError, match="pip install"):
        ShardStream(tmp_path)


def test_the_progress_bar_counts_images(tmp_path, capfd):
    write_shards(tmp_path / "new", [numbered(12)], classes="abcdefg", rows=12, progress=True)
    shown = capfd.readouterr()
    assert "12/12" in shown.out + shown.err


def test_the_index_is_plain_json(write):
    content = json.loads((Path(write(53)) / "index.json").read_text())
    assert (content["format"], content["rows"]) == (1, 53)
    assert [shard["rows"] for shard in content["shards"]] == [20, 20, 13]
