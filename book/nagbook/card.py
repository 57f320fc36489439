"""The picture that is shown with an address of the book where people share it.

It has no words but the name and the formula, so that all editions share it.
"""

from __future__ import annotations

from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np

from nagcore.core import GradientDescent, HeavyBall, Nesterov
from nagcore.evidence.figures.paths import draw_contours
from nagcore.evidence.figures.style import STYLES
from nagcore.theory import Quadratic, minimize

SIZE = (1200, 630)  # pixels, as those who show such cards ask for
DPI = 100
CONDITION_NUMBER = 25.0
STEP_SIZE = 0.3  # in units of 1/L: shorter than is best, for paths that part from each other
MOMENTUM = 0.85
FORMULA = r"$y_k = x_k + \beta_k (x_k - x_{k-1}) \qquad x_{k+1} = y_k - \alpha \nabla f(y_k)$"


def draw_card() -> bytes:
    """Return the card as PNG: three methods on their way through a valley, over the formula."""
    valley = Quadratic((1.0, CONDITION_NUMBER))
    methods = {
        "gd": GradientDescent(),
        "heavy-ball": HeavyBall(MOMENTUM),
        "nag": Nesterov(MOMENTUM),
    }
    start = np.array([9.0, 2.0])
    figure = plt.figure(figsize=(SIZE[0] / DPI, SIZE[1] / DPI), dpi=DPI, facecolor="white")
    try:
        axes = figure.add_axes((0.0, 0.0, 1.0, 0.72))
        draw_contours(axes, valley, np.array([[-3.0, -2.4], [10.0, 2.4]]))
        for name, method in methods.items():
            run = minimize(
                valley, method, start, step_size=STEP_SIZE / valley.L, max_steps=60, trace=True
            )
            style = STYLES[name]
            axes.plot(*run.iterates.T, color=style.color, marker=style.marker, linewidth=2.5)
        axes.set(xlim=(-3.0, 10.0), ylim=(-2.4, 2.4))
        axes.set_axis_off()
        figure.text(0.05, 0.86, "nagcore", fontsize=44, fontweight="bold", va="center")
        figure.text(0.95, 0.86, FORMULA, fontsize=24, va="center", ha="right")
        drawn = BytesIO()
        # Without the version of the library in it, the same card is the same file.
        figure.savefig(drawn, format="png", metadata={"Software": None})
    finally:
        plt.close(figure)
    return drawn.getvalue()
