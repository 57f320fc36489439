"""What a page says of itself to search engines and to whoever is sent its address."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any
from unicodedata import lookup
from xml.sax.saxutils import escape

from docutils import nodes
from sphinx.application import Sphinx

from nagbook.card import SIZE, draw_card
from nagcore.book.languages import ENGLISH, LANGUAGES, find_locale
from nagcore.files import write_whole

DESCRIPTION_LENGTH = 160  # characters; search engines cut there
CARD = "_static/card.png"
# Pages that list other pages: nobody looks for them.
LISTS = {"genindex", "search"}
COMMAND = re.compile(r"\\([a-z]+)")
MARKUP = re.compile("<[^>]*>")
SITEMAP = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
)


def describe(doctree: nodes.document) -> str:
    """Return the first paragraph of a page as plain text, cut at a word.

    What a chapter says at its head of itself is passed over, and so are the links under figures
    and paragraphs with formulas of more than one letter.

    Example:
        >>> from docutils.core import publish_doctree
        >>> describe(publish_doctree("Title\\n=====\\n\\nWhat the *page* says."))
        'What the page says.'
    """
    for paragraph in doctree.findall(nodes.paragraph):
        if not _stands_aside(paragraph) and (text := _in_words(paragraph)):
            if len(text) <= DESCRIPTION_LENGTH:
                return text
            return text[: DESCRIPTION_LENGTH - 1].rsplit(" ", 1)[0] + "…"
    return ""


def _stands_aside(paragraph: nodes.paragraph) -> bool:
    """Say whether a paragraph stands in a box beside the text or lists a figure's files."""
    boxes = (nodes.container, nodes.Admonition, nodes.sidebar)
    return isinstance(paragraph.parent, boxes) or "figure-files" in paragraph["classes"]


def _in_words(paragraph: nodes.paragraph) -> str:
    """Return the text of a paragraph; nothing if one of its formulas is no letter."""
    words = paragraph.deepcopy()
    for formula in list(words.findall(nodes.math)):
        letter = _letter(formula.astext().strip())
        if letter is None:
            return ""
        formula.replace_self(nodes.Text(letter))
    return " ".join(words.astext().split())


def _letter(latex: str) -> str | None:
    r"""Return the letter that a formula is, `μ` for `\mu`, or None."""
    if len(latex) == 1 and latex.isalpha():
        return latex
    named = COMMAND.fullmatch(latex)
    try:
        return lookup(f"GREEK SMALL LETTER {named[1]}") if named else None
    except KeyError:
        return None


def add_metadata(
    app: Sphinx,
    page: str,
    _template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Give each page a description and a card for those who share it."""
    book = app.config.html_title
    title = plain(context.get("title", book))
    described = (describe(doctree) if doctree is not None else "") or f"{title}: {book}"
    tags = [_tag("name", "description", described)]
    if page not in LISTS and (address := context.get("pageurl")):
        base = app.config.html_baseurl
        shared = {"type": "article", "site_name": book, "title": title, "description": described}
        shared |= {"url": address, "image": base + CARD}
        shared |= {"image:width": f"{SIZE[0]}", "image:height": f"{SIZE[1]}"}
        tags += [_tag("property", f"og:{name}", value) for name, value in shared.items()]
        tags += [_tag("name", "twitter:card", "summary_large_image")]
    context["metatags"] = "\n    ".join([context.get("metatags", ""), *tags])


def plain(title: str) -> str:
    """Return a title without its HTML.

    Example:
        >>> plain("A <em>fair</em> race &amp; more")
        'A fair race & more'
    """
    return html.unescape(MARKUP.sub("", title))


def _tag(key: str, name: str, content: str) -> str:
    return f'<meta {key}="{name}" content="{html.escape(content, quote=True)}" />'


def write_site_files(app: Sphinx, error: Exception | None) -> None:
    """Write the list of pages for search engines, the word that they are welcome, and the card."""
    base = app.config.html_baseurl
    if error is not None or app.builder.name != "html" or not base:
        return
    site = Path(app.outdir)
    pages = sorted(app.env.found_docs)
    entries = "".join(f"  <url><loc>{escape(f'{base}{page}.html')}</loc></url>\n" for page in pages)
    write_whole(site / "sitemap.xml", f"{SITEMAP}{entries}</urlset>\n")
    if find_locale(app.config.language) == ENGLISH:
        folders = (language.folder for language in LANGUAGES.values())
        maps = "".join(f"Sitemap: {base}{folder}sitemap.xml\n" for folder in folders)
        write_whole(site / "robots.txt", f"User-agent: *\nAllow: /\n{maps}")
    write_whole(site / CARD, draw_card())
