"""The index of a data set: what its shards are, written when they all are there."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nagcore.errors import DataError
from nagcore.training.stream.storage import Folder, open_folder

INDEX = "index.json"
FORMAT = 1
# under which a shard's footer repeats the hash of its data
DIGEST_KEY = "nagcore.data_sha256"


@dataclass(frozen=True)
class Shard:
    """One file of the data set.

    Args:
        name: of the file, in the folder.
        blocks: rows of each block; a block is a row group, the least that is read at once.
        bytes: size of the file.
        sha256: of the file.
        data_sha256: of the file up to its footer, which repeats it: tells a shard of another
            data set at no cost.
    """

    name: str
    blocks: tuple[int, ...]
    bytes: int
    sha256: str
    data_sha256: str

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.blocks)


@dataclass(frozen=True)
class Index:
    """What a folder of shards holds.

    Args:
        image_shape: channels, height, width.
        classes: what each label means.
        mean: of the pixels of the training images, scaled to [0, 1].
        deviation: their standard deviation.
        shards: in order.
    """

    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: float
    deviation: float
    shards: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        """The number of images."""
        return sum(shard.rows for shard in self.shards)

    @property
    def image_bytes(self) -> int:
        """Bytes of an image."""
        return math.prod(self.image_shape)

    def to_json(self) -> str:
        """Return the text of the file."""
        content = {"format": FORMAT, "rows": self.rows, **asdict(self)}
        for entry, shard in zip(content["shards"], self.shards, strict=True):
            entry["rows"] = shard.rows
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_index(folder: Path | str | Folder) -> Index:
    """Return the index of a folder of shards.

    Raises:
        DataError: there is none, or it cannot be understood.
        UsageError: the folder's URL cannot be used.
        MissingExtraError: fsspec is not installed.
    """
    place = folder if isinstance(folder, Folder) else open_folder(folder)
    try:
        text = place.read(INDEX)
    except FileNotFoundError as error:
        raise DataError(
            f"{place.url} holds no {INDEX}: it is not a data set of shards, or its writing was "
            "interrupted; write it with 'nagcore data shard SOURCE FOLDER'"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {INDEX} in {place.url}: {error}") from error
    try:
        return _parse(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{INDEX} in {place.url} cannot be understood ({type(error).__name__}: {error}); "
            f"expected the index of a data set in format {FORMAT}, as 'nagcore data shard' writes "
            "it: write the data set anew, or read it with the version that wrote it"
        ) from error


def _parse(content: Any) -> Index:
    if content["format"] != FORMAT:
        raise ValueError(f"format is {content['format']!r}")
    index = Index(
        image_shape=tuple(_count(size) for size in content["image_shape"]),  # pyright: ignore
        classes=tuple(str(name) for name in content["classes"]),
        mean=_finite(content["mean"]),
        deviation=_finite(content["deviation"]),
        shards=tuple(_parse_shard(entry) for entry in content["shards"]),
    )
    if len(index.image_shape) != 3 or index.deviation <= 0 or not index.classes:
        raise ValueError("image_shape has 3 sizes, deviation is positive, there are classes")
    if index.rows != content["rows"] or not index.rows:
        raise ValueError(f"rows is {content['rows']!r}, and the blocks have {index.rows}")
    return index


def _parse_shard(entry: Any) -> Shard:
    name = entry["name"]
    if not isinstance(name, str) or name != Path(name).name:
        raise ValueError(f"a shard is named {name!r}")  # nothing outside the folder is opened
    return Shard(
        name,
        tuple(_count(rows) for rows in entry["blocks"]),
        _count(entry["bytes"]),
        str(entry["sha256"]),
        str(entry["data_sha256"]),
    )


def _count(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{value!r} is not a whole number above 0")
    return value


def _finite(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)
