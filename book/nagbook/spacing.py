"""No space stands between two Chinese characters, whatever roles they come from."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

HAN = "\u2e80-\u9fff\uf900-\ufaff"
FULL = "\u3001-\u3003\u3008-\u3011\uff01-\uff0f\uff1a-\uff20\u201c\u201d\u2018\u2019\u2026\u2014"
# Between two characters, and beside punctuation that brings its own space.
ENDS = re.compile(f"[{HAN}{FULL}]$")
BEGINS = re.compile(f"^[{HAN}{FULL}]")
PUNCTUATION_ENDS = re.compile(f"[{FULL}]$")
PUNCTUATION_BEGINS = re.compile(f"^[{FULL}]")
BLOCKS = (nodes.paragraph, nodes.term, nodes.caption, nodes.title, nodes.rubric)


def close_gaps(app: Sphinx, doctree: nodes.document, _page: str) -> None:
    """Drop the spaces that translators must write beside roles, where the role shows Chinese.

    Only here is it known what a reference, a term or a pasted value shows.
    """
    if not (app.config.language or "").startswith("zh"):
        return
    for kind in BLOCKS:
        for block in doctree.findall(kind):
            _close(block)


def _close(block: nodes.Element) -> None:
    leaves: list[Any] = list(block.findall(nodes.Text))
    shown = [str(leaf) for leaf in leaves]
    for place, leaf in enumerate(leaves):
        if isinstance(leaf.parent, nodes.math | nodes.literal | nodes.raw):
            continue
        before = shown[place - 1] if place else ""
        after = shown[place + 1] if place + 1 < len(shown) else ""
        text = join(before, shown[place], after)
        if text != shown[place]:
            shown[place] = text
            leaf.parent.replace(leaf, nodes.Text(text))


def join(before: str, text: str, after: str) -> str:
    """Return a piece of text without the spaces at its ends that Chinese does not have.

    Args:
        before: the piece in front of it on the page.
        text: the piece.
        after: the piece behind it.

    Example:
        >>> join("前瞻点", " 是 ", "x"), join("句子。", " 所以", "")
        ('是 ', '所以')
    """
    if text.startswith(" ") and _closed(before.rstrip(" "), text.lstrip(" ")):
        text = text.lstrip(" ")
    if text.endswith(" ") and _closed(text.rstrip(" "), after.lstrip(" ")):
        text = text.rstrip(" ")
    return text


def _closed(left: str, right: str) -> bool:
    """Say whether two pieces stand side by side without a space."""
    if not left or not right:
        return False
    if PUNCTUATION_ENDS.search(left) or PUNCTUATION_BEGINS.search(right):
        return True
    return bool(ENDS.search(left) and BEGINS.search(right))
