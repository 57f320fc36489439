"""The search of the Chinese edition knows the terms of the book as words."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from nagcore.book.languages import CATALOGS, CHINESE
from nagcore.book.messages import read_terms
from nagcore.files import write_whole

DICTIONARY = "words.txt"
COMMON = 100_000  # so frequent that the splitter does not cut it


def teach_terms(app: Sphinx, config: Config) -> None:
    """Give the splitter of Chinese text the agreed terms.

    Left alone it cuts a term that no newspaper has into characters, and a search for it finds
    nothing.
    """
    if config.language != CHINESE.locale:
        return
    terms = read_terms(Path(app.srcdir, CATALOGS, CHINESE.locale, "terms.csv"))
    words = sorted({word for term in terms for word in term.chinese})
    lines = "".join(f"{word} {COMMON} n\n" for word in words)
    dictionary = write_whole(Path(app.outdir).parent / DICTIONARY, lines)
    config.html_search_options = {**config.html_search_options, "dict": str(dictionary)}
