"""The elements to play with: their scripts where a page has one, and their pictures' words."""

from __future__ import annotations

import hashlib
import html
import posixpath
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from nagcore.files import write_whole

ELEMENT = re.compile(r"<nag-([a-z-]+)[ >]")
PICTURE = re.compile(r'src="data:image/png;base64,([^"]*)"')
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
            _rewrite(node, ALT.sub(lambda found: f"{found[1]}{words}{found[2]}", node.astext()))  # noqa: B023


def file_pictures(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put the picture inside an element into a file, which is read only where scripts are not.

    A notebook has to hold it. In a page it came before all text below it: half of what a phone
    had to read of the chapter with three elements.
    """
    if app.builder.format != "html":
        return
    for node, _ in find_elements(doctree):
        _rewrite(
            node, PICTURE.sub(lambda found: _write_picture(app, page, found[1]), node.astext())
        )


def _write_picture(app: Sphinx, page: str, encoded: str) -> str:
    """Write a picture beside the others of the site, and return the attributes that ask for it."""
    content = b64decode(encoded)
    path = posixpath.join(app.builder.imagedir, f"{hashlib.sha256(content).hexdigest()}.png")
    write_whole(Path(app.outdir) / path, content)
    return f'src="{posixpath.relpath(path, posixpath.dirname(page) or ".")}" loading="lazy"'


def _rewrite(node: nodes.raw, text: str) -> None:
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
