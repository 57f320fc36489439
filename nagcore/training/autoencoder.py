"""Deep autoencoders of logistic units, as they were trained in 2013."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from nagcore.core.checks import require_not_negative
from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_seed
from nagcore.training.initialisation import initialise
from nagcore.training.seeds import private_random_state

CURVES = (784, 400, 200, 100, 50, 25, 6)
"""Units of each layer from the images of curves to the code; the decoder mirrors them."""
MNIST = (784, 1000, 500, 250, 30)
"""The same for images like those of MNIST."""


class Autoencoder(nn.Module):
    """Logistic units in every layer but two: the code is linear, and so are the scores returned.

    The logistic function of the scores is the reconstruction; losses take the scores, from which
    the cross-entropy can be computed without overflow.

    Args:
        sizes: units of each layer, from the image to the code.

    Raises:
        UsageError: fewer than two sizes, or one that is not a positive whole number.

    Example:
        >>> model = Autoencoder((784, 20, 3))
        >>> images = torch.zeros(2, 784)
        >>> model.encode(images).shape, model(images).shape
        (torch.Size([2, 3]), torch.Size([2, 784]))
    """

    def __init__(self, sizes: Sequence[int] = CURVES) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise UsageError(f"sizes={sizes!r} cannot be used; expected two layers or more")
        for size in sizes:
            require_count(size, "sizes: a size")
        self.encoder = _layers(sizes)
        self.decoder = _layers(sizes[::-1])

    def encode(self, images: Tensor) -> Tensor:
        """Return the codes (n, sizes[-1]) of images (n, sizes[0])."""
        return self.encoder(images)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores (n, sizes[0]) of the reconstructions."""
        return self.decoder(self.encoder(images))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstructions, from 0 to 1."""
        return torch.sigmoid(self(images))


def _layers(sizes: Sequence[int]) -> nn.Sequential:
    parts: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        parts += [nn.Linear(fan_in, fan_out), nn.Sigmoid()]
    return nn.Sequential(*parts[:-1])


def make_autoencoder(
    seed: int, sizes: Sequence[int] = CURVES, *, scale: float = 1.0
) -> Autoencoder:
    """Return an autoencoder with the sparse initialisation: 15 incoming weights for each unit.

    Args:
        seed: of the weights, which are drawn on the CPU.
        sizes: see `Autoencoder`.
        scale: standard deviation of the weights that are not 0; 1 for logistic units.

    Raises:
        UsageError: a seed, a size or a scale that cannot be used.

    Source: [martens2010], [sutskever2013], §3.1.

    Example:
        >>> first = make_autoencoder(0, (784, 50, 6)).encoder[0]
        >>> (first.weight != 0).sum(dim=1).unique().tolist(), first.bias.abs().max().item()
        ([15], 0.0)
    """
    require_not_negative(scale, "scale")
    with private_random_state(require_seed(seed)):  # torch's layers draw weights of their own
        model = Autoencoder(sizes)
    return initialise(model, "sparse", seed=seed, scale=scale)


def cross_entropy_of_pixels(scores: Tensor, images: Tensor) -> Tensor:
    """Return −Σ p log q + (1 − p) log(1 − q) over the pixels, in nats, as a mean over images.

    Args:
        scores: (n, pixels) of the reconstruction q, before the logistic function.
        images: (n, pixels), p from 0 to 1.

    Example:
        >>> round(cross_entropy_of_pixels(torch.zeros(5, 784), torch.ones(5, 784)).item(), 1)
        543.4
    """
    each = binary_cross_entropy_with_logits(scores, images, reduction="none")
    return each.sum(dim=1).mean()


def squared_error(scores: Tensor, images: Tensor) -> Tensor:
    """Return Σ (q − p)² over the pixels as a mean over images: what was published.

    Args:
        scores: (n, pixels) of the reconstruction q, before the logistic function.
        images: (n, pixels), p from 0 to 1.

    Example:
        >>> squared_error(torch.zeros(5, 784), torch.ones(5, 784)).item()
        196.0
    """
    return (torch.sigmoid(scores) - images).square().sum(dim=1).mean()
