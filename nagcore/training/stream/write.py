"""Write images as a data set of shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nagcore.errors import UsageError
from nagcore.training.checks import require_count
from nagcore.training.stream.blocks import Images, Labels, as_blocks
from nagcore.training.stream.index import DIGEST_KEY, INDEX, Index, Shard
from nagcore.training.stream.statistics import PixelSums
from nagcore.training.stream.storage import Folder, HashingFile, open_folder, require_parquet

ROWS_PER_SHARD = 262_144
ROWS_PER_BLOCK = 4_096
# One page for each column of a block: fewer headers, and no page to put together.
_PAGE_BYTES = 2**30


def write_shards(
    folder: Path | str,
    chunks: Iterable[tuple[Images, Labels]],
    *,
    classes: Sequence[str],
    rows_per_shard: int = ROWS_PER_SHARD,
    rows_per_block: int = ROWS_PER_BLOCK,
    statistics: tuple[float, float] | None = None,
    rows: int | None = None,
    progress: bool = False,
) -> Index:
    """Write images and labels as Parquet shards, and an index when all of them are there.

    One block of images is held in memory. Each shard has its name only when it is whole, and an
    interrupted writing leaves no index. A shard is an ordinary Parquet file with the columns
    `image` (the bytes of an image, channels first) and `label`, not compressed, its pages with
    checksums.

    Args:
        folder: where to; a path, or a URL that fsspec knows. It may not hold a data set yet.
        chunks: images, uint8 (n, height, width) or (n, channels, height, width), all of one size,
            with labels, whole numbers (n,), each an index into `classes`.
        classes: what each label means.
        rows_per_shard: images of a file; rounded down to whole blocks.
        rows_per_block: images that are read at once.
        statistics: mean and standard deviation of the pixels, scaled to [0, 1], to normalise
            with; those of these images if left out. For test images give those of the training
            images.
        rows: how many images will come, for the progress bar alone.
        progress: whether to show it.

    Returns:
        The index.

    Raises:
        UsageError: a number or array that cannot be used, no images, a folder that holds a data
            set, or cannot be written to.
        MissingExtraError: pyarrow or fsspec is not installed.

    Example:
        >>> import numpy as np
        >>> images, labels = np.arange(48, dtype=np.uint8).reshape(3, 4, 4), np.array([0, 1, 0])
        >>> index = write_shards("memory://written", [(images, labels)], classes=("bag", "boot"))
        >>> index.rows, index.image_shape, [shard.name for shard in index.shards]
        (3, (1, 4, 4), ['shard-00000.parquet'])
    """
    require_count(rows_per_shard, "rows_per_shard")
    require_count(rows_per_block, "rows_per_block", at_most=rows_per_shard, of=", rows_per_shard")
    require_parquet()
    place = open_folder(folder)
    if place.size(INDEX) is not None:
        raise UsageError(
            f"folder={place.url!r} holds a data set already; expected a folder without {INDEX}: "
            "name another one, or remove this one first"
        )
    sums = PixelSums()
    shards: list[Shard] = []
    shape: tuple[int, int, int] | None = None
    try:
        with _bar(rows, shown=progress) as bar:
            blocks = _counted(as_blocks(chunks, rows_per_block, len(classes)), bar, sums)
            per_shard = rows_per_shard // rows_per_block
            for group in _groups(blocks, per_shard):
                name = f"shard-{len(shards):05}.parquet"
                shard, shape = _write_shard(place, name, group)
                shards.append(shard)
        if shape is None:
            raise UsageError("there are no images to write; expected one or more")
        mean, deviation = statistics or sums.mean_and_deviation()
        index = Index(shape, tuple(classes), mean, deviation, tuple(shards))
        place.write_whole(INDEX, index.to_json())
    except BaseException as error:
        for shard in shards:
            place.remove(shard.name)
        if isinstance(error, OSError):
            raise UsageError(
                f"cannot write into {place.url}: {error.strerror or error}; nothing was kept. "
                "Expected a folder that can be written to, with free space: make room, or name "
                "another one"
            ) from error
        raise
    return index


def _write_shard(
    place: Folder, name: str, blocks: Iterator[tuple[Images, Labels]]
) -> tuple[Shard, tuple[int, int, int]]:
    """Write blocks into one file; return what the index says of it, and the images' shape."""
    images, labels = next(blocks)
    shape: tuple[int, int, int] = images.shape[1:]
    counts: list[int] = []
    with place.writing(name) as file:
        schema = _schema(images[0].size)
        with _writer(file, schema) as writer:
            while True:
                writer.write_table(_table(images, labels, schema), row_group_size=len(labels))
                counts.append(len(labels))
                following = next(blocks, None)
                if following is None:
                    break
                images, labels = following
            data_sha256 = file.sha256()
            writer.add_key_value_metadata({DIGEST_KEY: data_sha256})
        shard = Shard(name, tuple(counts), file.bytes, file.sha256(), data_sha256)
    return shard, shape


def _schema(image_bytes: int) -> Any:
    import pyarrow

    return pyarrow.schema(
        [
            pyarrow.field("image", pyarrow.binary(image_bytes), nullable=False),
            pyarrow.field("label", pyarrow.int64(), nullable=False),
        ]
    )


def _writer(file: HashingFile, schema: Any) -> Any:
    # Encoded plainly, an image is in the file as it is in memory, and need not be decoded.
    return require_parquet().ParquetWriter(
        file,
        schema,
        compression="none",
        use_dictionary=False,
        column_encoding={"image": "PLAIN", "label": "PLAIN"},
        write_statistics=False,
        write_page_checksum=True,
        data_page_size=_PAGE_BYTES,
    )


def _table(images: Images, labels: Labels, schema: Any) -> Any:
    import pyarrow

    column = pyarrow.FixedSizeBinaryArray.from_buffers(
        schema.field("image").type, len(labels), [None, pyarrow.py_buffer(images)]
    )
    return pyarrow.Table.from_arrays([column, pyarrow.array(labels)], schema=schema)


def _groups(
    blocks: Iterator[tuple[Images, Labels]], size: int
) -> Iterator[Iterator[tuple[Images, Labels]]]:
    """Yield iterators over `size` blocks each; each is to be used up before the next."""
    for first in blocks:

        def group(first: tuple[Images, Labels] = first) -> Iterator[tuple[Images, Labels]]:
            yield first
            for _ in range(size - 1):
                block = next(blocks, None)
                if block is None:
                    return
                yield block

        yield group()


def _counted(
    blocks: Iterator[tuple[Images, Labels]], bar: Progress, sums: PixelSums
) -> Iterator[tuple[Images, Labels]]:
    for images, labels in blocks:
        sums.add(images)
        yield images, labels
        bar.advance(bar.task_ids[0], len(labels))


def _bar(rows: int | None, *, shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, TimeRemainingColumn(), disable=not shown)
    bar.add_task("writing images", total=rows)
    return bar
