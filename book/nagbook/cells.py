"""Numbers in the tables that cells show.

Without this a browser parts a number from its unit, its power of ten or its spread where a column
is narrow. A line still ends before a bracket, so that columns stay narrow.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

from nagbook.spacing import NO_BREAK, bind

# What a cell holds, without markup, that begins with a number.
NUMBER = re.compile(r"(<t[dh][^<>]*>)(\s*[+−(]?\d[^<>]*)(?=</t[dh]>)")
UNIT = re.compile(r"(?<=\d) (?=(?:s|ms|µs|ns|kB|MB|GB)\b)")


def bind_numbers(_app: Sphinx, doctree: nodes.document, _page: str) -> None:
    """Keep each number of a shown table together, when its words are translated."""
    for node in list(doctree.findall(nodes.raw)):
        if "html" in node.get("format", "") and "</td>" in node.astext():
            bound = NUMBER.sub(lambda found: found[1] + bind_cell(found[2]), node.astext())
            node.replace_self(nodes.raw("", bound, format=node["format"]))


def bind_cell(text: str) -> str:
    """Return what a cell holds with spaces without a break inside its numbers.

    Example:
        >>> bind_cell("53.5 ± 8.2 % (n = 5)"), bind_cell("9.66 ms")
        ('53.5\xa0±\xa08.2\xa0% (n\xa0=\xa05)', '9.66\xa0ms')
    """
    return UNIT.sub(NO_BREAK, bind("", text, ""))
