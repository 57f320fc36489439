"""Under every figure of an executed notebook stand its numbers and its vector picture."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from nagbook import downloads
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from nagcore.book import site_folder
from nagcore.evidence.figure_data import KEPT, figure_files
from nagcore.evidence.figures.style import book_figure

ENDINGS = ("csv", "svg", "png")
LINK = re.compile(r'<a class="reference download internal"[^>]*href="([^"]+)"')


@pytest.fixture(autouse=True)
def _draw_without_a_screen():
    backend = mpl.get_backend()
    mpl.use("agg")
    yield
    mpl.use(backend)


@book_figure
def draw(slope: float):
    figure, axes = plt.subplots()
    axes.plot([0.0, 1.0], [0.0, slope], label="line")
    return figure


def shown(figure) -> tuple[dict, dict]:
    """Return data and metadata that a kernel sends of a figure that a cell ends with."""
    formatter = DisplayFormatter()
    formatter.formatters["image/png"].for_type(type(figure), picture_of)
    return formatter.format(figure)


def picture_of(figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def test_a_notebook_keeps_the_numbers_beside_the_picture():
    figure = draw(2.0)
    data, metadata = shown(figure)
    assert set(data) == {"image/png", "text/plain"}, "front ends would show another instead"
    assert metadata == {KEPT: {"csv": figure_files(figure)["csv"].decode()}}


def cell_of(figure, name: str | None, metadata: dict | None = None) -> nbformat.NotebookNode:
    data, kept = shown(figure)
    data = {
        "text/plain": "a figure",
        "image/svg+xml": figure_files(figure)["svg"].decode(),
        "image/png": b64encode(data["image/png"]).decode(),
    }
    output = nbformat.v4.new_output(
        "display_data", data, metadata=kept if metadata is None else metadata
    )
    caption = {"caption": "What it shows."} | ({"name": name} if name else {})
    return nbformat.v4.new_code_cell(
        "draw()", outputs=[output], metadata={"mystnb": {"figure": caption}}
    )


def build(source: Path, *cells: nbformat.NotebookNode) -> Path:
    """Build a site of one executed notebook; a warning fails. Return its folder."""
    (source / "chapters").mkdir(parents=True)
    title = nbformat.v4.new_markdown_cell("# A chapter")
    notebook = nbformat.v4.new_notebook(cells=[title, *cells])
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "python"}
    nbformat.write(notebook, source / "chapters" / "one.ipynb")
    (source / "index.md").write_text("# Book\n\n```{toctree}\nchapters/one\n```\n")
    out, complaints = source / "_build" / "html", io.StringIO()
    settings = {
        "extensions": ["myst_nb"], "nb_execution_mode": "off", "exclude_patterns": ["_build"]
    }  # fmt: skip
    with docutils_namespace():
        app = Sphinx(
            source, None, out, source / "_build" / "trees", "html",
            status=None, warning=complaints, confoverrides=settings,
        )  # fmt: skip
        app.connect("doctree-read", downloads.offer_downloads, priority=400)
        app.build()
    assert not complaints.getvalue()
    return out


def test_every_figure_of_the_site_offers_its_own_files(tmp_path: Path):
    figures = [draw(2.0), draw(3.0)]
    cells = [cell_of(figures[0], "fig:two"), cell_of(figures[1], None)]
    # A picture that is no figure of the book has nothing to offer.
    out = build(tmp_path, *cells, cell_of(draw(1.0), "fig:other", {}))
    page = (out / "chapters" / "one.html").read_text()
    assert page.count("What it shows.") == 3
    links = LINK.findall(page)
    names = [f"{name}.{ending}" for name in ("two", cells[1].id) for ending in ENDINGS]
    assert [Path(link).name for link in links] == names
    contents = [(out / "chapters" / link).read_bytes() for link in links]
    for figure, *files in zip(figures, contents[::3], contents[1::3], contents[2::3], strict=True):
        expected = figure_files(figure)
        assert files == [expected["csv"], expected["svg"], picture_of(figure)]
    assert page.index("What it shows.") < page.index(links[0]) < page.index("</figcaption>")
    table = pd.read_csv(io.BytesIO(contents[3]))
    assert table["series"].tolist() == ["line", "line"]
    assert (table["x"].tolist(), table["y"].tolist()) == ([0.0, 1.0], [0.0, 3.0])


@pytest.mark.browser
def test_every_figure_of_the_built_site_offers_its_numbers(root: Path):
    pages = sorted((site_folder(root) / "chapters").glob("*.html"))
    assert pages, "the book is not built: make book"
    for page in pages:
        figures = re.findall(r"<figure.*?</figure>", page.read_text(encoding="utf-8"), re.DOTALL)
        for figure in figures:
            links = [unquote(link) for link in LINK.findall(figure)]
            # Where there is an element to play with, its picture is for those without scripts.
            endings = [".csv", ".png"] if "<nag-" in figure else [".csv", ".svg", ".png"]
            assert [Path(link).suffix for link in links] == endings, page.name
            assert all((page.parent / link).stat().st_size for link in links)
