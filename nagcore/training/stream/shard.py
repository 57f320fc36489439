"""Read one block of one shard, and find out if it is not what the index says."""

from __future__ import annotations

from typing import Any

import numpy as np

from nagcore.training.stream.errors import ShardError
from nagcore.training.stream.index import DIGEST_KEY, Index, Shard
from nagcore.training.stream.storage import Folder, require_parquet

# What comes where bytes make no sense, beside pyarrow's own errors: a length that is none asks for
# more memory than there is, a name is not UTF-8.
_UNREADABLE = (OSError, EOFError, MemoryError, OverflowError, UnicodeError)


class ShardReader:
    """Reads blocks; several threads may do so at a time.

    Args:
        folder: of the data set.
        index: of the same.
    """

    def __init__(self, folder: Folder, index: Index) -> None:
        self._folder, self._index = folder, index
        self._footers: dict[int, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Footers are read again in another process: not every version of pyarrow can send them.
        return self.__dict__ | {"_footers": {}}

    def check_sizes(self) -> None:
        """Raise ShardError unless every shard is there with the bytes that the index names."""
        for shard in self._index.shards:
            if fault := self.size_fault(shard):
                raise ShardError(shard.name, self._folder.url, fault)

    def size_fault(self, shard: Shard) -> str | None:
        """Say what is wrong with the size of a shard, or return None."""
        size = self._folder.size(shard.name)
        if size is None:
            return "the file is missing"
        if size != shard.bytes:
            return f"the file has {size:,} bytes, expected {shard.bytes:,}"
        return None

    def read(self, shard: int, block: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images and labels of a block, both read-only.

        Returns:
            Images uint8 (rows, bytes of an image), and labels int64 (rows,).

        Raises:
            ShardError: the file is missing, damaged, or of another data set.
        """
        import pyarrow

        entry = self._index.shards[shard]
        try:
            with self._folder.opened(entry.name) as file:
                footer = self._footers.get(shard)
                if footer is None:
                    footer = self._footers[shard] = self._footer(shard, file)
                table = (
                    require_parquet()
                    .ParquetFile(file, metadata=footer, page_checksum_verification=True)
                    .read_row_group(block, columns=["image", "label"], use_threads=False)
                )
        except ShardError:
            raise
        except FileNotFoundError as error:
            raise self._error(shard, "the file is missing") from error
        except (*_UNREADABLE, pyarrow.ArrowException) as error:
            fault = f"it cannot be read ({' '.join(str(error).split())}), expected a whole block"
            raise self._error(shard, fault, block) from error
        return self._arrays(table, shard, block)

    def _footer(self, shard: int, file: Any) -> Any:
        """Read what the file says of itself, and compare it with the index."""
        entry = self._index.shards[shard]
        footer = require_parquet().ParquetFile(file).metadata
        blocks = tuple(footer.row_group(i).num_rows for i in range(footer.num_row_groups))
        if blocks != entry.blocks:
            fault = f"it has blocks of {_few(blocks)} rows, expected {_few(entry.blocks)}"
            raise self._error(shard, fault)
        digest = (footer.metadata or {}).get(DIGEST_KEY.encode(), b"none").decode(errors="replace")
        if digest != entry.data_sha256:
            raise self._error(
                shard,
                f"it is a shard of another data set: the hash of its data is {digest}, expected "
                f"{entry.data_sha256}",
            )
        return footer

    def _arrays(self, table: Any, shard: int, block: int) -> tuple[np.ndarray, np.ndarray]:
        import pyarrow

        rows, size = self._index.shards[shard].blocks[block], self._index.image_bytes
        types = (pyarrow.binary(size), pyarrow.int64())
        if tuple(table.schema.types) != types or table.num_rows != rows:
            fault = f"it has {table.num_rows} rows of {table.schema.types}, expected {rows} of "
            raise self._error(shard, f"{fault}{list(types)}", block)
        image, label = (_one_array(column) for column in table.columns)
        if image.null_count or label.null_count:
            raise self._error(shard, "it has missing values, expected none", block)
        # pyarrow's own way to NumPy imports pandas first
        images = np.frombuffer(image.buffers()[1], np.uint8, rows * size, image.offset * size)
        labels = np.frombuffer(label.buffers()[1], np.int64, rows, label.offset * 8)
        if not 0 <= labels.min() <= labels.max() < len(self._index.classes):
            fault = f"labels run from {labels.min()} to {labels.max()}, expected 0 to "
            raise self._error(shard, f"{fault}{len(self._index.classes) - 1}", block)
        return images.reshape(rows, size), labels

    def _error(self, shard: int, fault: str, block: int | None = None) -> ShardError:
        return ShardError(self._index.shards[shard].name, self._folder.url, fault, block)


def _one_array(column: Any) -> Any:
    import pyarrow

    return column.chunk(0) if column.num_chunks == 1 else pyarrow.concat_arrays(column.chunks)


def _few(blocks: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, blocks[:3]))
    return f"{shown}, … ({len(blocks)} in all)" if len(blocks) > 3 else shown or "no"
