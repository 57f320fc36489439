"""Paths of three methods over a valley, with sliders and a start to move."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nagcore.core import GradientDescent, HeavyBall, Nesterov
from nagcore.core.checks import require_count, require_momentum, require_positive
from nagcore.evidence.figure_data import attach_data
from nagcore.evidence.figures.style import STYLES, book_figure
from nagcore.evidence.play.base import Playground, require_condition_number
from nagcore.theory.minimize import minimize
from nagcore.theory.quadratic import Quadratic

START = (10.0, 1.0)
_VIEW = np.array([12.0, 2.6])  # half the width and height of the picture of the valley


def trajectories(
    condition_number: float = 25.0,
    step_size: float = 1.0,
    momentum: float = 0.67,
    *,
    steps: int = 60,
) -> Playground:
    """Show the paths of gradient descent, heavy ball and Nesterov's method on a quadratic.

    Args:
        condition_number: κ of the quadratic, 1 or more.
        step_size: α in units of 1/L, positive, the same for all three.
        momentum: β in [0, 1), of the last two.
        steps: length of the paths, positive.

    Returns:
        What a cell shows: the start and the three numbers can be moved.

    Raises:
        UsageError: a number is out of its range.

    Example:
        >>> trajectories(condition_number=10.0).attributes["condition-number"]
        10.0
    """
    require_condition_number(condition_number)
    require_positive(step_size, "step_size")
    require_momentum(momentum)
    require_count(steps, "steps")
    require_positive(steps, "steps")
    valley = Quadratic((1 / condition_number, 1.0))
    paths = {
        name: _run(valley, rule, step_size, steps)
        for name, rule in (
            ("gd", GradientDescent()),
            ("heavy-ball", HeavyBall(momentum)),
            ("nag", Nesterov(momentum)),
        )
    }
    return Playground(
        "nag-trajectories",
        _draw(valley, paths),
        "Elliptic level lines of a long valley with the paths of gradient descent, heavy ball "
        "and Nesterov’s method from one start on its side, and below, on a logarithmic scale, "
        "the gap of each against the step.",
        {
            "condition-number": condition_number,
            "step-size": step_size,
            "momentum": momentum,
            "steps": steps,
        },
    )


def _run(valley: Quadratic, rule: object, step_size: float, steps: int) -> np.ndarray:
    solution = minimize(valley, rule, START, step_size=step_size, max_steps=steps, trace=True)  # pyright: ignore[reportArgumentType]
    return solution.iterates


@book_figure
def _draw(valley: Quadratic, paths: Mapping[str, np.ndarray]) -> Figure:
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.8, 4.6), height_ratios=(1.4, 1))
    grid = np.meshgrid(*(np.linspace(-half, half, 121) for half in _VIEW))
    values = np.apply_along_axis(valley.value, -1, np.stack(grid, axis=-1))
    levels = valley.value(_VIEW) * (np.arange(1, 9) / 8) ** 2
    top.contour(*grid, values, levels=levels, colors="#bbbbbb", linewidths=0.7)
    top.plot(0, 0, "*", color="black", markersize=9)
    frames = []
    for name, path in paths.items():
        style = STYLES[name]
        top.plot(*path.T, marker=style.marker, markersize=3, **{**style.line(), "linewidth": 1.1})
        gaps = np.array([valley.value(x) for x in path])
        bottom.plot(gaps / gaps[0], **style.line())
        columns = {"along": path[:, 0], "across": path[:, 1], "gap": gaps / gaps[0]}
        frames.append(pd.DataFrame({"method": name, "step": np.arange(len(path)), **columns}))
    top.set(xlim=(-_VIEW[0], _VIEW[0]), ylim=(-_VIEW[1], _VIEW[1]))
    top.set(xlabel="along the valley", ylabel="across")
    top.grid(visible=False)
    top.legend(fontsize=8, loc="lower left")
    bottom.set(yscale="log", ylim=(1e-8, 1e2), xlabel="step k", ylabel="gap ÷ first gap")
    return attach_data(figure, pd.concat(frames, ignore_index=True))
