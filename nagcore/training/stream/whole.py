"""A small data set of shards, held in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from nagcore.errors import UsageError
from nagcore.training.data import ImageData
from nagcore.training.stream.index import read_index
from nagcore.training.stream.shard import ShardReader
from nagcore.training.stream.storage import open_folder
from nagcore.training.stream.stream import ShardStream


def load_shards(folder: Path | str, *, like: ShardStream) -> ImageData:
    """Return all images of a folder of shards, in stored order, to judge a model on.

    They are normalised with mean and deviation of the stream that the model is trained on, so
    that nothing of them reaches the model.

    Args:
        folder: with an index; a path, or a URL that fsspec knows.
        like: the stream of the training images.

    Raises:
        UsageError: classes or image shape are not those of the stream, or a shard is damaged.

    Example:
        >>> from nagcore.training.stream import write_shards
        >>> images, labels = np.arange(80, dtype=np.uint8).reshape(5, 4, 4), np.arange(5) % 2
        >>> for name in ("learn", "judge"):
        ...     url = f"memory://{name}"
        ...     _ = write_shards(url, [(images, labels)], classes=("bag", "boot"))
        >>> load_shards("memory://judge", like=ShardStream("memory://learn")).labels.tolist()
        [0, 1, 0, 1, 0]
    """
    place = open_folder(folder)
    index, expected = read_index(place), like.index
    for what in ("classes", "image_shape"):
        ours, theirs = getattr(index, what), getattr(expected, what)
        if ours != theirs:
            raise UsageError(
                f"{folder} has {what.replace('_', ' ')} {ours}, and the training images {theirs}; "
                "make both from one source"
            )
    reader = ShardReader(place, index)
    reader.check_sizes()
    blocks = [
        reader.read(shard, block)
        for shard, entry in enumerate(index.shards)
        for block in range(len(entry.blocks))
    ]
    pixels = torch.from_numpy(np.concatenate([images for images, _ in blocks]))
    images = pixels.view(len(pixels), *index.image_shape).float()
    images.div_(255).sub_(expected.mean).div_(expected.deviation)
    labels = torch.from_numpy(np.concatenate([labels for _, labels in blocks]))
    return ImageData(images, labels, index.classes)
