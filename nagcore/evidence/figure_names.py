"""What a figure calls the things that it draws: by its legends, its colours and its axes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import Collection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FuncFormatter

_UNDRAWN = ("None", "none", " ", "")


class Look(NamedTuple):
    """What tells series apart where they have no label of their own.

    Attributes:
        color: red, green and blue, from 0 to 1.
        dash: the pattern of a line; "" for bands and marks, which have the colour alone.
    """

    color: tuple[float, ...]
    dash: str


def names_by_look(figure: Figure) -> dict[Look, str]:
    """Return the labels of the whole figure by colour and dash, the first where several agree."""
    names: dict[Look, str] = {}
    for axes in figure.axes:
        _add_names(names, *axes.get_legend_handles_labels())
    for legend in [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]:
        _add_names(names, legend.legend_handles, [text.get_text() for text in legend.get_texts()])
    return names


def name_of(names: dict[Look, str], artist: Artist) -> str:
    """Return the label of a thing, or that of another of the same look, or nothing."""
    label = artist.get_label()
    return as_line(str(label)) if is_name(label) else names.get(look_of(artist), "")


def is_name(label: object) -> bool:
    """Say whether a label is one: Matplotlib gives to things without it names of its own."""
    return isinstance(label, str) and bool(label) and not label.startswith("_")


def as_line(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())


def look_of(artist: Artist) -> Look:
    """Return the look of a line, of marks, of a band or of a bar."""
    if isinstance(artist, Line2D):
        # As it was given: the pattern that is drawn depends on the width of the line.
        dash = getattr(artist, "_unscaled_dash_pattern", artist.get_linestyle())
        return Look(to_rgb(artist.get_color()), "" if is_bare(artist) else str(dash))
    if isinstance(artist, Collection | Rectangle):
        for colors in (artist.get_facecolor(), artist.get_edgecolor()):
            if len(found := np.atleast_2d(np.asarray(colors, dtype=float))) and found.size:
                return Look(to_rgb(tuple(found[0])), "")
    return Look((), "")


def is_bare(line: Line2D) -> bool:
    """Say whether a line consists of its marks alone."""
    return line.get_linestyle() in _UNDRAWN


def _add_names(names: dict[Look, str], handles: Iterable[Any], labels: Iterable[Any]) -> None:
    for handle, label in zip(handles, labels, strict=False):
        if isinstance(handle, Artist):
            look = look_of(handle)
            names.setdefault(look, as_line(str(label)))
            names.setdefault(look._replace(dash=""), as_line(str(label)))


def words_on(axis: Axis) -> list[tuple[float, str]]:
    """Return the places and words of an axis that names its places, nothing for one of numbers."""
    if not isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter):
        return []
    texts = [label.get_text() for label in axis.get_ticklabels()]
    return [
        (float(at), text)
        for at, text in zip(axis.get_ticklocs(), texts, strict=False)
        if text and not _is_number(text)
    ]


def _is_number(text: str) -> bool:
    try:
        float(text.replace("−", "-").replace(",", ""))
    except ValueError:
        return False
    return True


def axis_label(axes: Axes, which: str) -> str:
    """Return the name of an axis: its own, that of a panel which shares it, or the figure's."""
    siblings = getattr(axes, f"get_shared_{which}_axes")().get_siblings(axes)
    for panel in (axes, *siblings):
        if text := getattr(panel, f"get_{which}label")():
            return text
    return getattr(axes.figure, f"get_sup{which}label")()
