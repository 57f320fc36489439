"""Log-mel spectrograms: how loud a sound is, by time and by pitch as the ear hears it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from nagcore.errors import UsageError

BANDS, FRAMES = 40, 40
LOWEST, HIGHEST = 80.0, 4000.0
"""Hertz; telephone speech, sampled 8,000 times a second, has nothing above 4,000."""
WINDOW, HOP = 0.03, 0.02
"""Seconds that a frame looks at, and seconds from one frame to the next."""
RANGE = 60.0
"""Decibels below the loudest point at which a spectrogram is cut off."""


def mel(hertz: Tensor) -> Tensor:
    """Return the pitch in mel: `2595 log10(1 + f/700)`.

    Example:
        >>> mel(torch.tensor([0.0, 700.0])).round().tolist()
        [0.0, 781.0]
    """
    return 2595 * torch.log10(1 + hertz / 700)


def mel_filters(hertz: int, points: int, bands: int = BANDS) -> Tensor:
    """Return the weights of triangular filters that are equally wide in mel.

    The filters rise from 0 to 1 and fall to 0 again in a straight line over the frequency, each
    from the peak of the one before to that of the one after.

    Args:
        hertz: samples in a second, 8,000 or more.
        points: of the Fourier transform.
        bands: number of filters.

    Returns:
        float32 (bands, points // 2 + 1).

    Raises:
        UsageError: the sampling rate is too low for the highest band.

    Example:
        >>> mel_filters(8000, 256).shape
        torch.Size([40, 129])
    """
    if hertz < 2 * HIGHEST:
        raise UsageError(
            f"a sampling rate of {hertz} Hz cannot be used; expected {2 * HIGHEST:.0f} or more"
        )
    ends = mel(torch.tensor([LOWEST, HIGHEST], dtype=torch.float64))
    pitches = torch.linspace(float(ends[0]), float(ends[1]), bands + 2, dtype=torch.float64)
    edges = 700 * (10 ** (pitches / 2595) - 1)
    places = torch.linspace(0, hertz / 2, points // 2 + 1, dtype=torch.float64)
    left, peak, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (places - left) / (peak - left), (right - places) / (right - peak)
    return torch.minimum(rising, falling).clamp(min=0).float()


def log_mel(wave: Tensor, hertz: int, frames: int = FRAMES) -> Tensor:
    """Return the log-mel spectrogram of a sound, in decibels below its loudest point.

    The sound is put into the middle of the picture; what does not fit is cut off at both ends.

    Args:
        wave: float (samples,).
        hertz: samples in a second.
        frames: columns of the picture.

    Returns:
        float32 (bands, frames), from −60 to 0; the lowest band first.

    Raises:
        UsageError: a wave of another shape or without any sound, or a sampling rate too low.

    Source: [davis1980].

    Example:
        >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(8000) / 8000)
        >>> picture = log_mel(tone, 8000)
        >>> picture.shape, int(picture.mean(dim=1).argmax())
        (torch.Size([40, 40]), 8)
    """
    if wave.ndim != 1 or not len(wave) or not bool(wave.abs().max() > 0):
        raise UsageError(
            f"a wave of shape {tuple(wave.shape)} cannot be used; expected (samples,) with sound"
        )
    size, hop = round(WINDOW * hertz), round(HOP * hertz)
    points = 1 << (size - 1).bit_length()
    wanted = points + (frames - 1) * hop
    missing = wanted - len(wave)
    before = missing // 2
    wave = pad(wave.float(), (before, missing - before))  # cut off where negative
    window = torch.hann_window(size)
    spectrum = torch.stft(
        wave, points, hop, win_length=size, window=window, center=False, return_complex=True
    )
    power = mel_filters(hertz, points) @ spectrum.abs().square()
    decibels = 10 * torch.log10(power.clamp(min=1e-12))
    return (decibels - decibels.max()).clamp(min=-RANGE)
