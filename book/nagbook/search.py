"""The search shows each formula once; in Chinese it knows the terms of the book as words."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from sphinx.addnodes import index
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.search.en import SearchEnglish
from sphinx.search.zh import SearchChinese
from sphinx.transforms import SphinxTransform

from nagcore.book.languages import CATALOGS, CHINESE
from nagcore.book.messages import read_terms
from nagcore.files import write_whole

DICTIONARY = "words.txt"
SCRIPTS = Path(__file__).parent
COMMON = 100_000  # so frequent that the splitter does not cut it
BOTH = re.compile(r"^(?P<chinese>.+)（(?P<english>.+)）$")


def read_script(name: str) -> str:
    """Return a script for the page of the search, which Sphinx adds to its own."""
    return (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")


class SearchPages(SearchEnglish):
    """Search in English that shows each formula once."""

    js_splitter_code = read_script("excerpt")


class SearchTerms(SearchChinese):
    """Search in Chinese that cuts what a reader asks for as it cuts the pages.

    Sphinx cuts the pages alone, so that of a question only single words are found.
    """

    def init(self, options: dict[str, str]) -> None:
        """Learn the words of the book and those that readers may use instead."""
        super().init(options)
        script = read_script("search").replace("SAID = {}", f"SAID = {options.get('said', '{}')}")
        self.js_splitter_code = f"{script}\n{read_script('excerpt')}"


class IndexBothNames(SphinxTransform):
    """Index a term of the glossary by its Chinese and by its English name.

    It shows both, and the search looks for one.
    """

    default_priority = 30  # Sphinx translates at 20 and notes the entries at 850

    def apply(self, **_kwargs: object) -> None:
        """Go through the page once."""
        if self.config.language != CHINESE.locale:
            return
        for node in self.document.findall(index):
            node["entries"] = [
                (kind, name, *rest)
                for kind, said, *rest in node["entries"]
                for name in split_names(said)
            ]


def split_names(said: str) -> list[str]:
    """Return the names in "Chinese（English）", or what else is said as it is.

    Example:
        >>> split_names("重启（restart）"), split_names("restart")
        (['重启', 'restart'], ['restart'])
    """
    found = BOTH.match(said)
    return [*found.groups()] if found else [said]


def read_synonyms(folder: Path) -> dict[str, str]:
    """Return the word of the book for each word that a reader may use instead.

    Args:
        folder: that of the catalogs, with the agreed terms, of which the first choice is the one
            the book prefers, and a table of further words with the columns asked, said.
    """
    terms = read_terms(folder / "terms.csv")
    said = {word: term.chinese[0] for term in terms for word in term.chinese[1:]}
    for term in terms:
        said.pop(term.chinese[0], None)  # of two terms the second choice for one may be the first
    with (folder / "search.csv").open(encoding="utf-8", newline="") as stream:
        return said | {row["asked"]: row["said"] for row in csv.DictReader(stream)}


def teach_terms(app: Sphinx, config: Config) -> None:
    """Give the splitter of Chinese text the agreed terms, and the page of the search synonyms.

    Left alone it cuts a term that no newspaper has into characters, and a search for it finds
    nothing.
    """
    if config.language != CHINESE.locale:
        return
    folder = Path(app.srcdir, CATALOGS, CHINESE.locale)
    words = sorted({word for term in read_terms(folder / "terms.csv") for word in term.chinese})
    lines = "".join(f"{word} {COMMON} n\n" for word in words)
    dictionary = write_whole(Path(app.outdir).parent / DICTIONARY, lines)
    said = json.dumps(read_synonyms(folder), ensure_ascii=False)
    options = {"dict": str(dictionary), "said": said}
    config.html_search_options = {**config.html_search_options, **options}


def setup(app: Sphinx) -> None:
    """Connect what the search of both editions needs."""
    app.add_search_language(SearchPages)
    app.add_search_language(SearchTerms)
    app.add_transform(IndexBothNames)
    app.connect("config-inited", teach_terms)
