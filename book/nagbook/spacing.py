"""Spaces and the ends of lines.

No space stands between two Chinese characters, no punctuation at the beginning of a line, and a
number stays with its unit or with the word that it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx.addnodes import number_reference
from sphinx.application import Sphinx

from nagcore.book.languages import CHINESE, find_locale

HAN = "\u2e80-\u9fff\uf900-\ufaff"
FULL = "\u3001-\u3003\u3008-\u3011\uff01-\uff0f\uff1a-\uff20\u201c\u201d\u2018\u2019\u2026\u2014"
# Between two characters, and beside punctuation that brings its own space.
ENDS = re.compile(f"[{HAN}{FULL}]$")
BEGINS = re.compile(f"^[{HAN}{FULL}]")
PUNCTUATION_ENDS = re.compile(f"[{FULL}]$")
PUNCTUATION_BEGINS = re.compile(f"^[{FULL}]")
OPENING = re.compile(r"[(\[（“‘]+$")
CLOSING = re.compile(r"^[-,.;:!?)\]’，。；：、！？）”]+")
COMMAND = re.compile(r"\\[A-Za-z]+")
LAYOUT = re.compile(r"[{}_^\\\s]")
SHORT = 16  # signs of a formula that need not break inside, on a phone either
NO_BREAK = "\u00a0"
# Between a number and its unit, around the signs of a measurement, and in n = 5.
BOUND = re.compile(
    r"(?<=\d) ?(?=%(?!\w))|(?<=\d) (?=[×±] \d)|(?<=\d [×±]) (?=\d)"
    r"|(?<=\b[^\W\d]) (?== [−+]?\d)|(?<=\b[^\W\d] =) (?=[−+]?\d)"
)
# What a reference to a figure, a theorem or an exercise shows, and on paper the form of it.
NUMBERED = re.compile(r"[^\d,]+ (?:\d+(?:\.\d+)*|%s)")
DATE = re.compile(r"(\d{4}-\d\d-\d\d)")
# Brackets that Chinese has otherwise: round a number of seeds, and round the title of an exercise.
COUNT = re.compile(r" ?\((n = \d+)\)")
WIDE = {" (": "（", ")": "）"}
CAPTION_END = " </span>（"
REACH = 6  # characters that a decision on a space looks at, on either side
BLOCKS = (nodes.paragraph, nodes.term, nodes.caption, nodes.title, nodes.rubric)


def set_spaces(app: Sphinx, doctree: nodes.document, _page: str) -> None:
    """Drop the spaces that translators must write beside roles, where the role shows Chinese.

    And bind what no line may part, but for numbers in tables, whose columns are narrow. Only here
    is it known what a reference, a term or a pasted value shows.
    """
    chinese = find_locale(app.config.language) == CHINESE
    for kind in BLOCKS:
        for block in doctree.findall(kind):
            in_table = isinstance(block.parent, nodes.entry)
            if chinese:
                if isinstance(block, nodes.title):
                    _change(block, lambda _before, text, _after: WIDE.get(text, text))
                if not in_table:
                    _change(block, lambda _before, text, _after: COUNT.sub(r"（\1）", text))
                _change(block, join)
            if not in_table:
                _change(block, bind)
                _bind_references(block)
                _keep_dates(block)
            _keep_together(block)


def close_titles(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Drop the space between the number of a theorem and its title in Chinese brackets.

    Sphinx and sphinx-proof put it behind the number while they write the page.
    """
    if find_locale(app.config.language) == CHINESE and "body" in context:
        context["body"] = context["body"].replace(CAPTION_END, CAPTION_END.lstrip())


def _bind_references(block: nodes.Element) -> None:
    """Bind the number of a figure or theorem to its word, where a reference shows both."""
    for reference in block.findall(nodes.reference):
        if isinstance(reference, number_reference) and NUMBERED.fullmatch(reference["title"]):
            reference["title"] = reference["title"].replace(" ", NO_BREAK)  # which paper shows
        if NUMBERED.fullmatch(reference.astext()):
            _change(reference, lambda _before, text, _after: text.replace(" ", NO_BREAK))


