"""Images in memory: load, normalise without a leak, split, cut into shuffled mini-batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nagcore.errors import UsageError
from nagcore.fashion_mnist import CLASSES, load_arrays
from nagcore.training.checks import require_count, require_seed
from nagcore.training.source import Batch, epoch_seed, share


@dataclass(frozen=True, eq=False)
class ImageData:
    """Labelled images, held whole on one device.

    Args:
        images: float32 (n, channels, height, width).
        labels: int64 (n,), an index into `classes`.
        classes: what each label means.

    Raises:
        UsageError: types, shapes or devices do not fit together, or a label has no class.

    Example:
        >>> data = ImageData(torch.zeros(3, 1, 28, 28), torch.tensor([0, 1, 1]), ("bag", "boot"))
        >>> len(data), len(data.subset([0, 2])), data.device.type
        (3, 2, 'cpu')
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != torch.float32 or images.ndim != 4:
            raise UsageError(
                f"images are {images.dtype} of shape {tuple(images.shape)}, expected torch.float32 "
                "of shape (n, channels, height, width)"
            )
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise UsageError(
                f"labels are {labels.dtype} of shape {tuple(labels.shape)}, expected torch.int64 "
                f"of shape ({len(images)},): one label for each image"
            )
        if labels.device != images.device:
            raise UsageError(f"images are on {images.device} and labels on {labels.device}")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.classes):
            raise UsageError(
                f"labels run from {int(labels.min())} to {int(labels.max())}, expected 0 to "
                f"{len(self.classes) - 1}: there are {len(self.classes)} classes"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def device(self) -> torch.device:
        """Where images and labels are."""
        return self.labels.device

    def to(self, device: torch.device | str) -> ImageData:
        """Return the same data on `device`."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def subset(self, indices: Tensor | list[int]) -> ImageData:
        """Return the images at `indices`, in that order."""
        chosen = torch.as_tensor(indices, dtype=torch.int64, device=self.device)
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def steps(self, batch_size: int, ranks: int = 1) -> int:  # noqa: ARG002
        """Return the number of mini-batches in an epoch; the last one may be smaller."""
        return math.ceil(len(self) / batch_size)

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
        """Yield every image once, in an order that depends on `seed` and `epoch` alone.

        The last mini-batch is smaller where `batch_size` does not divide the number of images.
        The data are tensors already, so a mini-batch is one slice; nothing is collated item by
        item. See `nagcore.training.source.Source` for the arguments.

        Raises:
            UsageError: a batch size that is not from 1 to the number of images.

        Example:
            >>> data = ImageData(torch.zeros(5, 1, 2, 2), torch.arange(5), tuple("abcde"))
            >>> [len(batch.targets) for batch in data.batches(2, seed=0, epoch=0)]
            [2, 2, 1]
        """
        require_count(batch_size, "batch_size", at_most=len(self), of=", the number of images")
        generator = torch.Generator(self.device).manual_seed(epoch_seed(seed, epoch))
        order = torch.randperm(len(self), generator=generator, device=self.device)
        for batch in order.split(batch_size)[start:]:
            begin, end = share(len(batch), rank, ranks)
            # A process for which there is nothing left sees one image, and gives it no weight.
            own = batch[begin:end] if end > begin else batch[:1]
            weight = (end - begin) * ranks / len(batch)
            yield Batch(self.images[own], self.labels[own], len(batch), weight)


def load_fashion_mnist(
    which: str = "shipped", *, root: Path | str | None = None, download: bool = False
) -> tuple[ImageData, ImageData]:
    """Return the training and the test images of Fashion-MNIST, normalised.

    Pixels are scaled to [0, 1], then the mean is subtracted and the result divided by the
    standard deviation. Both are those of the training images alone: nothing about the test
    images reaches the model.

    Args:
        which: "shipped", 1,000 and 1,000 images; or "full", 60,000 and 10,000.
        root: for "full", the folder to look in; see `nagcore.fashion_mnist.find_full`.
        download: for "full", let torchvision fetch the set where it was not found.

    Returns:
        Training data and test data: images float32 (n, 1, 28, 28), labels int64 (n,).

    Raises:
        UsageError: see `nagcore.fashion_mnist.load_arrays`.

    Source: [xiao2017fashion].

    Example:
        >>> train, test = load_fashion_mnist()
        >>> train.images.shape, train.classes[int(train.labels[0])]
        (torch.Size([1000, 1, 28, 28]), 'Ankle boot')
    """
    arrays = load_arrays(which, root, download=download)
    mean, deviation = _pixel_statistics(arrays.train_images)
    return (
        _normalised(arrays.train_images, arrays.train_labels, mean, deviation),
        _normalised(arrays.test_images, arrays.test_labels, mean, deviation),
    )


def _pixel_statistics(pixels: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of the pixels, scaled to [0, 1]."""
    # Sums of whole numbers are exact, so the result does not depend on the order of summation.
    mean = float(pixels.mean())
    mean_square = float(np.square(pixels, dtype=np.uint16).mean())
    return mean / 255, (mean_square - mean**2) ** 0.5 / 255


def _normalised(pixels: np.ndarray, labels: np.ndarray, mean: float, deviation: float) -> ImageData:
    images = torch.from_numpy(pixels.astype(np.float32)).unsqueeze(1)
    images.div_(255).sub_(mean).div_(deviation)
    return ImageData(images, torch.from_numpy(labels.astype(np.int64)), CLASSES)


def split(data: ImageData, held_out: int | float, *, seed: int) -> tuple[ImageData, ImageData]:
    """Return two disjoint parts of `data`, each with the classes in proportion.

    Args:
        data: what to split.
        held_out: the size of the second part: a number of images (int), or a share between 0
            and 1 (float).
        seed: which images go where.

    Returns:
        The larger part, for training, and the held-out part, for validation.

    Raises:
        UsageError: `held_out` leaves one part empty, or `seed` cannot be used.

    Example:
        >>> train, validation = split(load_fashion_mnist()[0], 0.2, seed=0)
        >>> len(train), len(validation)
        (800, 200)
    """
    share = isinstance(held_out, float) and 0 < held_out < 1
    size = round(held_out * len(data)) if share else held_out
    if isinstance(held_out, bool) or not isinstance(size, int) or not 0 < size < len(data):
        raise UsageError(
            f"held_out={held_out!r} of {len(data)} images cannot be split off; expected a number "
            f"of images from 1 to {len(data) - 1}, or a share between 0 and 1"
        )
    generator = torch.Generator().manual_seed(require_seed(seed))
    order = torch.randperm(len(data), generator=generator)
    shuffled = data.labels.cpu()[order]
    chosen = torch.zeros(len(data), dtype=torch.bool)
    for label, quota in enumerate(_quotas(torch.bincount(shuffled), size)):
        chosen[order[shuffled == label][:quota]] = True
    return data.subset((~chosen).nonzero().flatten()), data.subset(chosen.nonzero().flatten())


def _quotas(counts: Tensor, size: int) -> list[int]:
    """Share `size` places among the classes by their counts: largest remainders first."""
    exact = counts.double() * size / counts.sum()
    quotas = exact.floor().long()
    missing = size - int(quotas.sum())
    quotas[(exact - quotas).argsort(descending=True, stable=True)[:missing]] += 1
    return quotas.tolist()
