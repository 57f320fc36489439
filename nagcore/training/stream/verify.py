"""Find the damaged blocks of a data set."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nagcore.training.stream.errors import ShardError
from nagcore.training.stream.index import Index, read_index
from nagcore.training.stream.shard import ShardReader
from nagcore.training.stream.storage import open_folder

_CHUNK = 2**22


class BadBlock(NamedTuple):
    """A block that cannot be read."""

    shard: str
    block: int
    rows: int
    fault: str


def find_bad_blocks(
    reader: ShardReader, index: Index, *, threads: int, progress: bool = False
) -> tuple[BadBlock, ...]:
    """Read every block once and return those that cannot be read.

    Args:
        reader: of the data set.
        index: of the same.
        threads: that read.
        progress: whether to show a progress bar.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, TimeRemainingColumn(), disable=not progress) as bar,
        ThreadPoolExecutor(threads) as pool,
    ):
        task = bar.add_task("looking for damaged blocks", total=index.rows)

        def look_at(shard: int) -> list[BadBlock]:
            found = _bad_blocks_of(reader, index, shard)
            bar.advance(task, index.shards[shard].rows)
            return found

        found = list(pool.map(look_at, range(len(index.shards))))
    return tuple(bad for blocks in found for bad in blocks)


def _bad_blocks_of(reader: ShardReader, index: Index, shard: int) -> list[BadBlock]:
    entry = index.shards[shard]
    whole = reader.size_fault(entry)
    found = []
    for block, rows in enumerate(entry.blocks):
        try:
            if whole is None:
                reader.read(shard, block)
                continue
            fault = whole
        except ShardError as error:
            fault = error.fault
        found.append(BadBlock(entry.name, block, rows, fault))
    return found


def verify_shards(folder: Path | str) -> Index:
    """Compare every shard with its SHA-256 and return the index.

    Reading finds damage in what it reads. This finds a file that differs in any bit.

    Raises:
        ShardError: a shard is missing or differs.
        DataError: there is no index.
        UsageError: the folder's URL cannot be used.
        MissingExtraError: fsspec is not installed.

    Example:
        >>> import numpy as np
        >>> from nagcore.training.stream import write_shards
        >>> images, labels = np.arange(48, dtype=np.uint8).reshape(3, 4, 4), np.array([0, 1, 0])
        >>> _ = write_shards("memory://verified", [(images, labels)], classes=("bag", "boot"))
        >>> verify_shards("memory://verified").rows
        3
    """
    place = open_folder(folder)
    index = read_index(place)
    reader = ShardReader(place, index)
    reader.check_sizes()
    for shard in index.shards:
        digest = hashlib.sha256()
        with place.filesystem.open(place.file(shard.name), "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != shard.sha256:
            fault = f"its SHA-256 is {digest.hexdigest()}, expected {shard.sha256}"
            raise ShardError(shard.name, place.url, fault)
    return index
