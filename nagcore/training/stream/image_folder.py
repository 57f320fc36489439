"""A folder of images, a subfolder for each class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nagcore.errors import DataError, MissingExtraError

_CHUNK = 256
_ENDINGS = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def read_image_folder(
    folder: Path, rows: int | None = None
) -> tuple[Iterator[tuple[np.ndarray, np.ndarray]], int, tuple[str, ...]]:
    """Return the images of a folder in an order that mixes the classes, their number, the classes.

    Which order it is depends on the names of the files alone: stored class by class, the images of
    a mini-batch would be too much alike.

    Args:
        folder: with a subfolder for each class; other files are passed over.
        rows: how many images; the folder is gone through as often as it takes. All if left out.

    Raises:
        DataError: no images, or (when it is come to) one that cannot be read, or that differs
            from the first in size, or in being grey or coloured.
        MissingExtraError: Pillow is not installed.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("pillow", "benchmarks", "reading images") from error
    classes = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))
    files = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in _ENDINGS
    ]
    if not files:
        raise DataError(
            f"{folder} holds no images; expected a subfolder for each class with images in it, "
            f"their names ending in {', '.join(_ENDINGS)}"
        )
    wanted = len(files) if rows is None else rows
    order = np.random.default_rng(0).permutation(len(files))
    chosen = (files[order[place % len(files)]] for place in range(wanted))
    return _chunks(chosen), wanted, classes


def _chunks(files: Iterator[tuple[Path, int]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    images: list[np.ndarray] = []
    labels: list[int] = []
    first: tuple[Path, np.ndarray] | None = None
    for path, label in files:
        image = _read_image(path)
        if first is None:
            first = path, image
        if image.shape != first[1].shape:
            raise DataError(
                f"{path} has the shape {image.shape} (channels, height, width), expected "
                f"{first[1].shape} as {first[0]} has: all images of a data set are of one shape"
            )
        images.append(image)
        labels.append(label)
        if len(images) == _CHUNK:
            yield np.stack(images), np.array(labels)
            images, labels = [], []
    if images:
        yield np.stack(images), np.array(labels)


def _read_image(path: Path) -> np.ndarray:
    """Return an image as uint8 (channels, height, width): 1 channel if grey, else 3."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            grey = image.mode in ("1", "L")
            pixels = np.asarray(image.convert("L" if grey else "RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}; mend or remove it") from error
    return pixels[np.newaxis] if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))
