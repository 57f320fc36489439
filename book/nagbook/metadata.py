"""What a page says of itself to search engines and to whoever is sent its address."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any
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
MARKUP = re.compile("<[^>]*>")
SITEMAP = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
)


def describe(doctree: nodes.document) -> str:
    """Return the first paragraph of a page as plain text, cut at a word.

    What a chapter says at its head of itself is passed over.

    Example:
        >>> from docutils.core import publish_doctree
        >>> describe(publish_doctree("Title\\n=====\\n\\nWhat the *page* says."))
        'What the page says.'
    """
    for paragraph in doctree.findall(nodes.paragraph):
        if paragraph.next_node(nodes.math) is None and not _stands_aside(paragraph):
            text = " ".join(paragraph.astext().split())
            if len(text) <= DESCRIPTION_LENGTH:
                return text
            return text[: DESCRIPTION_LENGTH - 1].rsplit(" ", 1)[0] + "…"
    return ""


def _stands_aside(paragraph: nodes.paragraph) -> bool:
    """Say whether a paragraph is empty or stands in a box beside the text."""
    boxes = (nodes.container, nodes.Admonition, nodes.sidebar)
    return not paragraph.astext().strip() or isinstance(paragraph.parent, boxes)


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
