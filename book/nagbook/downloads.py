"""Files that a page offers: the numbers and the pictures of every figure under its caption."""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from sphinx.addnodes import download_reference
from sphinx.application import Sphinx

from nagbook.words import say
from nagcore.evidence.figure_data import KEPT
from nagcore.files import write_whole

EXECUTED = "jupyter_execute"  # where MyST-NB leaves executed notebooks and their pictures


class Drawn(NamedTuple):
    """A figure in an executed notebook: its name, and its files by their endings."""

    name: str
    files: dict[str, str | bytes]


def offer_downloads(app: Sphinx, doctree: nodes.document) -> None:
    """Put links to numbers and pictures under the caption of every figure of an executed notebook.

    Connected before Sphinx looks for what a page offers for download, which copies the files and
    makes the links right.
    """
    page = app.env.docname
    notebook = find_executed(app, page)
    if notebook is None:
        return
    drawn = find_drawn(notebook)
    for figure in doctree.findall(nodes.figure):
        # The page holds a picture in every format; Sphinx chooses later.
        pictures = [Path(image["uri"]).stem for image in figure.findall(nodes.image)]
        found = next((drawn[picture] for picture in pictures if picture in drawn), None)
        if found is not None:
            figure += _legend(app, page, found)


def find_executed(app: Sphinx, page: str) -> Any:
    """Return the notebook of a page with its outputs, or None where the page is no notebook.

    MyST-NB writes every notebook that it has read, but one that it found in the cache of executed
    ones it writes without outputs.
    """
    written = _folder(app) / f"{page}.ipynb"
    if not written.is_file():
        return None
    notebook = nbformat.read(written, as_version=4)
    config = app.env.mystnb_config  # type: ignore[attr-defined]
    if config.execution_mode == "cache":
        with suppress(KeyError):
            return get_cache(config.execution_cache_path).merge_match_into_notebook(notebook)[1]
    return notebook


def _folder(app: Sphinx) -> Path:
    return Path(app.outdir).parent / EXECUTED


def find_drawn(notebook: Any) -> dict[str, Drawn]:
    """Return the figures of an executed notebook by the hash of their pictures.

    MyST-NB names the file of a picture by that hash, so it tells which node shows which output.

    Args:
        notebook: with outputs.
    """
    found = {}
    for name, output in _outputs(notebook):
        if KEPT in output.metadata and "image/png" in output.data:
            files = {"csv": output.metadata[KEPT]["csv"]}
            if "image/svg+xml" in output.data:
                files["svg"] = output.data["image/svg+xml"]
            files["png"] = b64decode(output.data["image/png"])
            found[hashlib.sha256(files["png"]).hexdigest()] = Drawn(name, files)
    return found


def _outputs(notebook: Any) -> Iterator[tuple[str, Any]]:
    """Yield what cells show, with a name: that of the figure, or that of the cell."""
    for cell in notebook.cells:
        label = cell.metadata.get("mystnb", {}).get("figure", {}).get("name") or cell.get("id", "")
        for output in cell.get("outputs", ()):
            if output.output_type in ("display_data", "execute_result"):
                yield label.removeprefix("fig:").replace(":", "-"), output


def _legend(app: Sphinx, page: str, drawn: Drawn) -> nodes.legend:
    """Write the files of a figure, and return the line that offers them."""
    line = nodes.paragraph(classes=["figure-files"])
    for ending, content in drawn.files.items():
        target = offer_file(app, page, f"{drawn.name}.{ending}", content)
        if len(line):
            line += nodes.Text(" · ")
        line += download_reference(
            "", "", nodes.Text(say(app.config.language, ending)), reftarget=target
        )
    return nodes.legend("", line)


def offer_file(app: Sphinx, page: str, name: str, content: str | bytes) -> str:
    """Write a file that a page offers, and return what a download reference calls it."""
    path = write_whole(_folder(app) / "offered" / page / name, content)
    # Sphinx takes a path with a slash in front as one from the top of the book.
    return f"/{Path(os.path.relpath(path, app.srcdir)).as_posix()}"
