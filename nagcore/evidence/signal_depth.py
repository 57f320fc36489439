"""How large the numbers in a deep network are, layer by layer, before it is trained."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.training.checks import require_count
from nagcore.training.data import load_fashion_mnist
from nagcore.training.initialisation import find_initialisation, initialise

CLASSES = 10


class Activation(NamedTuple):
    """A function on numbers, in torch and in NumPy."""

    of_tensor: Any
    of_array: Any
    slope2: Any
    """square of the derivative, in NumPy"""


def _logistic(z: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(z / 2)


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(torch.relu, lambda z: np.maximum(z, 0), lambda z: np.heaviside(z, 0.5)),
    "tanh": Activation(torch.tanh, np.tanh, lambda z: (1 - np.tanh(z) ** 2) ** 2),
    "logistic": Activation(
        torch.sigmoid, _logistic, lambda z: (_logistic(z) * (1 - _logistic(z))) ** 2
    ),
}


class Signals(NamedTuple):
    """What is measured and what is expected, at layers 1 to depth; all arrays have shape (depth,).

    z is what a layer puts out before its activation.
    """

    size: np.ndarray
    """root mean square of z over images and units"""
    spread: np.ndarray
    """likewise of z less its mean over the images: what tells one image from another"""
    gradient: np.ndarray
    """likewise of the derivatives of an image's loss by z"""
    expected_size: np.ndarray
    expected_gradient: np.ndarray


def signal_through_depth(
    scheme: str,
    activation: str,
    *,
    seed: int,
    depth: int = 30,
    width: int = 512,
    images: int = 100,
    options: dict[str, Any] | None = None,
) -> Signals:
    """Send real images with random labels through a deep network and back, in double precision.

    What is expected holds for independent weights and many units: then z is normally distributed
    over the units, and its mean square q obeys q' = fan_in · var(w) · E φ(z)² + var(b), where E is
    over a normal z with mean square q. On the way back a layer multiplies the mean square of the
    gradient by fan_out · var(w) · E φ'(z)². Both are computed for each image by itself, the second
    from the gradient that is measured at the last layer.

    Args:
        scheme: a name in `INITIALISATIONS`.
        activation: "relu", "tanh" or "logistic", after every layer but the last.
        seed: of the weights and the labels.
        depth: layers of weights, the last of which makes the ten scores.
        width: units of each of the others.
        images: the first so many of the shipped training images, normalised.
        options: of `initialise`.

    Raises:
        UsageError: an unknown name, or a value out of its range.

    Source: [poole2016], [schoenholz2017].

    Example:
        >>> found = signal_through_depth("he-normal", "relu", seed=0, depth=4, width=200, images=9)
        >>> bool(np.allclose(found.size[:3], found.expected_size[:3], rtol=0.2))
        True
    """
    chosen, options = _find_activation(activation), options or {}
    require_count(depth, "depth")
    require_count(width, "width")
    inputs = load_fashion_mnist()[0].images[: require_count(images, "images")].flatten(1).double()
    sides = [inputs.shape[1], *[width] * (depth - 1), CLASSES]
    layers = nn.ModuleList(nn.Linear(*pair).double() for pair in pairwise(sides))
    outputs = _send(inputs, initialise(layers, scheme, seed=seed, **options), chosen)
    labels = torch.randint(CLASSES, (len(inputs),), generator=torch.Generator().manual_seed(seed))
    gradients = torch.autograd.grad(cross_entropy(outputs[-1], labels, reduction="sum"), outputs)
    laws = [_law(scheme, fan_in, fan_out, **options) for fan_in, fan_out in pairwise(sides)]
    squares = _expected_squares(inputs.square().mean(dim=1).numpy(), laws, chosen)
    last = gradients[-1].square().mean(dim=1).numpy()
    return Signals(
        np.array([_rms(z) for z in outputs]),
        np.array([_rms(z - z.mean(dim=0)) for z in outputs]),
        np.array([_rms(g) for g in gradients]),
        np.sqrt(squares.mean(axis=1)),
        np.sqrt(_expected_gradients(last, squares, laws, chosen).mean(axis=1)),
    )


def _send(inputs: Tensor, layers: nn.ModuleList, activation: Activation) -> list[Tensor]:
    outputs: list[Tensor] = []
    for layer in layers:
        outputs.append(layer(activation.of_tensor(outputs[-1]) if outputs else inputs))
    return outputs


def _rms(tensor: Tensor) -> float:
    return tensor.detach().square().mean().sqrt().item()


class _Law(NamedTuple):
    """What is known of the numbers drawn for one layer."""

    forward: float
    """fan-in times the variance of the weights"""
    backward: float
    """likewise with the fan-out"""
    bias: float
    """mean of the biases"""
    bias_square: float


def _law(
    scheme: str, fan_in: int, fan_out: int, *, bias: float | None = None, **options: Any
) -> _Law:
    entry, shape = find_initialisation(scheme), (fan_out, fan_in)
    variance = entry.variance(shape, **options)
    square = entry.bias_bound(shape) ** 2 / 3 if bias is None else bias**2
    return _Law(fan_in * variance, fan_out * variance, bias or 0.0, square)


def _expected_squares(square: np.ndarray, laws: list[_Law], activation: Activation) -> np.ndarray:
    """Return the mean square of z for each layer and image, (depth, n), from that of the inputs."""
    found = []
    for law in laws:
        found.append(law.forward * square + law.bias_square)
        square = _mean(lambda z: activation.of_array(z) ** 2, found[-1], law.bias)
    return np.array(found)


def _expected_gradients(
    last: np.ndarray, squares: np.ndarray, laws: list[_Law], activation: Activation
) -> np.ndarray:
    """Return the mean square of the gradient for each layer and image, from that of the last."""
    found = [last]
    for square, below, above in zip(squares[-2::-1], laws[-2::-1], laws[:0:-1], strict=True):
        found.append(found[-1] * above.backward * _mean(activation.slope2, square, below.bias))
    return np.array(found[::-1])


# A kink lies on a node, and equal weights are exact to rounding for functions without one.
_NODES = np.linspace(-8, 8, 1601)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


def _mean(function: Any, square: np.ndarray, mean: float) -> np.ndarray:
    """Return E f(z) for a normal z with one mean and each of the mean squares, (n,)."""
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return function(mean + deviation[:, None] * _NODES) @ _WEIGHTS


def _find_activation(name: str) -> Activation:
    if name not in ACTIVATIONS:
        raise UsageError(
            f"activation {name!r} is not known; known: {closest_first(name, ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]
