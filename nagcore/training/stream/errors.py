"""What can be wrong with a shard."""

from __future__ import annotations

from nagcore.errors import DataError


class ShardError(DataError):
    """A shard is missing, cut short, damaged or not the one that the index names.

    Args:
        shard: name of the file.
        folder: where it should be.
        fault: what is wrong, and what was expected.
        block: which block of the shard, from 0; None where the whole shard is concerned.
    """

    def __init__(self, shard: str, folder: str, fault: str, block: int | None = None) -> None:
        self.shard, self.folder, self.fault, self.block = shard, folder, fault, block
        where = shard if block is None else f"{shard}, block {block}"
        super().__init__(
            f"{where} in {folder}: {fault}; put a whole copy of the file there, write the data set "
            "anew with 'nagcore data shard', or go on without the damaged blocks: "
            "skip_bad=True, on the command line --skip-bad"
        )

    def __reduce__(self) -> tuple:
        # A worker process hands the error to the one that waits for it.
        return ShardError, (self.shard, self.folder, self.fault, self.block)
