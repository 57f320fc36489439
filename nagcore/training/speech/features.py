"""Spectrograms of spoken digits as small whole numbers, in one file."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nagcore.errors import DataError, UsageError
from nagcore.files import write_whole
from nagcore.training.speech.log_mel import BANDS, FRAMES, RANGE

LEVELS = 16
"""steps of loudness that are kept, four decibels apart"""
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, eq=False)
class DigitFeatures:
    """Spectrograms with what was said and who said it.

    Args:
        levels: uint8 (n, bands, frames), from 0, the quietest, to 15.
        digits: uint8 (n,), from 0 to 9.
        speakers: str (n,).

    Raises:
        UsageError: types, shapes or values that do not fit together.
    """

    levels: np.ndarray
    digits: np.ndarray
    speakers: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.digits)
        shape = (count, BANDS, FRAMES)
        if self.levels.shape != shape or self.levels.dtype != np.uint8:
            raise UsageError(
                f"levels are {self.levels.dtype} of shape {self.levels.shape}, expected uint8 of "
                f"shape {shape}"
            )
        if self.digits.shape != (count,) or self.speakers.shape != (count,):
            raise UsageError(
                f"digits and speakers have the shapes {self.digits.shape} and "
                f"{self.speakers.shape}, expected one of each per spectrogram"
            )
        if count and (int(self.levels.max()) >= LEVELS or int(self.digits.max()) > 9):
            raise UsageError(f"a level above {LEVELS - 1} or a digit above 9 cannot be used")

    def __len__(self) -> int:
        return len(self.digits)

    @property
    def sha256(self) -> str:
        """Return the hash of all that is in it."""
        parts = (self.levels.tobytes(), self.digits.tobytes(), "\n".join(self.speakers).encode())
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def of(self, speakers: set[str]) -> DigitFeatures:
        """Return what these speakers say."""
        chosen = np.isin(self.speakers, sorted(speakers))
        return DigitFeatures(self.levels[chosen], self.digits[chosen], self.speakers[chosen])


def to_levels(decibels: torch.Tensor) -> np.ndarray:
    """Return a spectrogram from −60 to 0 decibels in levels from 0 to 15.

    Example:
        >>> to_levels(torch.tensor([-60.0, -30.0, 0.0])).tolist()
        [0, 8, 15]
    """
    scaled = (decibels + RANGE) / RANGE * (LEVELS - 1)
    return scaled.round().to(torch.uint8).numpy()


def save_features(features: DigitFeatures, path: Path) -> None:
    """Write features into an .npz file, whole or not at all."""
    packed = io.BytesIO()
    np.savez_compressed(
        packed, levels=features.levels, digits=features.digits, speakers=features.speakers
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, packed.getvalue())


def read_features(path: Path) -> DigitFeatures:
    """Read what `save_features` wrote.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            return DigitFeatures(*(content[name] for name in ("levels", "digits", "speakers")))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} cannot be read as spoken digits: {error}; make it with: nagcore data speech"
        ) from error
