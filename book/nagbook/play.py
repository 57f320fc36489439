"""The elements to play with: their scripts where a page has one, and their pictures' words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

ELEMENT = re.compile(r"<nag-([a-z-]+)[ >]")
ALT = re.compile(r'(<img src="data:[^"]*" alt=")[^"]*(")')


def find_elements(doctree: nodes.document) -> Iterator[tuple[nodes.raw, str]]:
    """Yield the parts of a page that are elements to play with, and their names without "nag-"."""
    for node in doctree.findall(nodes.raw):
        found = ELEMENT.search(node.astext()) if "html" in node.get("format", "") else None
        if found is not None:
            yield node, found[1]


def describe_pictures(_app: Sphinx, doctree: nodes.document) -> None:
    """Give the picture inside an element the words of the cell, in the language of the page.

    MyST-NB gives them to the picture for paper, but does not look inside HTML.
    """
    for node, _ in find_elements(doctree):
        alt = next((image["alt"] for image in _beside(node) if image.get("alt")), None)
        if alt is not None:
            words = html.escape(" ".join(alt.split()))
            text = ALT.sub(lambda found: f"{found[1]}{words}{found[2]}", node.astext())  # noqa: B023
            node.children[:] = []
            node += nodes.Text(text)


def _beside(node: nodes.raw) -> Iterator[nodes.image]:
    """The other forms of the same output, of which Sphinx chooses one later."""
    parent = node.parent
    while isinstance(parent, nodes.Element):
        if parent.get("nb_element") == "mime_bundle":
            yield from parent.findall(nodes.image)
            return
        parent = parent.parent


def add_scripts(
    app: Sphinx,
    _pagename: str,
    _templatename: str,
    _context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Load an element's script on the pages that have it, and on no others."""
    if doctree is None:
        return
    names = {name for _, name in find_elements(doctree)}
    for name in sorted(names):
        app.add_js_file(f"play/{name}.mjs", type="module")
    if names:
        app.add_css_file("play/play.css")
