"""What buttons and links are called, in the language of the edition."""

from __future__ import annotations

import re
from gettext import NullTranslations
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nagbook import edition, language, words
from sphinx.locale import get_translation, translators

from nagcore.book import site_folder

HAN = re.compile("[\u4e00-\u9fff]")
WORD = re.compile("[A-Za-z]{3}")
NAMED = ("title", "aria-label", "placeholder", "data-bs-title")
# These show what they lead to: a work in its own language, an object of the package by its name.
SHOWN = {"reference", "biblink", "sd-stretched-link"}


class Names(HTMLParser):
    """Collects what parts of a page are called, but for the other edition and for references."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the names of one part."""
        given = dict(attrs)
        if tag in ("html", "meta") or SHOWN & set((given.get("class") or "").split()):
            return
        self.found |= {text for name in NAMED if (text := given.get(name))}


def names_in(page: str) -> set[str]:
    parser = Names()
    parser.feed(page)
    return parser.found


@pytest.fixture
def interface(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A book in Chinese whose interface has been named."""
    for catalog in language.INTERFACE_CATALOGS:
        monkeypatch.setitem(translators, ("general", catalog), NullTranslations())
    config = SimpleNamespace(language="zh_CN", html_theme_options={})
    app: Any = SimpleNamespace(config=config, translator=None)
    language.name_interface(app, app.config)
    return app


@pytest.mark.parametrize("catalog", language.INTERFACE_CATALOGS)
def test_own_words_come_first_and_others_stay(interface: Any, catalog: str) -> None:
    say = get_translation(catalog)
    assert str(say("Print to PDF")) == "打印为 PDF"
    assert str(say("said nowhere")) == "said nowhere"
    assert interface.translator.gettext("Color mode") == "颜色模式"
    assert interface.config.html_theme_options == {"search_bar_text": "搜索本书"}


def test_every_interface_word_is_in_chinese_and_keeps_its_places() -> None:
    for source, said in words.INTERFACE["zh_CN"].items():
        assert HAN.search(said) or "©" in said
        assert re.findall(r"%\(\w+\)s", source) == re.findall(r"%\(\w+\)s", said)


@pytest.mark.parametrize(
    ("locale", "commit", "expected"),
    [
        ("en", "8f82111000", " (8f82111)."),
        ("zh_CN", "8f82111000", "（8f82111）。"),
        ("zh_CN", None, "。"),
    ],
)
def test_a_version_stands_in_the_brackets_of_its_language(
    monkeypatch: pytest.MonkeyPatch, locale: str, commit: str | None, expected: str
) -> None:
    monkeypatch.setattr(edition, "commit_of", lambda _root: (commit, True))
    edition.say_version.cache_clear()
    said = edition.say_version(Path(), locale)
    edition.say_version.cache_clear()
    assert said.partition(edition.nagcore.__version__)[2] == expected


def test_names_are_found_where_readers_meet_them() -> None:
    page = '<a class="reference" title="A work"></a><i title="Dark &amp; light"></i>'
    assert names_in(page) == {"Dark & light"}


@pytest.mark.browser
def test_no_part_of_a_chinese_page_has_an_english_name() -> None:
    site = site_folder(Path(__file__).parents[2]) / "zh"
    found: dict[str, str] = {}
    for path in sorted(site.rglob("*.html")):
        for name in names_in(path.read_text(encoding="utf-8")):
            if WORD.search(name) and not HAN.search(unescape(name)):
                found.setdefault(name, path.relative_to(site).as_posix())
    assert found == {}
