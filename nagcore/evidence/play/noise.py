"""Noise to play with: batch size against momentum in the noisy quadratic model."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.core.checks import require_momentum
from nagcore.errors import UsageError
from nagcore.evidence.figures.style import BOUND, STYLES, book_figure
from nagcore.evidence.play.base import Playground
from nagcore.evidence.record import Record
from nagcore.theory.noise_tuning import NOISY_METHODS, best_settings
from nagcore.theory.noisy_quadratic import NoisyQuadratic, harmonic_quadratic

ALONE, RATIO = 16, 1.2
"""How coarsely curvatures are gathered, see `harmonic_quadratic`: so that a page can follow."""
TARGET = 0.01
"""The expected loss to reach."""
_OCTAVES = 24  # of steps that are drawn


def model() -> NoisyQuadratic:
    """Return the model of the element.

    Example:
        >>> len(model().curvatures)
        53
    """
    return harmonic_quadratic(alone=ALONE, ratio=RATIO)


def noise(record: Record, *, batch_size: int = 1024, momentum: float = 0.99) -> Playground:
    """Return the expected loss of three methods at a batch size and a momentum, to be played with.

    Args:
        record: of "noisy-quadratic", for the best momentum at each batch size.
        batch_size: B at first, one of the record's.
        momentum: β at first.

    Raises:
        UsageError: the record's batch sizes are not 1, 2, 4, …, `batch_size` is none of them, or
            the momentum lies outside [0, 1).
    """
    require_momentum(momentum)
    sizes = list(record.declaration.axes["batch_size"])
    if sizes != [2**bits for bits in range(len(sizes))]:
        raise UsageError(f"the batch sizes of the record are {sizes}, expected 1, 2, 4, …")
    if batch_size not in sizes:
        raise UsageError(f"batch_size is {batch_size!r}, expected one of {sizes}")
    best = {name: best_frictions(record, name) for name in ("heavy-ball", "nag")}
    return Playground(
        "nag-noise",
        draw_noise(best, batch_size, momentum),
        "Left, the expected loss of SGD, heavy ball and Nesterov's method against the number of "
        "steps, each with its best step size: it falls and ends on a level part at the noise. "
        "Right, the best one minus momentum against the batch size, rising along a straight line "
        "and level at large batches, with the chosen setting as a dot.",
        {"batch-size": batch_size, "momentum": momentum},
        best,
    )


def best_frictions(record: Record, method: str) -> list[tuple[int, float]]:
    """Return batch size and best 1 − β, three figures of it, in the order of the batch sizes.

    Args:
        record: of "noisy-quadratic".
        method: a value of its axis `method`.
    """
    rows = [row for row in record.rows if row["method"] == method]
    return [(row["batch_size"], float(f"{1 - row['momentum']:.3g}")) for row in rows]


@book_figure
def draw_noise(
    best: dict[str, list[tuple[int, float]]], batch_size: int, momentum: float
) -> Figure:
    """Draw the expected losses at a setting, and where it lies among the best momenta.

    Args:
        best: batch size and best 1 − β, by method.
        batch_size: B.
        momentum: β.
    """
    figure, (losses, plane) = plt.subplots(1, 2, figsize=(7.6, 3.4))
    _draw_losses(losses, batch_size, momentum)
    for name, points in best.items():
        plane.plot(*np.array(points).T, **STYLES[name].line())
    plane.plot(batch_size, 1 - momentum, marker="o", markersize=7, color="#2b2b2b")
    plane.set_xlabel("batch size B")
    plane.set_ylabel("1 − β")
    for axes in (losses, plane):
        axes.set_xscale("log")
        axes.set_yscale("log")
    losses.legend()
    return figure


def _draw_losses(axes: Axes, batch_size: int, momentum: float) -> None:
    steps = np.unique(np.geomspace(1, 2**_OCTAVES, 200).round().astype(int))
    for name, rule in NOISY_METHODS.items():
        beta = 0.0 if name == "sgd" else momentum
        found = best_settings(model(), name, batch_size=batch_size, target=TARGET, momentum=beta)
        losses = model().losses(rule(beta), steps, step_size=found.step_size, batch_size=batch_size)
        axes.plot(steps, losses, **STYLES[name].line())
        axes.plot(found.steps, TARGET, marker=STYLES[name].marker, color=STYLES[name].color)
    axes.axhline(TARGET, **BOUND)
    axes.set_xlabel("steps")
    axes.set_ylabel("expected loss")
