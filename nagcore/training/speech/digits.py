"""Spoken digits to learn from: no voice of the training is heard again in the test."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from nagcore.errors import DataError, UsageError
from nagcore.training.checks import require_seed
from nagcore.training.data import ImageData
from nagcore.training.speech.features import LEVELS, WORDS, DigitFeatures, read_features
from nagcore.training.speech.recordings import read_recordings

ENVIRONMENT_VARIABLE = "NAGCORE_SPEECH"
SHIPPED = Path(str(resources.files("nagcore.training"))) / "shipped" / "digits.npz"
SYNTHESISED = Path("data") / "speech.npz"
"""where `nagcore data speech` puts what it makes"""
PARTS = (0, 0, 1, 0, 2)
"""part of the first five speakers in alphabetical order, and so on: training, validation, test"""


def load_features(source: Path | str | None = None) -> DigitFeatures:
    """Return the spectrograms of spoken digits.

    Args:
        source: "shipped", every speaker once, in the package; "synthesised", several takes, made
            by `nagcore data speech`; a file made by it; or a folder of recordings named
            DIGIT_NAME_NUMBER.wav. If left out: what the environment variable NAGCORE_SPEECH
            names, else "synthesised" where it was made, else "shipped".

    Raises:
        DataError: there is no such source, or it cannot be read.

    Example:
        >>> load_features("shipped").levels.shape[1:]
        (40, 40)
    """
    if source is None:
        made = "synthesised" if SYNTHESISED.is_file() else "shipped"
        source = os.environ.get(ENVIRONMENT_VARIABLE) or made
    path = {"shipped": SHIPPED, "synthesised": SYNTHESISED}.get(str(source), Path(source))
    path = path.expanduser()
    if path.is_dir():
        return read_recordings(path)
    if not path.exists():
        raise DataError(
            f"{path} is not there; expected shipped, synthesised, a file or a folder. For "
            "synthesised, run: nagcore data speech"
        )
    return read_features(path)


def split_speakers(names: np.ndarray) -> tuple[set[str], set[str], set[str]]:
    """Return the speakers of training, validation and test: three, one and one of every five.

    Args:
        names: of the speakers, with repetitions.

    Raises:
        UsageError: fewer than five speakers.

    Example:
        >>> [sorted(part) for part in split_speakers(np.array(list("edcbaabc")))]
        [['a', 'b', 'd'], ['c'], ['e']]
    """
    speakers = sorted(set(names.tolist()))
    if len(speakers) < len(PARTS):
        raise UsageError(
            f"{len(speakers)} speakers cannot be divided so that none is in two parts; expected "
            f"{len(PARTS)} or more"
        )
    parts: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for number, speaker in enumerate(speakers):
        parts[PARTS[number % len(PARTS)]].add(speaker)
    return parts


def load_speech(
    source: Path | str | None = None, *, noise: float = 0.0, seed: int = 0
) -> tuple[ImageData, ImageData, ImageData]:
    """Return spectrograms for training, validation and test, as pictures of one channel.

    They are normalised by mean and standard deviation of the training spectrograms.

    Args:
        source: see `load_features`.
        noise: standard deviation of normal noise that is added to every point of every
            spectrogram, in units of that of the training spectrograms.
        seed: of the noise.

    Returns:
        Each float32 (n, 1, 40, 40), with the digit as the label.

    Raises:
        UsageError: a source that cannot be read, or that has fewer than five speakers.

    Example:
        >>> train, validation, test = load_speech("shipped")
        >>> train.images.shape[1:], train.classes[7]
        (torch.Size([1, 40, 40]), 'seven')
    """
    if not noise >= 0:
        raise UsageError(f"noise={noise!r} cannot be used; expected 0 or more")
    features = load_features(source)
    parts = [features.of(speakers) for speakers in split_speakers(features.speakers)]
    pictures = [torch.from_numpy(part.levels.astype(np.float32) / (LEVELS - 1)) for part in parts]
    mean, deviation = pictures[0].mean(), pictures[0].std()
    generator = torch.Generator().manual_seed(require_seed(seed))
    train, validation, test = (
        _as_images((picture - mean) / deviation, part.digits, noise, generator)
        for picture, part in zip(pictures, parts, strict=True)
    )
    return train, validation, test


def _as_images(
    pictures: torch.Tensor, digits: np.ndarray, noise: float, generator: torch.Generator
) -> ImageData:
    drawn = torch.randn(pictures.shape, generator=generator)
    noisy = (pictures + noise * drawn).unsqueeze(1)
    return ImageData(noisy, torch.from_numpy(digits.astype(np.int64)), WORDS)
