"""One look for every figure, one colour for every method."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from nagcore.errors import UsageError
from nagcore.evidence.figure_data import notebook_metadata
from nagcore.names import closest_first

P = ParamSpec("P")


class MethodStyle(NamedTuple):
    """How a method is drawn, told apart by dash and marker where colour is not seen."""

    label: str
    color: str
    linestyle: Any
    marker: str

    def line(self) -> dict[str, Any]:
        """Return the keyword arguments of a line of this method."""
        return {"label": self.label, "color": self.color, "linestyle": self.linestyle}


# Okabe and Ito's palette, which readers with any colour vision tell apart.
STYLES: dict[str, MethodStyle] = {
    "gd": MethodStyle("gradient descent", "#2b2b2b", "-", "o"),
    "gd-convex": MethodStyle("gradient descent, 1/L", "#2b2b2b", "-", "o"),
    "sgd": MethodStyle("SGD", "#b07800", (0, (4, 1.5)), "s"),
    "heavy-ball": MethodStyle("heavy ball", "#d55e00", (0, (5, 1, 1, 1)), "^"),
    "nag": MethodStyle("Nesterov", "#0072b2", "-", "D"),
    "nag-1983": MethodStyle("Nesterov, 1983", "#0072b2", (0, (2, 1)), "v"),
    "heavy-ball-0.9": MethodStyle("heavy ball, 0.9", "#d55e00", (0, (5, 1, 1, 1)), "^"),
    "heavy-ball-0.99": MethodStyle("heavy ball, 0.99", "#f0a35e", (0, (5, 1, 1, 1)), "<"),
    "nag-0.9": MethodStyle("Nesterov, 0.9", "#0072b2", "-", "D"),
    "nag-0.99": MethodStyle("Nesterov, 0.99", "#7fb8dd", "-", "d"),
    "ogm": MethodStyle("OGM", "#00785a", (0, (3, 1)), "s"),
    "triple-momentum": MethodStyle("triple momentum", "#7a3500", (0, (3, 1, 1, 1, 1, 1)), "X"),
    "item": MethodStyle("ITEM", "#8c3f7f", (0, (4, 1)), "p"),
    "adam": MethodStyle("Adam", "#00785a", (0, (1, 1)), "P"),
    "adamw": MethodStyle("AdamW", "#2b2b2b", (0, (1, 2)), "<"),
    "nadam": MethodStyle("NAdam", "#5f8000", (0, (3, 1, 1, 1)), "X"),
    "nadamw": MethodStyle("NAdamW", "#0c9fb3", (0, (3, 2, 1, 2)), ">"),
    "adan": MethodStyle("Adan", "#8c3f7f", (0, (4, 1)), "p"),
    "muon": MethodStyle("Muon", "#5a4fa2", (0, (6, 1.5)), "h"),
    "schedule-free": MethodStyle("schedule-free", "#b8203c", (0, (2, 1, 1, 1)), "*"),
    "schedule-free-adamw": MethodStyle("schedule-free AdamW", "#b8203c", (0, (1, 1)), "*"),
    "nag-restart": MethodStyle("Nesterov, restart", "#0072b2", (0, (2, 1)), "v"),
    "lbfgs": MethodStyle("L-BFGS", "#5f5f5f", "-", "s"),
    "heavy-ball-0.995": MethodStyle("heavy ball, 0.995", "#9c3f00", (0, (5, 1, 1, 1)), ">"),
    "heavy-ball-0.999": MethodStyle("heavy ball, 0.999", "#572400", (0, (5, 1, 1, 1)), "P"),
    "nag-0.995": MethodStyle("Nesterov, 0.995", "#004f7c", "-", "v"),
    "nag-0.999": MethodStyle("Nesterov, 0.999", "#17283c", "-", "H"),
}

# Of small words in a picture: dark enough on white, and where the page dims the picture.
LABEL = "#4d4d4d"
BOUND = {"color": "#8c3f7f", "linewidth": 1.0, "linestyle": (0, (6, 2, 1, 2))}

_FILL, _EDGE = 0.2, 0.6  # opacity of a band

_RC: dict[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "font.size": 9.5,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "nagcore",
}


def find_style(method: str) -> MethodStyle:
    """Return the style of a method, the same in every figure.

    Raises:
        UsageError: the method has none.

    Example:
        >>> find_style("nag").label
        'Nesterov'
    """
    if method not in STYLES:
        raise UsageError(
            f"no style is known for the method {method!r}; "
            f"those known: {closest_first(method, STYLES)}"
        )
    return STYLES[method]


def ring(axes: Axes, x: Any, y: Any, color: str) -> None:
    """Draw a ring round the point of a curve that was chosen.

    Args:
        axes: with the curve.
        x: of the point.
        y: likewise.
        color: of the curve.
    """
    axes.plot(x, y, marker="o", markersize=12, markerfacecolor="none", color=color)


def fill_band(axes: Axes, x: Any, low: Any, high: Any, color: Any) -> None:
    """Fill what lies between two curves, with a thin edge that shows where the band ends.

    Args:
        axes: with the curve in the middle.
        x: where the curves were measured.
        low: the lower curve; it breaks off where it is not finite.
        high: the upper one, likewise.
        color: of the curve.
    """
    fill, edge = to_rgba(color, _FILL), to_rgba(color, _EDGE)
    axes.fill_between(x, low, high, facecolor=fill, edgecolor=edge, linewidth=0.6)


def book_figure(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the book's style, and close the figure so that a notebook shows it once.

    A notebook keeps the numbers that the figure shows beside its picture, for the site to offer.
    """

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with plt.rc_context(_RC):
            figure = draw(*args, **kwargs)
            # Lay out while the style holds, once; a notebook draws after it has ended, and every
            # drawing would move things a little.
            figure.canvas.draw()
            figure.set_layout_engine("none")
        plt.close(figure)
        # IPython asks an object what to keep, then adds the picture in its own way for figures.
        figure._repr_mimebundle_ = lambda **_: ({}, notebook_metadata(figure))  # pyright: ignore
        return figure

    return styled
