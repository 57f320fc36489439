"""Changes of images as text, for the command line and configuration files."""

from __future__ import annotations

from nagcore.training.augment import Cutout, HorizontalFlip, RandomCrop, Transform
from nagcore.training.calls import parse_call

TRANSFORMS: dict[str, type[Transform]] = {
    "crop": RandomCrop,
    "flip": HorizontalFlip,
    "cutout": Cutout,
}


def parse_augmentation(text: str) -> tuple[Transform, ...]:
    """Return the transforms that a text such as `crop(2)+flip(0.5)` means; none for an empty one.

    Raises:
        UsageError: a name or a value that cannot be used.

    Example:
        >>> parse_augmentation("flip(0.5)+cutout(8)")[0]
        HorizontalFlip(p=0.5)
    """
    parts = [part for part in text.split("+") if part.strip()]
    return tuple(parse_call(part, "augmentation", TRANSFORMS, "crop(2)") for part in parts)
