"""What Sutskever, Martens, Dahl and Hinton published in 2013, as numbers to stand beside ours.

Source: [sutskever2013], tables 1 and 2 and the text on the scale of the initial weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

SETS = ("curves", "mnist", "faces")
METHODS = (
    "sgd",
    *("nag-0.9", "nag-0.99", "nag-0.995", "nag-0.999"),
    *("heavy-ball-0.9", "heavy-ball-0.99", "heavy-ball-0.995", "heavy-ball-0.999"),
)

TABLE_1: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "curves": dict(
            zip(METHODS, (0.48, 0.16, 0.096, 0.091, 0.074, 0.15, 0.10, 0.10, 0.10), strict=True)
        ),
        "mnist": dict(
            zip(METHODS, (2.1, 1.0, 0.73, 0.75, 0.80, 1.0, 0.77, 0.84, 0.90), strict=True)
        ),
        "faces": dict(zip(METHODS, (36.4, 14.2, 8.5, 7.8, 7.7, 15.3, 8.7, 8.3, 9.3), strict=True)),
    }
)
"""Squared error on training images, sum over pixels, the best step size of each, by set and
method."""


class Finish(NamedTuple):
    """Squared error before and after the last 1,000 updates at momentum 0.9."""

    before: float
    after: float


TABLE_2: Mapping[str, Finish] = MappingProxyType(
    {"curves": Finish(0.096, 0.074), "mnist": Finish(1.20, 0.73), "faces": Finish(10.83, 7.7)}
)
"""The best run by Nesterov's method on each set."""

SCALES: Mapping[float, float] = MappingProxyType(
    {0.25: 16.0, 0.5: 16.0, 1.0: 0.074, 2.0: 0.083, 4.0: 0.35}
)
"""Squared error on Curves by the factor of the initial weights."""

STAND_IN: Mapping[str, str] = MappingProxyType(
    {"curves": "curves", "fashion-mnist": "mnist", "mnist": "mnist"}
)
"""Which published set stands beside one of ours. For Fashion-MNIST it is another one, of images of
the same size, trained by a network of the same layers."""
