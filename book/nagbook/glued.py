"""Words that come from cells rather than from prose: verdicts, notes on a device, tables.

They are translated as whole sentences with places for their numerals, so that a number measured
anew needs no new translation, and a verdict that turns does.
"""

from __future__ import annotations

import gettext
import html
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from docutils import nodes
from myst_nb.core.variables import format_plain_text
from myst_nb.ext.glue.crossref import read_glue_cache
from myst_nb.ext.glue.utils import PendingGlueReference
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from nagcore.book.messages import IN_FORMULA, PLACE, WORD

CATALOG = "glued"
# A date, a commit, or a number that is no part of a name such as H100 or conv2.
NUMERAL = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}\b"
    r"|(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)*(?:e[+-]?\d+)?(?:⁻?[⁰¹²³⁴-⁹]+)?%?(?!\w)"
)
# Sentences are translated one by one, since verdicts are put together from them.
SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z“])")
# Letters that are not words: units, and names written in capitals alone.
UNIT = re.compile(r"\b(?:[A-Z0-9./-]+|[kKMGT]i?B|[mnµ]?s|min|h|img|e)\b")
CODE = re.compile(r"\S*(?:[_=<>|(]|[a-z]\.[a-z]|[a-z]{2}\d{4})\S*")
CELL = re.compile(r"(<(?:t[hd]|caption)\b[^>]*>)(?P<words>[^<>]+)(</(?:t[hd]|caption)>)")
SPOKEN = re.compile(r"(<(?:img|svg)\b[^>]*? (?:alt|aria-label)=\")(?P<words>[^\"]+)(\")")
MILLIONS = re.compile(r"(\d+(?:\.\d+)?) 百万")  # Chinese counts in units of ten thousand
APOSTROPHE = re.compile(r"(?<=\w)'")
FULL_WIDTH = ("。", "？", "！", "；")
Lookup = Callable[[str], str | None]


def split_numerals(text: str) -> tuple[str, list[str]]:
    """Return a text with numbered places instead of its numerals, and the numerals.

    Example:
        >>> split_numerals("1,200 steps (3.5 s) on an H100, 2026-11-26 at 6b5fbeb")
        ('{0} steps ({1} s) on an H100, {2} at {3}', ['1,200', '3.5', '2026-11-26', '6b5fbeb'])
    """
    found: list[str] = []

    def take(numeral: re.Match[str]) -> str:
        found.append(numeral[0])
        return f"{{{len(found) - 1}}}"

    return NUMERAL.sub(take, " ".join(text.split())), found


def needs_words(template: str) -> bool:
    """Say whether a template holds more than numbers, units, names in capitals or a word of code.

    Example:
        >>> needs_words("{0} MB/s"), needs_words("no record"), needs_words("torch.optim.SGD")
        (False, True, False)
    """
    if CODE.fullmatch(template):
        return False
    return WORD.search(UNIT.sub(" ", PLACE.sub(" ", template))) is not None


def translate(text: str, lookup: Lookup) -> str:
    """Return a text in the language of `lookup`, with its own numerals.

    Example:
        >>> translate("stays 3 % ahead", {"stays {0} % ahead": "始终领先 {0} %"}.get)
        '始终领先 3 %'
    """
    joined = ""
    for sentence in SENTENCE.split(text):
        template, numerals = split_numerals(sentence)
        words = (lookup(template) if needs_words(template) else None) or template
        said = PLACE.sub(lambda place: numerals[int(place["text"])], words)  # noqa: B023
        said = MILLIONS.sub(lambda found: f"{round(100 * float(found[1]), 6):.10g} 万", said)
        joined += said if joined.endswith(FULL_WIDTH) or not joined else f" {said}"
    return joined


