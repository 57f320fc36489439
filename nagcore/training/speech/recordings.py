"""Digits that people recorded: a folder of files such as 7_maria_3.wav."""

from __future__ import annotations

import re
import wave
from pathlib import Path

import numpy as np
import torch

from nagcore.errors import DataError, UsageError
from nagcore.training.speech.features import DigitFeatures, to_levels
from nagcore.training.speech.log_mel import log_mel

NAME = re.compile(r"([0-9])_([^_]+)_([^_]+)\.wav", re.IGNORECASE)


def read_recordings(folder: Path | str) -> DigitFeatures:
    """Return the digits in a folder of recordings.

    A file is named DIGIT_NAME_NUMBER.wav, NAME being that of the speaker, and holds one word in
    uncompressed samples of 8 or 16 bits; of several channels the mean is taken.

    Args:
        folder: with such files, and perhaps others, which are left alone.

    Raises:
        DataError: there is no such file, or one cannot be read.
    """
    folder = Path(folder).expanduser()
    found = [(path, NAME.fullmatch(path.name)) for path in sorted(folder.glob("*"))]
    named = [(path, match) for path, match in found if match]
    if not named:
        raise DataError(
            f"{folder} holds no recording; expected files such as 7_maria_3.wav: digit, name of "
            "the speaker, number"
        )
    levels = np.stack([to_levels(_spectrogram(path)) for path, _ in named])
    digits = np.array([int(match[1]) for _, match in named], np.uint8)
    return DigitFeatures(levels, digits, np.array([match[2] for _, match in named]))


def read_wave(path: Path) -> tuple[np.ndarray, int]:
    """Return the samples of a .wav file, float32 from −1 to 1, and how many make a second.

    Raises:
        DataError: it cannot be read, or its samples are neither of 8 nor of 16 bits.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, size, hertz = file.getparams()[:3]
            content = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise DataError(f"{path} cannot be read: {error}; expected a .wav file") from error
    if size not in (1, 2):
        raise DataError(f"{path} has samples of {8 * size} bits; expected 8 or 16")
    if size == 1:
        samples = (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 2**7
    else:
        samples = np.frombuffer(content, "<i2").astype(np.float32) / 2**15
    return samples.reshape(-1, channels).mean(axis=1), hertz


def _spectrogram(path: Path) -> torch.Tensor:
    samples, hertz = read_wave(path)
    try:
        return log_mel(torch.from_numpy(samples), hertz)
    except UsageError as error:
        raise DataError(f"{path} cannot be used: {error}") from error
