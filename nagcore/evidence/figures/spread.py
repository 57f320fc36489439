"""Mean and reach of repeated measurements along an axis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd


class Spread(NamedTuple):
    """Mean, least and greatest value at each x, all of shape (n,)."""

    x: np.ndarray
    mean: np.ndarray
    least: np.ndarray
    greatest: np.ndarray


def spread_along(frame: pd.DataFrame, x: str, column: str) -> Spread:
    """Gather the values of a column that share an x.

    Args:
        frame: one line per measurement.
        x: a column of numbers, the horizontal axis.
        column: the column of measured numbers.

    Example:
        >>> frame = pd.DataFrame({"lr": [0.1, 0.1, 0.2], "loss": [1.0, 3.0, 5.0]})
        >>> spread_along(frame, "lr", "loss").mean.tolist()
        [2.0, 5.0]
    """
    places, values = (np.asarray(frame[name], dtype=float) for name in (x, column))
    groups = [values[places == place] for place in np.unique(places)]
    return Spread(
        np.unique(places),
        np.array([group.mean() for group in groups]),
        np.array([group.min() for group in groups]),
        np.array([group.max() for group in groups]),
    )
