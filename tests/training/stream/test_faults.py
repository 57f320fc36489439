"""What is damaged is named, and left out if so wished; nothing wrong is ever delivered."""

from __future__ import annotations

import itertools
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nagcore.errors import DataError
from nagcore.training.stream import (
    ShardError,
    ShardStream,
    read_index,
    verify_shards,
    write_shards,
)

from .conftest import numbered, places_of

SECOND = "shard-00001.parquet"


def read_all(folder, **options) -> list[int]:
    stream = ShardStream(folder, normalise=False, **options)
    batches = stream.batches(min(7, len(stream)), seed=0, epoch=0)
    return sorted(itertools.chain(*(places_of(batch.inputs) for batch in batches)))


def flip(path: Path, byte: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[byte] ^= 1 << bit
    path.write_bytes(content)


def byte_of_block(path: Path, block: int) -> int:
    """Where the pixels of a block are: its page ends with them."""
    column = pq.ParquetFile(path).metadata.row_group(block).column(0)
    return column.data_page_offset + column.total_compressed_size - 1


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zero(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def flip_pixel(path: Path) -> None:
    flip(path, byte_of_block(path, 2))


def swap(path: Path) -> None:
    """Put a shard of the same form, bytes and name from another data set in its place."""
    images, labels = numbered(60)
    other = path.parent.with_name("other")
    options = {"classes": list("abcdefg"), "rows_per_shard": 20, "rows_per_block": 5}
    write_shards(other, [(255 - images, labels)], **options)
    assert (other / path.name).stat().st_size == path.stat().st_size
    shutil.copy(other / path.name, path)


def rewrite(path: Path, **changes) -> None:
    """Put another Parquet file there and let the index expect its size."""
    count = changes.get("rows", 20)
    schema = pa.schema([("image", pa.binary(6)), ("label", changes.get("type", pa.int64()))])
    image = [changes.get("image", b"abcdef")] * count
    table = pa.table({"image": image, "label": [changes.get("label", 1)] * count}, schema=schema)
    index = json.loads((path.parent / "index.json").read_text())
    entry = next(shard for shard in index["shards"] if shard["name"] == path.name)
    metadata = {"nagcore.data_sha256": entry["data_sha256"]}
    table = table.replace_schema_metadata(metadata)
    pq.write_table(table, path, row_group_size=5, compression="none")
    entry["bytes"] = path.stat().st_size
    (path.parent / "index.json").write_text(json.dumps(index))


AT_OPENING = {remove: "the file is missing", cut: "bytes, expected", empty: "the file has 0 bytes"}
AT_READING = {
    zero: "cannot be read",
    flip_pixel: "block 2.*CRC",
    swap: "a shard of another data set",
    lambda path: rewrite(path, rows=15): "blocks of 5, 5, 5 rows, expected 5, 5, 5, … \\(4 in all",
    lambda path: rewrite(path, label=7): "labels run from 7 to 7, expected 0 to 6",
    lambda path: rewrite(path, label=None): "missing values",
    lambda path: rewrite(path, type=pa.int32()): "int32",
}


@pytest.mark.parametrize(("damage", "says"), AT_OPENING.items())
def test_what_the_size_tells_is_found_at_opening(write, damage, says):
    folder = write(60)
    damage(Path(folder) / SECOND)
    with pytest.raises(ShardError, match=f"{SECOND} in .*{says}.*--skip-bad") as caught:
        ShardStream(folder)
    assert isinstance(caught.value, DataError)


@pytest.mark.parametrize(("damage", "says"), AT_READING.items())
def test_what_the_size_does_not_tell_is_found_at_reading(write, damage, says):
    folder = write(60)
    damage(Path(folder) / SECOND)
    with pytest.raises(ShardError, match=f"{SECOND}.*{says}.*whole copy.*--skip-bad"):
        read_all(folder)


def test_a_shard_that_vanishes_in_the_middle_is_named(write):
    folder = write(60)
    stream = ShardStream(folder)
    (Path(folder) / SECOND).unlink()
    with pytest.raises(ShardError, match=f"{SECOND} in .*missing"):
        list(stream.batches(7, seed=0, epoch=0))


@pytest.mark.parametrize(
    ("damage", "lost"),
    [(remove, 20), (cut, 20), (zero, 20), (swap, 20), (flip_pixel, 5)],
)
def test_skip_bad_counts_what_it_leaves_out(write, damage, lost):
    folder = write(60)
    damage(Path(folder) / SECOND)
    stream = ShardStream(folder, skip_bad=True)
    assert (len(stream), stream.bad_rows) == (60 - lost, lost)
    assert {bad.shard for bad in stream.bad} == {SECOND}
    first = 20 if lost == 20 else 30
    expected = [place for place in range(60) if not first <= place < first + lost]
    assert read_all(folder, skip_bad=True) == expected


def test_skip_bad_leaves_a_whole_data_set_alone(write):
    folder = write(60)
    assert ShardStream(folder, skip_bad=True).bad == ()
    assert read_all(folder, skip_bad=True) == read_all(folder) == list(range(60))


def test_nothing_left_is_an_error_even_if_bad_is_skipped(write):
    folder = write(10)
    remove(Path(folder) / "shard-00000.parquet")
    with pytest.raises(ShardError, match="no other block is whole"):
        ShardStream(folder, skip_bad=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_bit_anywhere_is_found_or_harmless(write, seed):
    folder = Path(write(20))
    path = folder / "shard-00000.parquet"
    whole, generator = path.read_bytes(), np.random.default_rng(seed)
    for byte in generator.choice(len(whole), 60, replace=False):
        flip(path, int(byte), int(generator.integers(8)))
        try:
            stream = ShardStream(folder, normalise=False, threads=1)
            (batch,) = stream.batches(20, seed=0, epoch=0)
        except ShardError:
            pass
        else:
            # such as a bit of the name of the writer in the footer
            places = places_of(batch.inputs)
            assert sorted(places) == list(range(20))
            assert batch.targets.tolist() == [place % 7 for place in places]
        with pytest.raises(ShardError, match="SHA-256"):
            verify_shards(folder)
        path.write_bytes(whole)
    assert verify_shards(folder).rows == 20


def test_a_name_in_the_footer_that_is_no_text_is_found(write):
    path = Path(write(20)) / "shard-00000.parquet"
    flip(path, path.read_bytes().index(b"label"), 7)
    with pytest.raises(ShardError, match="cannot be read"):
        read_all(path.parent)


def test_an_error_can_be_handed_on_by_a_worker(write):
    error = ShardError("a.parquet", "folder", "it is gone", 3)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.block) == (str(error), 3)


def test_a_folder_without_index_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no index\.json.*interrupted.*nagcore data shard"):
        ShardStream(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"mean": "0.5"}, {"deviation": 0}, {"deviation": float("nan")},
        {"classes": []}, {"rows": 11}, {"shards": None}, {"shards": []}, {"image_shape": [2, 3]},
        {"image_shape": [1, -2, 3]},
    ],
)  # fmt: skip
def test_an_index_that_makes_no_sense_is_refused(write, change):
    path = Path(write(10)) / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=r"index\.json in .* cannot be understood"):
        read_index(path.parent)


def test_an_index_cannot_name_a_file_elsewhere(write):
    path = Path(write(10)) / "index.json"
    path.write_text(path.read_text().replace("shard-00000", "../shard-00000"))
    with pytest.raises(DataError, match="cannot be understood"):
        ShardStream(path.parent)


def test_an_index_cut_short_is_refused(write):
    path = Path(write(10)) / "index.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DataError, match="cannot be understood"):
        ShardStream(path.parent)
