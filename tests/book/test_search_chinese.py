"""The search of the Chinese edition: what a reader asks for is cut into the words of the pages."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urldefrag, urlencode

import pytest
from docutils.utils import new_document
from nagbook.search import IndexBothNames, SearchTerms, read_synonyms, split_names
from playwright.sync_api import Browser, Page
from sphinx.addnodes import index

from nagcore.book.languages import CATALOGS, CHINESE, site_folder
from nagcore.book.messages import read_terms


@pytest.fixture(scope="module")
def folder() -> Path:
    """The folder of the Chinese catalogs."""
    return Path(__file__).parents[2] / CATALOGS / CHINESE.locale


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("重启（restart）", ["重启", "restart"]),
        ("CUDA 图（CUDA graph）", ["CUDA 图", "CUDA graph"]),
        ("动量", ["动量"]),
        ("Adam (nagcore.optim 中的类)", ["Adam (nagcore.optim 中的类)"]),
    ],
)
def test_a_term_has_its_chinese_and_its_english_name(said: str, names: list[str]) -> None:
    assert split_names(said) == names


@pytest.mark.parametrize(
    ("language", "names"), [("zh_CN", ["重启", "restart"]), ("en", ["重启（restart）"])]
)
def test_both_names_are_indexed_at_the_same_place(language: str, names: list[str]) -> None:
    document: Any = new_document("page")
    document.settings.env = SimpleNamespace(config=SimpleNamespace(language=language))
    document += index(entries=[("single", "重启（restart）", "term-restart", "main", None)])
    IndexBothNames(document).apply()
    assert document[0]["entries"] == [
        ("single", name, "term-restart", "main", None) for name in names
    ]


def test_the_word_that_the_book_prefers_stands_for_the_others(folder: Path) -> None:
    said = read_synonyms(folder)
    assert said["批量大小"] == "批大小"
    assert said["内斯特罗夫"] == "nesterov"
    assert [word for word, other in said.items() if other in said] == []


def test_no_preferred_term_stands_for_another(folder: Path) -> None:
    preferred = {term.chinese[0] for term in read_terms(folder / "terms.csv")}
    assert preferred & {*read_synonyms(folder)} == set()


def test_the_script_is_given_the_synonyms() -> None:
    script = SearchTerms({"said": '{"热身": "预热"}'}).js_splitter_code
    assert 'SAID = {"热身": "预热"}' in script
    assert "function splitQuery" in script
    assert "Search.htmlToText =" in script


# What a reader would type, with the page expected among the first three.
SEARCHES = {
    "动量": "chapters/02-momentum",
    "重启": "chapters/05-restart",
    "提前重启": "chapters/05-restart",
    "学习率": "chapters/01-gradient-descent",
    "Nesterov": "chapters/03-nesterov",
    "内斯特罗夫": "chapters/03-nesterov",
    "Nesterov动量": "chapters/03-nesterov",
    "nesterov=True": "chapters/03-nesterov",
    "收敛速率": "chapters/04-certificates",
    "动量的收敛速度": "chapters/04-certificates",
    "文章": "chapters/06-the-article",
    "卷积神经网络": "chapters/07-cnn-repaired",
    "预热": "chapters/08-training",
    "预热学习率": "chapters/08-training",
    "权重衰减": "chapters/09-optimizers",
    "批量大小": "chapters/10-noise-and-batch-size",
    "自编码器": "chapters/11-deep-autoencoders",
    "语音": "chapters/13-images-text-speech",
    "热身": "chapters/08-training",
    "warm-up": "book/glossary",
}


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """The tab in which one search follows the other."""
    opened = browser.new_page()
    yield opened
    opened.close()


@pytest.mark.browser
def test_the_words_that_stand_for_others_are_on_the_pages(root: Path, folder: Path) -> None:
    text = (site_folder(root, CHINESE) / "searchindex.js").read_text(encoding="utf-8")
    found = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    words = {*found["terms"], *found["titleterms"]}
    with (folder / "search.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["said"] for row in rows if row["said"] not in words] == []
    assert [row["asked"] for row in rows if row["asked"] in words] == []


@pytest.mark.browser
@pytest.mark.parametrize(("words", "page"), SEARCHES.items())
def test_search_finds_the_page_among_the_first(
    tab: Page, address: str, words: str, page: str
) -> None:
    tab.goto(f"{address}/zh/search.html?{urlencode({'q': words})}")
    tab.wait_for_function("Search.status && Search.status.innerText")  # all are listed
    found = tab.eval_on_selector_all(
        "#search-results li > a", "es => es.slice(0, 3).map(e => e.getAttribute('href'))"
    )
    assert f"{page}.html" in [urldefrag(link).url.partition("?")[0] for link in found]


@pytest.mark.browser
@pytest.mark.parametrize(("edition", "words"), [("", "learning rate"), ("zh/", "学习率")])
def test_search_shows_a_formula_once(tab: Page, address: str, edition: str, words: str) -> None:
    tab.goto(f"{address}/{edition}search.html?{urlencode({'q': words})}", wait_until="networkidle")
    tab.wait_for_selector("#search-results li p.context")
    shown = tab.eval_on_selector_all("#search-results p.context", "es => es.map(e => e.innerText)")
    assert [text for text in shown if re.search(r"\\[a-z]{3}", text)] == []
