"""A small convolutional network that tells spoken digits from their spectrograms."""

from __future__ import annotations

from torch import nn

from nagcore.training.checks import require_count, require_seed
from nagcore.training.seeds import private_random_state
from nagcore.training.speech.features import WORDS


def make_speech_net(seed: int, width: int = 16) -> nn.Sequential:
    """Return three convolutions with pooling and a linear layer, for pictures (n, 1, 40, 40).

    Shapes for `width` = 16: (n, 1, 40, 40) → (n, 16, 20, 20) → (n, 32, 10, 10) → (n, 32, 5, 5) →
    (n, 10). The weights depend on `seed` and `width` alone and are drawn on the CPU.

    Args:
        seed: of the weights.
        width: channels of the first convolution; the others have twice as many.

    Raises:
        UsageError: `seed` or `width` cannot be used.

    Example:
        >>> import torch
        >>> make_speech_net(0, width=2)(torch.zeros(3, 1, 40, 40)).shape
        torch.Size([3, 10])
    """
    require_count(width, "width")
    with private_random_state(require_seed(seed)):
        return nn.Sequential(
            *_stage(1, width),
            *_stage(width, 2 * width),
            *_stage(2 * width, 2 * width),
            nn.Flatten(),
            nn.Linear(2 * width * 5 * 5, len(WORDS)),
        )


def _stage(channels: int, wanted: int) -> tuple[nn.Module, ...]:
    # ReLU after the pooling: the same function, on a quarter of the numbers.
    return nn.Conv2d(channels, wanted, kernel_size=3, padding=1), nn.MaxPool2d(2), nn.ReLU()
