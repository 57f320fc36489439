"""The size of outputs and gradients through the depth of a network."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nagcore.evidence.figures.style import MethodStyle, book_figure, fill_band
from nagcore.evidence.record import Record
from nagcore.evidence.signal_table import runs_by_scheme

# Schemes are no methods, so they may share the methods' colours.
STYLE_OF: dict[str, MethodStyle] = {
    "torch": MethodStyle("torch's default", "#2b2b2b", "-", "o"),
    "glorot-uniform": MethodStyle("Glorot, uniform", "#b07800", (0, (4, 1.5)), "s"),
    "glorot-normal": MethodStyle("Glorot, normal", "#b07800", (0, (1, 1)), "s"),
    "he-uniform": MethodStyle("He, uniform", "#0072b2", (0, (4, 1.5)), "D"),
    "he-normal": MethodStyle("He, normal", "#0072b2", "-", "D"),
    "lecun-normal": MethodStyle("LeCun, normal", "#7fb8dd", "-", "d"),
    "orthogonal": MethodStyle("orthogonal", "#d55e00", (0, (1, 1)), "^"),
    "sparse": MethodStyle("sparse, 2013", "#00785a", (0, (5, 1, 1, 1)), "P"),
    "normal": MethodStyle("normal, fixed", "#8c3f7f", (0, (3, 1)), "v"),
    "zeros": MethodStyle("zeros", "#999999", "-", "x"),
}
_ROWS = {
    "size": "outputs, rms",
    "spread": "outputs less their\nmean over images, rms",
    "gradient": "gradient by outputs, rms",
}


@book_figure
def draw_signal(record: Record) -> Figure:
    """Draw outputs, their spread over images, and gradients by layer, a column per activation.

    Lines are geometric means over the seeds, bands reach from least to greatest; thin grey lines
    are what is expected for independent weights and many units. A spread that stays at 10⁻¹⁶ or
    so of the outputs is rounding: the images are told apart no more.

    Args:
        record: of "signal-through-depth".
    """
    activations = record.declaration.axes["activation"]
    figure, panels = plt.subplots(
        len(_ROWS),
        len(activations),
        figsize=(7.6, 7.0),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for (activation, scheme), runs in runs_by_scheme(record).items():
        column = activations.index(activation)
        panels[0, column].set_title(activation, fontsize=9.5, loc="left")
        panels[-1, column].set_xlabel("layer")
        for row, name in enumerate(_ROWS):
            _draw_scheme(panels[row, column], STYLE_OF[scheme], runs, name)
    for row, label in enumerate(_ROWS.values()):
        panels[row, 0].set_ylabel(label)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw_scheme(axes: Axes, style: MethodStyle, runs: dict[str, np.ndarray], column: str) -> None:
    curves = runs[column]
    layers = np.arange(1, curves.shape[1] + 1)
    axes.plot(layers, np.exp(np.log(curves).mean(axis=0)), **style.line(), linewidth=1.3)
    fill_band(axes, layers, curves.min(axis=0), curves.max(axis=0), style.color)
    if f"expected_{column}" in runs:
        expected = np.exp(np.log(runs[f"expected_{column}"]).mean(axis=0))
        # Wide and pale: the measured curves lie on it, and it is seen on both sides of them.
        axes.plot(layers, expected, color="#888888", alpha=0.35, linewidth=5, zorder=1)
    axes.set_yscale("log")