def find_texts(app: Sphinx, doctree: nodes.document) -> Iterator[str]:
    """Yield all texts of a page that come from cells and are read as prose or in tables.

    And the words inside displayed formulas, which Sphinx does not offer for translation.
    """
    for node in doctree.findall():
        if isinstance(node, PendingGlueReference):
            folder = app.env.mystnb_config.output_folder  # type: ignore[attr-defined]
            output = read_glue_cache(folder, node.refdoc).get(node.key)
            if output and node.gtype == "text":
                yield format_plain_text(output["data"]["text/plain"], node["fmt_spec"])
        elif _is_pasted(node):
            yield node.astext()
        elif isinstance(node, nodes.math_block):
            yield from (found["words"] for found in IN_FORMULA.finditer(node.astext()))
        elif isinstance(node, nodes.raw) and "html" in node.get("format", ""):
            found = (*CELL.finditer(node.astext()), *SPOKEN.finditer(node.astext()))
            yield from (html.unescape(match["words"]) for match in found)


def _is_pasted(node: nodes.Node) -> bool:
    return isinstance(node, nodes.inline) and "pasted-text" in node["classes"]


def list_templates(app: Sphinx, pages: Iterable[nodes.document]) -> list[str]:
    """Return what the cells of pages say, with places for numerals, each once."""
    texts = (text for page in pages for text in find_texts(app, page))
    sentences = (sentence for text in texts for sentence in SENTENCE.split(text))
    templates = dict.fromkeys(split_numerals(sentence)[0] for sentence in sentences)
    return [template for template in templates if needs_words(template)]


@cache
def find_lookup(folders: tuple[str, ...], language: str) -> Lookup | None:
    """Return what looks up a message in the catalog of these texts, if there is one."""
    for folder in folders:
        if gettext.find(CATALOG, folder, [language]):
            return ignore_quotes(gettext.translation(CATALOG, folder, [language]).gettext)
    return None


def ignore_quotes(find: Lookup) -> Lookup:
    """Return a lookup that also finds a message whose apostrophes are of the other kind.

    Sphinx makes straight ones round on English pages, where the messages come from, and not on
    Chinese ones.

    Example:
        >>> ignore_quotes({"it’s": "是"}.get)("it's")
        '是'
    """

    def look(template: str) -> str | None:
        for asked in (template, template.replace("'", "’"), template.replace("’", "'")):
            said = find(asked)
            if said and said != asked:
                return said
        return None

    return look


class TranslateGlued(SphinxPostTransform):
    """Put the texts of cells into the language of the edition, after all have been pasted."""

    default_priority = 20  # cross-document glue comes at 5, the choice of output at 4

    def run(self, **_kwargs: object) -> None:
        """Translate what cells say; then only its apostrophes are made round, as in all prose."""
        self._translate()
        for node in list(self.document.findall(nodes.inline)):
            if _is_pasted(node):
                _set_text(node, APOSTROPHE.sub("’", node.astext()))

    def _translate(self) -> None:
        """Translate pasted texts, cells of tables, and the words of pictures and formulas."""
        folders = tuple(str(Path(self.env.srcdir, name)) for name in self.config.locale_dirs)
        lookup = find_lookup(folders, self.config.language)
        if lookup is None:
            return
        for node in list(self.document.findall(nodes.Element)):
            if _is_pasted(node):
                _set_text(node, translate(node.astext(), lookup))
            elif isinstance(node, nodes.math_block):
                _set_text(node, _translate_in(node.astext(), lookup, IN_FORMULA))
            elif isinstance(node, nodes.raw) and "html" in node.get("format", ""):
                _set_text(node, _translate_in(node.astext(), lookup, CELL, SPOKEN))


def _set_text(node: nodes.Element, text: str) -> None:
    node.children[:] = []
    node += nodes.Text(text)


def _translate_in(text: str, lookup: Lookup, *patterns: re.Pattern[str]) -> str:
    def replace(found: re.Match[str]) -> str:
        words = html.unescape(found["words"])
        inside = words.strip()
        translated = translate(inside, lookup)
        # The spaces round words are those of the formula.
        said = words.replace(inside, translated) if inside else words
        return found[0] if said == words else f"{found[1]}{html.escape(said)}{found[3]}"

    for pattern in patterns:
        text = pattern.sub(replace, text)
    return text
