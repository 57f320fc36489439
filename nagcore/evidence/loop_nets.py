"""Networks for timing loops, each as two modules that compute the same function."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.training.models import CLASSES, HIDDEN, SIDE, make_cnn
from nagcore.training.seeds import private_random_state

_PIXELS = (SIDE // 4) ** 2  # of a channel, after two times pooling


class Twins(NamedTuple):
    """Two modules with the same weights that compute the same function."""

    usual: nn.Sequential
    """channels outermost, ReLU before the pooling, as most people write it"""
    ours: nn.Module
    """channels innermost, ReLU after the pooling"""


class PooledFirst(nn.Module):
    """Two convolutions, each pooled before its ReLU, and a linear layer.

    Args:
        channels: of the two convolutions.

    Example:
        >>> PooledFirst((2, 3))(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 10])
    """

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        first, second = channels
        self.conv1 = nn.Conv2d(1, first, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(first, second, kernel_size=3, padding=1)
        self.linear = nn.Linear(second * _PIXELS, CLASSES)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Tensor) -> Tensor:
        """Return the class scores (n, 10) of images (n, 1, 28, 28)."""
        x = relu(max_pool2d(self.conv1(images), 2))
        x = relu(max_pool2d(self.conv2(x), 2))
        return self.linear(x.flatten(1))


def usual_order(channels: tuple[int, int], *head: nn.Module) -> nn.Sequential:
    """Return two convolutions, each with ReLU and then pooling, before a head.

    Args:
        channels: of the two convolutions.
        *head: what follows, on numbers in a row.
    """
    first, second = channels
    return nn.Sequential(
        nn.Conv2d(1, first, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        *head,
    )


def make_twins(network: str, seed: int) -> Twins:
    """Return a network in both forms, with the weights that belong to `seed`.

    Args:
        network: a key of `NETWORKS`.
        seed: of the weights.

    Raises:
        UsageError: there is no such network.

    Example:
        >>> twins, images = make_twins("S", 0), torch.rand(3, 1, 28, 28)
        >>> torch.allclose(twins.usual(images), twins.ours(images), atol=1e-6)
        True
    """
    if network not in NETWORKS:
        raise UsageError(
            f"there is no network {network!r}; the networks: {closest_first(network, NETWORKS)}"
        )
    channels = NETWORKS[network]
    if network == "repaired CNN":
        head = (nn.Linear(channels[1] * _PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
        ours: nn.Module = make_cnn(seed, width=channels[0])
    else:
        head = (nn.Linear(channels[1] * _PIXELS, CLASSES),)
        with private_random_state(seed):
            ours = PooledFirst(channels)
    usual = usual_order(channels, *head)
    # The layers stand in the same order in both.
    for to, value in zip(usual.parameters(), ours.parameters(), strict=True):
        to.data.copy_(value.data)
    return Twins(usual, ours)


NETWORKS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"S": (6, 16), "M": (16, 32), "repaired CNN": (32, 128)}
)
"""By name, the channels of the two convolutions."""
