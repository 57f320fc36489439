"""Read the numbers back from what Matplotlib drew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection, PolyCollection
from matplotlib.container import BarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text

from nagcore.evidence.figure_names import (
    Look,
    as_line,
    axis_label,
    is_bare,
    is_name,
    look_of,
    name_of,
    names_by_look,
    words_on,
)

COLUMNS = (
    *("panel", "title", "kind", "series", "x", "y", "lower", "upper", "value"),
    *("x_label", "y_label"),
)
Point = dict[str, Any]


class _Panel(NamedTuple):
    """Axes, with the names that the figure gives to looks, and the axes to places."""

    axes: Axes
    names: dict[Look, str]
    x_words: list[tuple[float, str]]
    y_words: list[tuple[float, str]]
    lines_seen: set[tuple[float, bytes]]  # contours of all panels so far

    def point(self, kind: str, name: str, x: float | None, y: float | None) -> Point:
        """Return a point, named by the words on an axis where it has no other name."""
        return {"kind": kind, "series": name or self.words_at(x, y), "x": x, "y": y}

    def words_at(self, x: float | None, y: float | None) -> str:
        """Return what stands on an axis of words at a place."""
        for words, place in ((self.y_words, y), (self.x_words, x)):
            for at, text in words:
                if place is not None and abs(at - place) < 0.5:
                    return text
        return ""


def find_series(figure: Figure) -> Iterator[Point]:
    """Yield a line of the table for everything that is drawn, panel by panel.

    Args:
        figure: as `nagcore.evidence.figure_data.figure_data` takes it.
    """
    names, lines_seen = names_by_look(figure), set()
    shown = [
        axes for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"
    ]
    for number, axes in enumerate(shown, start=1):
        common = {
            "panel": number,
            "title": axes.get_title("left") or axes.get_title(),
            "x_label": axis_label(axes, "x"),
            "y_label": axis_label(axes, "y"),
        }
        panel = _Panel(axes, names, words_on(axes.xaxis), words_on(axes.yaxis), lines_seen)
        for point in _points_of(panel):
            yield dict.fromkeys(COLUMNS) | common | point


def _points_of(panel: _Panel) -> Iterator[Point]:
    axes = panel.axes
    for line in axes.lines:
        yield from _of_line(panel, line)
    for collection in axes.collections:
        for kind, read in _COLLECTIONS.items():
            if isinstance(collection, kind):
                yield from read(panel, collection)
                break
    bars = [container for container in axes.containers if isinstance(container, BarContainer)]
    for container in bars:
        yield from _of_bars(panel, container)
    barred = [bar for container in bars for bar in container.patches]
    for patch in axes.patches:
        if isinstance(patch, Rectangle) and patch not in barred:
            yield from _of_span(panel, patch)
    for image in axes.images:
        yield from _of_image(image)
    for text in axes.texts:
        yield from _of_text(panel, text)


def _of_line(panel: _Panel, line: Line2D) -> Iterator[Point]:
    kind = "points" if is_bare(line) else "line"
    x, y = (np.asarray(values, dtype=float) for values in line.get_data(orig=False))
    seen = set()
    for place in _in_data(panel, line, x, y):
        # The two ends of a vertical line are one place.
        if None not in place or place not in seen:
            yield panel.point(kind, name_of(panel.names, line), *place)
        seen.add(place)


def _of_contours(panel: _Panel, contours: Any) -> Iterator[Point]:
    """Yield contours, but not those which an earlier panel has: often they are the ground of all.

    Matplotlib interpolates them on a grid, so that more than four digits would say nothing.
    """
    for level, path in zip(contours.levels, contours.get_paths(), strict=False):
        seen = (float(level), path.vertices.tobytes())
        if seen not in panel.lines_seen:
            panel.lines_seen.add(seen)
            for x, y in path.vertices:
                place = {"x": float(f"{x:.4g}"), "y": float(f"{y:.4g}")}
                yield {"kind": "contour", **place, "value": level}


def _of_marks(panel: _Panel, marks: Any) -> Iterator[Point]:
    for x, y in np.asarray(marks.get_offsets(), dtype=float).reshape(-1, 2):
        yield panel.point("points", name_of(panel.names, marks), x, y)


def _of_segments(panel: _Panel, segments: Any) -> Iterator[Point]:
    for segment in segments.get_segments():
        for place in _in_data(panel, segments, *np.asarray(segment, dtype=float).T):
            yield panel.point("line", name_of(panel.names, segments), *place)


def _of_bands(panel: _Panel, bands: Any) -> Iterator[Point]:
    """Yield the ends of a filled band at each x, from the outline round it."""
    for path in bands.get_paths():
        corners = np.asarray(path.vertices, dtype=float)
        for x in np.unique(corners[:, 0]):
            heights = corners[corners[:, 0] == x, 1]
            yield {"kind": "band", "series": name_of(panel.names, bands), "x": x,
                   "lower": heights.min(), "upper": heights.max()}  # fmt: skip


# The first that fits reads a collection; contours come first, which are one of the others, too.
_COLLECTIONS: dict[type[Collection], Callable[[_Panel, Any], Iterator[Point]]] = {
    ContourSet: _of_contours,
    PathCollection: _of_marks,
    LineCollection: _of_segments,
    PolyCollection: _of_bands,
}


def _of_bars(panel: _Panel, bars: BarContainer) -> Iterator[Point]:
    label = bars.get_label()
    for bar in bars.patches:
        name = label if is_name(label) else panel.names.get(look_of(bar), "")
        box = bar.get_bbox()
        if bars.orientation == "horizontal":
            x, y, start = box.x1, (box.y0 + box.y1) / 2, box.x0
        else:
            x, y, start = (box.x0 + box.x1) / 2, box.y1, box.y0
        series = ", ".join(part for part in (panel.words_at(x, y), str(name)) if part)
        yield {"kind": "bar", "series": series, "x": x, "y": y, "lower": start}


def _of_span(panel: _Panel, patch: Rectangle) -> Iterator[Point]:
    box = patch.get_bbox()
    along_x, along_y = patch.get_transform().contains_branch_seperately(panel.axes.transData)
    if along_x != along_y:
        ends = (box.x0, box.x1) if along_x else (box.y0, box.y1)
        yield {"kind": "span", "series": "", "lower": min(ends), "upper": max(ends)}


def _of_image(image: AxesImage) -> Iterator[Point]:
    array = np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)
    if array.ndim == 3:  # of a colour picture its mean brightness
        array = array[..., :3].mean(axis=2)
    for row, column in np.ndindex(array.shape):
        yield {"kind": "image", "x": column, "y": row, "value": array[row, column]}


def _of_text(panel: _Panel, text: Text) -> Iterator[Point]:
    place: Point = {}
    if isinstance(text, Annotation):
        if text.xycoords == "data":
            place = dict(zip("xy", text.xy, strict=True))
    elif text.get_transform() == panel.axes.transData:
        place = dict(zip("xy", text.get_position(), strict=True))
    if text.get_text():
        yield {"kind": "note", "series": as_line(text.get_text()), **place}


def _in_data(
    panel: _Panel, artist: Artist, x: np.ndarray, y: np.ndarray
) -> Iterator[tuple[float | None, float | None]]:
    """Yield places in the units of the axes, None for what is placed in another way."""
    transform = artist.get_transform()
    along_x, along_y = transform.contains_branch_seperately(panel.axes.transData)
    for one, other in zip(x, y, strict=True):
        yield float(one) if along_x else None, float(other) if along_y else None
