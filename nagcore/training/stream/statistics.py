"""Mean and standard deviation of pixels that come in parts, from exact sums."""

from __future__ import annotations

import numpy as np

from nagcore.errors import DataError


class PixelSums:
    """Sums over pixels, whole numbers, so the result does not depend on how the pixels come.

    Example:
        >>> sums = PixelSums()
        >>> sums.add(np.array([[0, 255]], dtype=np.uint8))
        >>> sums.mean_and_deviation()
        (0.5, 0.5)
    """

    def __init__(self) -> None:
        self._count = self._sum = self._squares = 0

    def add(self, pixels: np.ndarray) -> None:
        """Count pixels, uint8 of any shape."""
        self._count += pixels.size
        self._sum += int(pixels.sum(dtype=np.int64))
        self._squares += int(np.square(pixels, dtype=np.uint16).sum(dtype=np.int64))

    def mean_and_deviation(self) -> tuple[float, float]:
        """Return both, of the pixels scaled to [0, 1].

        Raises:
            DataError: all pixels are equal, so nothing can be normalised by them.
        """
        # The same operations as for images in memory, for the same bits.
        mean = self._sum / self._count
        variance = self._squares / self._count - mean**2
        if self._count * self._squares == self._sum**2:
            raise DataError(
                f"every pixel of the images is {mean:g}; expected images that differ from a "
                "uniform grey: look at what the source reads"
            )
        return mean / 255, variance**0.5 / 255
