"""Marks for a phone's window, by what a style sheet cannot measure.

Short code is not broken there, and a picture that is much wider than high scrolls in its
frame instead of becoming too small to read.
"""

from __future__ import annotations

from pathlib import Path

import imagesize
from docutils import nodes
from sphinx.application import Sphinx

SHORT = 16  # letters of code that a line of a phone has room for
WORD = 24  # letters of one of its words, in a list too
WIDE = 2.15  # width over height, from three panels beside each other


def mark_narrow(app: Sphinx, doctree: nodes.document, _page: str) -> None:
    """Say by classes which code is short or made of short words, and which figures are wide."""
    for code in doctree.findall(nodes.literal):
        code["classes"] += measure_code(code.astext())
    for image in doctree.findall(nodes.image):
        if isinstance(image.parent, nodes.figure) and _is_wide(Path(app.srcdir, image["uri"])):
            image.parent["classes"].append("wide")


def measure_code(code: str) -> list[str]:
    """Return the class that says how a piece of code may break, if it may not do so anywhere.

    Example:
        >>> measure_code("--tier 1"), measure_code("nagcore data speech --recordings")
        (['short'], ['of-short-words'])
        >>> measure_code("nagcore.core.GradientRestart")
        []
    """
    if len(code) <= SHORT:
        return ["short"]
    return ["of-short-words"] if all(len(word) <= WORD for word in code.split()) else []


def _is_wide(picture: Path) -> bool:
    width, height = imagesize.get(picture) if picture.is_file() else (-1, -1)
    return width > WIDE * height > 0
