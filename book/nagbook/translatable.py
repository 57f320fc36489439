"""Which parts of a page go into the catalogs of messages, where Sphinx would choose otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import toctree
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import extract_messages
from sphinx_exercise.nodes import (
    exercise_subtitle,
    exercise_title,
    is_exercise_node,
    solution_title,
)

from nagbook import glued
from nagcore.files import write_whole

MESSAGES = "messages.json"
UNTOUCHED = (nodes.math_block, nodes.raw, exercise_title, solution_title)


class ChooseMessages(SphinxTransform):
    """Offer for translation what readers read, and nothing else.

    Runs for every builder, since a message is found again only where it was offered.
    """

    default_priority = 15  # Sphinx translates at 20

    def apply(self, **_kwargs: object) -> None:
        """Go through the page once."""
        for node in self.document.findall(nodes.Element):
            if isinstance(node, UNTOUCHED) or _is_docstring(node):
                node["translatable"] = False
            elif isinstance(node, nodes.image) and node.get("alt"):
                self._place(node)  # pictures of cells come without a place, and would be passed by
                node["alt"] = " ".join(node["alt"].split())
            elif isinstance(node, exercise_subtitle):
                node.rawsource = node.rawsource or node.astext()
                self._place(node)

    def _place(self, node: nodes.Element) -> None:
        node.source = node.source or self.document["source"]
        node.line = node.line or 1


def _is_docstring(node: nodes.Element) -> bool:
    """Docstrings are the words of the source code, which is in English."""
    return isinstance(node, nodes.TextElement) and "docstring of" in (node.source or "")


def name_solutions(app: Sphinx, doctree: nodes.document) -> None:
    """Let the title of a solution repeat that of its exercise in the language of the page.

    What is noted about an exercise is a copy of the time before its title was translated.
    """
    registry = getattr(app.env, "sphinx_exercise_registry", {})
    for node in doctree.findall(nodes.Element):
        if is_exercise_node(node) and node.get("label") in registry:
            registry[node["label"]]["node"] = node.deepcopy()  # its own is replaced later


def write_messages(app: Sphinx, error: Exception | None) -> None:
    """Write what is to be translated, page by page, whenever the English pages are written.

    Sphinx would make this of pages in their final form, where the choice among several outputs of
    a cell is made and the words of all pictures but one are lost.
    """
    if error is None and app.builder.format == "html" and app.config.language == "en":
        doctrees = {page: app.env.get_doctree(page) for page in sorted(app.env.found_docs)}
        found = {page: list(find_messages(app, page, tree)) for page, tree in doctrees.items()}
        found[glued.CATALOG] = glued.list_templates(app, doctrees.values())
        text = json.dumps(found, ensure_ascii=False, indent=1)
        write_whole(Path(app.outdir).parent / MESSAGES, text)


def find_messages(app: Sphinx, page: str, doctree: nodes.document) -> Iterator[str]:
    """Yield the messages of a page in its order, the names of its parts in the contents first."""
    for tree in app.env.tocs[page].findall(toctree):
        yield from (message for _, message in extract_messages(tree))
    yield from (message for _, message in extract_messages(doctree))
