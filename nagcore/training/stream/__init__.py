"""Data larger than memory: images in Parquet shards, read shuffled, in parts, from anywhere."""

from nagcore.training.stream.errors import ShardError
from nagcore.training.stream.index import Index, Shard, read_index
from nagcore.training.stream.sources import make_shards
from nagcore.training.stream.stream import ShardStream
from nagcore.training.stream.torch_dataset import ShardDataset
from nagcore.training.stream.verify import BadBlock, verify_shards
from nagcore.training.stream.write import write_shards

__all__ = [
    "BadBlock",
    "Index",
    "Shard",
    "ShardDataset",
    "ShardError",
    "ShardStream",
    "make_shards",
    "read_index",
    "verify_shards",
    "write_shards",
]
