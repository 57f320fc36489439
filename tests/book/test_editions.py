"""Where each edition stands, and how its pages lead to those of the other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from nagbook import language, words
from sphinx.addnodes import glossary

from nagcore.book.languages import (
    CHINESE,
    ENGLISH,
    LANGUAGES,
    find_locale,
    page_address,
    top_address,
)

SITE = "https://a.org/book/"


def linked(locale: str, page: str, base: str = SITE) -> dict[str, Any]:
    """What the template of a page is given."""
    app: Any = SimpleNamespace(
        config=SimpleNamespace(language=locale, html_baseurl=base),
        add_js_file=lambda *_args, **_options: None,
        add_css_file=lambda *_args: None,
    )
    context: dict[str, Any] = {"metatags": "<meta>"}
    language.link_editions(app, page, "", context, new_document(page))
    return context


@pytest.mark.parametrize(
    ("locale", "page", "other", "address"),
    [
        ("en", "intro", CHINESE, "zh/intro.html"),
        ("en", "chapters/02-momentum", CHINESE, "../zh/chapters/02-momentum.html"),
        ("zh_CN", "intro", ENGLISH, "../intro.html"),
        ("zh_CN", "chapters/02-momentum", ENGLISH, "../../chapters/02-momentum.html"),
    ],
)
def test_a_page_leads_to_the_same_page_of_the_other_edition(
    locale: str, page: str, other: object, address: str
) -> None:
    context = linked(locale, page, base="")
    assert (context["other_edition"], context["other_address"]) == (other, address)
    assert context["metatags"] == "<meta>", "search engines follow whole addresses alone"


@pytest.mark.parametrize(("locale", "base"), [("en", SITE), ("zh_CN", f"{SITE}zh/")])
def test_search_engines_are_told_the_same_of_both_editions(locale: str, base: str) -> None:
    assert linked(locale, "a/b", base)["metatags"].splitlines() == [
        "<meta>",
        f'<link rel="alternate" hreflang="en" href="{SITE}a/b.html">',
        f'<link rel="alternate" hreflang="zh-CN" href="{SITE}zh/a/b.html">',
        f'<link rel="alternate" hreflang="x-default" href="{SITE}a/b.html">',
    ]


def test_the_top_is_found_from_every_edition() -> None:
    for edition in LANGUAGES.values():
        base = page_address(SITE, edition, "intro").removesuffix("intro.html")
        assert top_address(base, edition) == SITE


def test_all_languages_have_the_same_words_and_others_are_read_in_english() -> None:
    assert set(words.WORDS) == {edition.locale for edition in LANGUAGES.values()}
    assert len({frozenset(said) for said in words.WORDS.values()}) == 1
    assert find_locale("de") == ENGLISH
    assert words.say("de", "cite") == "Cite this page"


@pytest.mark.parametrize(
    ("locale", "order"),
    [("zh_CN", ["CUDA 图", "Nesterov 方法", "步长", "动量", "下界"]), ("en", None)],
)
def test_terms_stand_in_the_order_of_their_sounds(locale: str, order: list[str] | None) -> None:
    by_numbers = ["CUDA 图", "Nesterov 方法", "下界", "动量", "步长"]
    items = [nodes.definition_list_item("", nodes.term("", term)) for term in by_numbers]
    doctree = new_document("page")
    doctree += glossary("", nodes.definition_list("", *items), sorted=True)
    app: Any = SimpleNamespace(config=SimpleNamespace(language=locale))
    language.sort_glossary(app, doctree)
    terms = [term.astext() for term in doctree.findall(nodes.term)]
    assert terms == (order or by_numbers)
