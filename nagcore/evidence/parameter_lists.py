"""Shapes of the parameters of known networks, from their architecture alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from types import MappingProxyType

from torch import nn

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.training.models import make_cnn

Shapes = tuple[tuple[int, ...], ...]
_CNN_WIDTH = 1  # of the small CNN: nearly all its parameters are in the first linear layer


def shapes_of(name: str) -> Shapes:
    """Return the shapes of a list of parameters.

    Args:
        name: a key of `PARAMETER_LISTS`.

    Raises:
        UsageError: there is no such list.

    Example:
        >>> shapes = shapes_of("ResNet-18")
        >>> len(shapes), count(shapes)
        (62, 11689512)
    """
    if name not in PARAMETER_LISTS:
        raise UsageError(
            f"there is no list of parameters {name!r}; "
            f"the lists: {closest_first(name, PARAMETER_LISTS)}"
        )
    return PARAMETER_LISTS[name]()


def count(shapes: Shapes) -> int:
    """Return how many numbers tensors of such shapes hold.

    Example:
        >>> count(((2, 3), (4,), ()))
        11
    """
    return sum(math.prod(shape) for shape in shapes)


def network_of(name: str) -> nn.Module | None:
    """Return the network whose parameters are the list, or None where it is not at hand.

    Args:
        name: a key of `PARAMETER_LISTS`.
    """
    return make_cnn(0, _CNN_WIDTH) if name == "small CNN" else None


def repaired_cnn(width: int) -> Shapes:
    """Return the shapes of `nagcore.training.models.RepairedCNN`.

    Args:
        width: channels of the first convolution.
    """
    inner = 4 * width
    return (
        *((width, 1, 3, 3), (width,), (inner, width, 3, 3), (inner,)),
        *((256, inner * 7 * 7), (256,), (10, 256), (10,)),
    )


def resnet(blocks: Sequence[int], *, bottleneck: bool) -> Shapes:
    """Return the shapes of a residual network for 1,000 classes, in the order of its layers.

    Args:
        blocks: how many residual blocks each of the four stages has.
        bottleneck: whether a block is three convolutions that widen by 4, or two.
    """
    shapes: list[tuple[int, ...]] = [*_convolution(3, 64, 7)]
    channels = 64
    for stage, number in enumerate(blocks):
        width = 64 * 2**stage
        for block in range(number):
            out = 4 * width if bottleneck else width
            sizes = (1, 3, 1) if bottleneck else (3, 3)
            widths = (channels, width, width, out) if bottleneck else (channels, width, out)
            for size, (before, after) in zip(sizes, pairwise(widths), strict=True):
                shapes += _convolution(before, after, size)
            if block == 0 and (stage or out != channels):  # the way around the block must fit
                shapes += _convolution(channels, out, 1)
            channels = out
    return (*shapes, (1000, channels), (1000,))


def _convolution(channels: int, out: int, size: int) -> Iterator[tuple[int, ...]]:
    """Yield the shapes of a convolution without bias and of the batch norm behind it."""
    yield from ((out, channels, size, size), (out,), (out,))


def gpt2(layers: int, width: int, *, vocabulary: int = 50_257, context: int = 1_024) -> Shapes:
    """Return the shapes of a transformer of GPT-2's kind, its last layer tied to the first.

    Args:
        layers: number of blocks.
        width: of the residual stream.
        vocabulary: number of tokens.
        context: longest input.
    """
    block = (
        *((width,), (width,)),
        *((width, 3 * width), (3 * width,), (width, width), (width,)),
        *((width,), (width,)),
        *((width, 4 * width), (4 * width,), (4 * width, width), (width,)),
    )
    return ((vocabulary, width), (context, width), *(block * layers), (width,), (width,))


PARAMETER_LISTS: MappingProxyType[str, Callable[[], Shapes]] = MappingProxyType(
    {
        "one tensor": lambda: ((25_000_000,),),
        "ResNet-18": lambda: resnet((2, 2, 2, 2), bottleneck=False),
        "small CNN": lambda: repaired_cnn(_CNN_WIDTH),
        "500 tensors": lambda: ((100, 100),) * 500,
        "ResNet-50": lambda: resnet((3, 4, 6, 3), bottleneck=True),
        "GPT-2": lambda: gpt2(layers=12, width=768),
        "one billion": lambda: gpt2(layers=18, width=2_048),
    }
)
"""By name, what makes the shapes of a list of parameters."""