def _keep_dates(block: nodes.Element) -> None:
    """Keep browsers from ending a line at the hyphen of a date."""
    for leaf in list(block.findall(nodes.Text)):
        parent: Any = leaf.parent
        if isinstance(parent, nodes.math | nodes.literal | nodes.raw) or not DATE.search(leaf):
            continue
        place = _place_of(leaf)
        pieces = [
            nodes.inline("", text, classes=["together"]) if number % 2 else nodes.Text(text)
            for number, text in enumerate(DATE.split(leaf))
        ]
        parent[place : place + 1] = [piece for piece in pieces if piece.astext()]


def _change(block: nodes.Element, change: Callable[[str, str, str], str]) -> None:
    """Change each piece of a block by what stands before it, by itself, and by what follows."""
    leaves: list[Any] = list(block.findall(nodes.Text))
    shown = [str(leaf) for leaf in leaves]
    for place, leaf in enumerate(leaves):
        if isinstance(leaf.parent, nodes.math | nodes.literal | nodes.raw):
            continue
        before = shown[place - 1] if place else ""
        after = shown[place + 1] if place + 1 < len(shown) else ""
        text = change(before, shown[place], after)
        if text != shown[place]:
            shown[place] = text
            leaf.parent[_place_of(leaf)] = nodes.Text(text)


def _place_of(node: nodes.Node) -> int:
    """Return the place of a node in its parent, where others may read the same."""
    return next(place for place, child in enumerate(node.parent.children) if child is node)


def _keep_together(block: nodes.Element) -> None:
    """Bind punctuation to the short formula beside it, where browsers may break the line."""
    for formula in list(block.findall(nodes.math)):
        if count_signs(formula.astext()) > SHORT:
            continue
        parent: Any = formula.parent
        place = _place_of(formula)
        before = parent[place - 1] if place else None
        after = parent[place + 1] if place + 1 < len(parent) else None
        opening = OPENING.search(before) if isinstance(before, nodes.Text) else None
        closing = CLOSING.match(after) if isinstance(after, nodes.Text) else None
        if opening or closing:
            bound = nodes.inline("", "", classes=["together"])
            parent[place] = bound
            if opening:
                parent[place - 1] = nodes.Text(opening.string[: opening.start()])
                bound += nodes.Text(opening[0])
            bound += formula
            if closing:
                parent[place + 1] = nodes.Text(closing.string[closing.end() :])
                bound += nodes.Text(closing[0])


def count_signs(formula: str) -> int:
    """Return about how many signs a reader sees in a formula.

    Example:
        >>> count_signs(r"(1 - \\sqrt{\\alpha L})^2")
        8
    """
    return len(LAYOUT.sub("", COMMAND.sub("x", formula)))


def bind(before: str, text: str, after: str) -> str:
    """Return a piece of text with spaces without a break where no line may end.

    Args:
        before: the piece in front of it on the page.
        text: the piece.
        after: the piece behind it.

    Example:
        >>> bind("", "1.9 × 10⁻¹⁵ (n = 5), 95% of", ""), bind("95", " % of", "")
        ('1.9\xa0×\xa010⁻¹⁵ (n\xa0=\xa05), 95\xa0% of', '\xa0% of')
    """
    before, after = before[-REACH:], after[:REACH]
    start, end = len(before), len(before) + len(text)

    def at_place(found: re.Match[str]) -> str:
        return NO_BREAK if start <= found.start() < end else found[0]

    changed = BOUND.sub(at_place, before + text + after)
    return changed[start : len(changed) - len(after)]


def join(before: str, text: str, after: str) -> str:
    """Return a piece of text without the spaces at its ends that Chinese does not have.

    Args:
        before: the piece in front of it on the page.
        text: the piece.
        after: the piece behind it.

    Example:
        >>> join("前瞻点", " 是 ", "x"), join("句子。", " 所以", ""), join("句子。", " ", "所以")
        ('是 ', '所以', '')
    """
    if not text.strip(" "):
        return "" if _closed(before.rstrip(" "), after.lstrip(" ")) else text
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
