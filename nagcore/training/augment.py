"""Change images at random as they are trained on: whole batches at once, where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Protocol

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_seed
from nagcore.training.source import Batch, Source

# Keeps these random numbers apart from those of the order, which come from seed and epoch too.
_STREAM = (1,)


class Transform(Protocol):
    """Changes each image of a batch in a way of its own, and keeps shape, type and label."""

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Return new images for images (n, channels, height, width).

        Args:
            images: left as they are.
            generator: of the random numbers, on the device of the images.
        """
        ...


@dataclass(frozen=True)
class RandomCrop:
    """Add a border, then cut each image out of it at a place of its own.

    The image is so moved by up to `padding` pixels each way, all moves equally likely.

    Args:
        padding: pixels of border on each side.
        fill: value of the border. Normalised images are 0 at their mean; where they are black,
            as the background of Fashion-MNIST, it is `images.min()`.

    Raises:
        UsageError: `padding` is not a whole number, 1 or larger.
    """

    padding: int
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_count(self.padding, "RandomCrop: padding")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Return the images, each moved by numbers drawn from `generator`."""
        places = _integers(2 * self.padding + 1, (2, len(images)), generator)
        return self.apply(images, places[0], places[1])

    def apply(self, images: Tensor, top: Tensor, left: Tensor) -> Tensor:
        """Return the images cut out at given places.

        Args:
            images: (n, channels, height, width).
            top: int64 (n,), first row in the image with its border, from 0 to 2 × padding.
            left: likewise the first column.
        """
        height, width = images.shape[2:]
        bordered = pad(images, (self.padding,) * 4, value=self.fill)
        rows = top[:, None] + torch.arange(height, device=images.device)
        columns = left[:, None] + torch.arange(width, device=images.device)
        of = torch.arange(len(images), device=images.device)
        # Indices round a slice put its axis, the channels, last.
        cut = bordered[of[:, None, None], :, rows[:, :, None], columns[:, None, :]]
        return cut.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class HorizontalFlip:
    """Mirror each image, left for right, with probability `p`.

    Args:
        p: from 0 to 1.

    Raises:
        UsageError: another `p`.
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        number = isinstance(self.p, Real) and not isinstance(self.p, bool)
        if not number or not 0 <= self.p <= 1:
            raise UsageError(
                f"HorizontalFlip: p={self.p!r} cannot be used; expected a number from 0 to 1"
            )

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Return the images, some of them mirrored, as drawn from `generator`."""
        drawn = torch.rand(len(images), generator=generator, device=images.device)
        return self.apply(images, drawn < self.p)

    def apply(self, images: Tensor, mirrored: Tensor) -> Tensor:
        """Return the images, those mirrored for which `mirrored`, bool (n,), says so."""
        return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


@dataclass(frozen=True)
class Cutout:
    """Cover a square of each image.

    Its centre is anywhere in the image with equal probability, so that a part of the square may
    lie outside.

    Args:
        size: side of the square in pixels.
        fill: value that covers it; the authors take 0 for normalised images, their mean.

    Raises:
        UsageError: `size` is not a whole number, 1 or larger.

    Source: [devries2017].
    """

    size: int
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_count(self.size, "Cutout: size")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Return the images, each covered at a place drawn from `generator`."""
        height, width = images.shape[2:]
        centre = [_integers(side, (len(images),), generator) for side in (height, width)]
        return self.apply(images, centre[0] - self.size // 2, centre[1] - self.size // 2)

    def apply(self, images: Tensor, top: Tensor, left: Tensor) -> Tensor:
        """Return the images covered from given rows and columns on.

        Args:
            images: (n, channels, height, width).
            top: int64 (n,), first row of the square; it may lie outside.
            left: likewise the first column.
        """
        height, width = images.shape[2:]
        rows = self._inside(top, height)[:, None, :, None]
        columns = self._inside(left, width)[:, None, None, :]
        return images.masked_fill(rows & columns, self.fill)

    def _inside(self, start: Tensor, side: int) -> Tensor:
        places = torch.arange(side, device=start.device) - start[:, None]
        return (places >= 0) & (places < self.size)


@dataclass(frozen=True)
class Augmented:
    """A source whose images are changed at random, anew in each epoch.

    The random numbers depend on seed, epoch, number of the batch and process alone, so a run that
    is taken up in the middle of an epoch sees what it would have seen. They are drawn on the
    device of the images: another kind of device draws others.

    Args:
        source: where the images come from.
        transforms: applied in this order.

    Raises:
        UsageError: `transforms` is not a sequence of transforms.

    Example:
        >>> from nagcore.training.data import load_fashion_mnist
        >>> train = load_fashion_mnist()[0]
        >>> black = train.images.min().item()
        >>> moved = Augmented(train, [RandomCrop(2, fill=black), HorizontalFlip()])
        >>> first, again = (next(moved.batches(50, seed=0, epoch=0)) for _ in range(2))
        >>> first.inputs.shape, torch.equal(first.inputs, again.inputs)
        (torch.Size([50, 1, 28, 28]), True)
    """

    source: Source
    transforms: Sequence[Transform]

    def __post_init__(self) -> None:
        if not isinstance(self.transforms, Sequence) or not all(map(callable, self.transforms)):
            raise UsageError(
                f"transforms={self.transforms!r} cannot be used; expected a list such as "
                "[RandomCrop(2), HorizontalFlip()]"
            )

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self.source.device

    def __len__(self) -> int:
        return len(self.source)

    def steps(self, batch_size: int, ranks: int = 1) -> int:
        """Return the number of batches in an epoch, as the source counts them."""
        return self.source.steps(batch_size, ranks)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
        start: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> Iterator[Batch]:
        """Yield the batches of the source with their images changed; see `Source`."""
        batches = self.source.batches(
            batch_size, seed=seed, epoch=epoch, start=start, rank=rank, ranks=ranks
        )
        for number, batch in enumerate(batches, start):
            generator = _generator(self.device, seed, epoch, number, rank)
            images = batch.inputs
            for transform in self.transforms:
                images = transform(images, generator)
            yield batch._replace(inputs=images)


def _generator(device: torch.device, seed: int, *place: int) -> Generator:
    sequence = np.random.SeedSequence((require_seed(seed), *place), spawn_key=_STREAM)
    state = sequence.generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))


def _integers(below: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.randint(below, shape, generator=generator, device=generator.device)
