"""Curves: images of curves through three random points, made anew from a seed.

The data set of that name with which deep autoencoders were first trained is no longer at hand in
a form that could be shipped. This is another one by the same idea, so errors on it can be set in
order, and not compared in size with published ones.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_seed

SIDE = 28
LOWEST, HIGHEST = 5.0, 22.0
"""Range of both coordinates of a point, in pixels from the centre of the first one."""
PEN = 1.0
"""Standard deviation of the pen's ink across the line, in pixels."""
_PLACES = 128  # of the pen along a curve: most of them much less than a pixel apart
_AT_ONCE = 2048  # images rendered together


def make_curves(
    train: int = 20_000, test: int = 10_000, *, seed: int = 0, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return training and test images of random curves.

    The points of training and of test images are drawn on the CPU from generators of their own,
    so that neither depends on the number of the others, nor on the device; the ink is computed on
    `device`, where it may differ by rounding.

    Args:
        train: number of training images; 20,000 as in the first data set of this kind.
        test: number of test images.
        seed: of the points.
        device: where the images are made and stay.

    Returns:
        float32 (train, 784) and (test, 784), intensities from 0 to 1, row by row.

    Raises:
        UsageError: a number that is not 1 or larger, or a seed that cannot be used.

    Source: the idea: [hinton2006].

    Example:
        >>> images, others = make_curves(3, 2, seed=0)
        >>> images.shape, others.shape
        (torch.Size([3, 784]), torch.Size([2, 784]))
    """
    require_count(train, "train")
    require_count(test, "test")
    require_seed(seed)
    points = (draw_points(count, seed=seed, part=part) for part, count in enumerate((train, test)))
    first, second = (render_curves(each.to(device)).flatten(1) for each in points)
    return first, second


def draw_points(count: int, *, seed: int, part: int = 0) -> Tensor:
    """Return three points for each of `count` curves, uniform in a square.

    Args:
        count: number of curves.
        seed: of the numbers.
        part: 0 for training images, 1 for test images: streams of their own.

    Returns:
        float32 (count, 3, 2) on the CPU: x and y in pixels, from `LOWEST` to `HIGHEST`.

    Example:
        >>> draw_points(2, seed=0).shape
        torch.Size([2, 3, 2])
    """
    generator = torch.Generator().manual_seed((2 * require_seed(seed) + part) % 2**63)
    drawn = torch.rand(require_count(count, "count"), 3, 2, generator=generator)
    return LOWEST + (HIGHEST - LOWEST) * drawn


def interpolate(points: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return c(t) and c′(t), c the parabola with c(0), c(1/2), c(1) at the three points.

    With points from `LOWEST` to `HIGHEST` the curve leaves their square by an eighth of its side
    at most, so that it lies in the image.

    Args:
        points: (n, 3, 2).
        t: (m,), from 0 to 1.

    Returns:
        (n, m, 2) each.

    Example:
        >>> points = torch.tensor([[[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]])
        >>> interpolate(points, torch.tensor([0.5]))
        (tensor([[[1., 1.]]]), tensor([[[2., 0.]]]))
    """
    weights = torch.stack([(2 * t - 1) * (t - 1), 4 * t * (1 - t), t * (2 * t - 1)], dim=1)
    slopes = torch.stack([4 * t - 3, 4 - 8 * t, 4 * t - 1], dim=1)
    return weights @ points, slopes @ points


def render_curves(points: Tensor) -> Tensor:
    """Draw the curves with a Gaussian pen of constant speed, and cut the ink off at 1.

    The ink at a pixel p is the integral of e^{−‖p − c‖²/(2σ²)} / (√(2π) σ) along the curve c, with
    respect to its length: across a straight stroke e^{−d²/(2σ²)} at distance d, half of that at
    its ends, and more where the curve bends back on itself, up to the limit.

    Args:
        points: (n, 3, 2), in pixels; on any device, in float32 or float64.

    Returns:
        (n, 28, 28) of the same type: rows are y.

    Raises:
        UsageError: another shape.

    Example:
        >>> stroke = render_curves(torch.tensor([[[5.0, 14.0], [13.5, 14.0], [22.0, 14.0]]]))
        >>> [round(float(ink), 2) for ink in stroke[0, 12:17, 13]]  # a level line, seen from above
        [0.14, 0.61, 1.0, 0.61, 0.14]
    """
    if points.ndim != 3 or points.shape[1:] != (3, 2):
        raise UsageError(
            f"points of shape {tuple(points.shape)} cannot be drawn; expected (n, 3, 2)"
        )
    return torch.cat([_render(some) for some in points.split(_AT_ONCE)])


def _render(points: Tensor) -> Tensor:
    kind = {"dtype": points.dtype, "device": points.device}
    t = torch.linspace(0, 1, _PLACES, **kind)
    places, slopes = interpolate(points, t)
    lengths = slopes.norm(dim=2) / (_PLACES - 1)
    ends = torch.ones(_PLACES, **kind)
    ends[0] = ends[-1] = 0.5  # the trapezoidal rule
    # e^{−‖p − c‖²/2σ²} is a product of one factor in x and one in y: a matrix product sums it.
    pixels = torch.arange(SIDE, **kind)
    across = torch.exp(-((pixels - places[..., None]) ** 2) / (2 * PEN**2))
    inked = across[:, :, 1] * (ends * lengths)[..., None] / (math.sqrt(2 * math.pi) * PEN)
    return (inked.transpose(1, 2) @ across[:, :, 0]).clamp(max=1.0)
