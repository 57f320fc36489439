"""HTML as the standard has it, where docutils and the extensions write it otherwise."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import imagesize
from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from nagbook.grid import join_names

# What the extensions call the inside of every theorem, exercise and solution.
REPEATED = {"proof", "proof-content", "exercise-content", "solution-content"}
ROLES = re.compile(r' role="(?:doc-biblioentry|list)"')
IMAGE = re.compile(r"<img (?![^>]*\bwidth=)")
# What pandas puts before a table and into its cells, for notebooks without a style of their own.
TABLE_STYLE = re.compile(r"<style scoped>.*?</style>\s*", re.DOTALL)
EMPTY_HEADER = "<th></th>"  # of no row and no column: to a screen reader a name that is missing
TABLE_ALIGNMENT = re.compile(r'(<th\b[^>]*?) valign="top"')


def drop_repeated_names(app: Sphinx, doctree: nodes.document, _page: str) -> None:
    """Leave a name to the first place of a page that has it; as a class it serves the styles.

    The extensions for theorems and exercises call the inside of each the same, and the citations
    of each docstring are counted anew. A printed book is one page of all, whose entries in the
    bibliography need their names.
    """
    if app.builder.format != "html":
        return
    seen: set[str] = set()
    for node in doctree.findall(nodes.Element):
        names = node.get("ids", [])
        if isinstance(node, nodes.section | nodes.admonition):
            node["classes"] += [f"nag-{name}" for name in names if name in REPEATED]
        node["ids"] = [name for name in names if name not in seen]
        seen.update(names)


def plain_tables(_app: Sphinx, doctree: nodes.document, _page: str) -> None:
    """Leave the looks of tables to the book's style sheet, and name nothing by nothing.

    A second line of a head, empty but for the names of the row labels, joins the first.
    """
    for node in doctree.findall(nodes.raw):
        if "html" in node.get("format", "").split() and "dataframe" in node.astext():
            text = join_names(node.astext()).replace(EMPTY_HEADER, "<td></td>")
            text = TABLE_ALIGNMENT.sub(r"\1", TABLE_STYLE.sub("", text))
            node.children = [nodes.Text(text)]


def open_hidden_cell(writer: HTML5Translator, node: HideCodeCellNode) -> None:
    """Fold a cell under words, not paragraphs, which a summary may not hold."""
    classes = " ".join(node["classes"])
    shown, hidden = escape(node["prompt_show"]), escape(node["prompt_hide"])
    writer.body.append(
        f'<details class="admonition hide {classes}">\n<summary>\n'
        f'<span class="collapsed admonition-title">{shown}</span>\n'
        f'<span class="expanded admonition-title">{hidden}</span>\n</summary>\n'
    )


def visit_entry(writer: HTML5Translator, node: nodes.entry) -> None:
    """Begin a table's cell; an empty one among the headings is no heading of anything."""
    HTML5Translator.visit_entry(writer, node)
    if not node.astext().strip():
        writer.body[-1] = writer.body[-1].replace("<th", "<td", 1)
        writer.context[-1] = writer.context[-1].replace("</th", "</td", 1)


def visit_sized_image(writer: HTML5Translator, node: nodes.image) -> None:
    """Say how large a picture is, so that the text does not jump when it arrives.

    It is loaded when a reader comes near: drawing twenty of them at once keeps a phone busy for
    seconds.
    """
    source = Path(writer.builder.srcdir, node["uri"])
    HTML5Translator.visit_image(writer, node)
    width, height = imagesize.get(source) if source.is_file() else (-1, -1)
    if width > 0 and height > 0:
        size = f'<img loading="lazy" width="{width:.0f}" height="{height:.0f}" '
        writer.body[-1] = IMAGE.sub(size, writer.body[-1], count=1)


def visit_citation(writer: HTML5Translator, node: nodes.citation) -> None:
    """Begin an entry of the bibliography without the roles that docutils gives to it and its list.

    The one is no longer allowed, and a list of that kind may hold nothing else.
    """
    begun = len(writer.body)
    HTML5Translator.visit_citation(writer, node)
    writer.body[begun:] = [ROLES.sub("", text) for text in writer.body[begun:]]


def setup(app: Sphinx) -> None:
    """Put the writers in the place of those they mend."""
    app.add_node(HideCodeCellNode, override=True, html=(open_hidden_cell, depart_HideCellInput))
    app.add_node(nodes.image, override=True, html=(visit_sized_image, HTML5Translator.depart_image))
    app.add_node(nodes.entry, override=True, html=(visit_entry, HTML5Translator.depart_entry))
    app.add_node(
        nodes.citation, override=True, html=(visit_citation, HTML5Translator.depart_citation)
    )
    app.connect("doctree-resolved", drop_repeated_names)
    app.connect("doctree-resolved", plain_tables)
    app.add_js_file("scrolling.mjs", type="module")
