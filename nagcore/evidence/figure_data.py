"""A figure as files: SVG, PNG, and the numbers that it shows as CSV."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from nagcore.errors import UsageError
from nagcore.evidence.figure_series import COLUMNS, find_series
from nagcore.files import write_whole

KEPT = "nagcore"  # the place in a notebook where a figure's numbers are kept
_ATTACHED = "_nagcore_data"
_DIGITS = 10  # of the numbers in a CSV, which halves it
_DPI = 220  # of the PNG: 1,500 dots across a page


def attach_data(figure: Figure, frame: pd.DataFrame) -> Figure:
    """Say which numbers a figure shows, where they are not read from its lines and bars.

    Args:
        figure: to which the frame belongs.
        frame: what it shows, one line per thing that is drawn.

    Returns:
        The figure.

    Example:
        >>> figure = attach_data(Figure(), pd.DataFrame({"lr": [0.1], "loss": [2.0]}))
        >>> figure_data(figure)["loss"].tolist()
        [2.0]
    """
    setattr(figure, _ATTACHED, frame.copy())
    return figure


def figure_data(figure: Figure) -> pd.DataFrame:
    """Return the numbers that a figure shows.

    Args:
        figure: drawn by Matplotlib.

    Returns:
        The frame that was attached to it; else one line for each point of a curve, each bar, band
        and mark, in the units of the axes:
        `panel` counts from 1, `title` is its title, `kind` one of line, points, band, bar, span,
        contour, image and note; `series` is the name in the legend or on the axis; then `x`, `y`,
        `lower` and `upper` of bands, bars and spans, `value` of contours and images, and the names
        of the axes. A number is missing where a thing is not placed in the units of its axis:
        a vertical line has no `y`. Contours that several panels have alike stand once.

    Example:
        >>> figure = Figure()
        >>> _ = figure.subplots().plot([1, 2], [3, 4], label="loss")
        >>> figure_data(figure)[["series", "x", "y"]].to_dict("list")
        {'series': ['loss', 'loss'], 'x': [1.0, 2.0], 'y': [3.0, 4.0]}
    """
    attached = getattr(figure, _ATTACHED, None)
    if attached is not None:
        return attached.copy()
    return pd.DataFrame(list(find_series(figure)), columns=pd.Index(COLUMNS))


def figure_files(figure: Figure) -> dict[str, bytes]:
    """Return the content of a figure's files by their endings: "svg", "png" and "csv".

    A figure of the book gives the same files every time: they hold no date, and its layout stays.
    """
    files = {}
    with plt.rc_context({"svg.hashsalt": "nagcore"}):
        for ending, metadata in (("svg", {"Date": None}), ("png", {})):
            stream = io.BytesIO()
            figure.savefig(stream, format=ending, dpi=_DPI, metadata=metadata)
            files[ending] = stream.getvalue()
    files["csv"] = _csv_of(figure).encode()
    return files


def save_figure(figure: Figure, folder: Path | str, name: str) -> dict[str, Path]:
    """Write a figure as NAME.svg, NAME.png and NAME.csv, each whole or not at all.

    Args:
        figure: to be written.
        folder: where; made if it is missing.
        name: of the files, without ending.

    Returns:
        The paths by their endings.

    Raises:
        UsageError: the name is not that of a file, or the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> paths = save_figure(Figure(), tempfile.mkdtemp(), "empty")
        >>> sorted(paths), paths["csv"].name
        (['csv', 'png', 'svg'], 'empty.csv')
    """
    if name in ("", ".", "..") or Path(name).name != name:
        raise UsageError(f"name={name!r} cannot be used; expected the name of a file, no folder")
    return {
        ending: write_whole(Path(folder) / f"{name}.{ending}", content)
        for ending, content in figure_files(figure).items()
    }


def notebook_metadata(figure: Figure) -> dict[str, dict[str, str]]:
    """Return what a notebook keeps of a figure in the metadata of the output that shows it.

    It travels with the executed notebook, so that a site built from a cache has it as well. It is
    no output of its own, which front ends would show instead of the picture or complain about.
    """
    return {KEPT: {"csv": _csv_of(figure)}}


def _csv_of(figure: Figure) -> str:
    frame = figure_data(figure)
    return frame.to_csv(index=False, lineterminator="\n", float_format=f"%.{_DIGITS}g")
