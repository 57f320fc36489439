"""What pages say of themselves to search engines."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import imagesize
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from nagbook import metadata

ADDRESS = "https://a.org/b/"
LOC = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


def parse(text: str) -> nodes.document:
    return publish_doctree(text, settings_overrides={"report_level": 5})


def app_of(folder: Path | None = None, language: str = "en", base: str = ADDRESS) -> Any:
    return SimpleNamespace(
        config=SimpleNamespace(html_title="The book", html_baseurl=base, language=language),
        builder=SimpleNamespace(name="html"),
        env=SimpleNamespace(found_docs={"intro", "chapters/01-x"}),
        outdir=folder,
    )


def tags_of(page: str, text: str, **context: Any) -> str:
    doctree = parse(text) if text else None
    filled = {"title": "A <em>page</em>", "metatags": "<meta>", **context}
    metadata.add_metadata(app_of(), page, "", filled, doctree)
    return filled["metatags"]


def test_description_is_the_first_paragraph_without_formulas() -> None:
    text = "Title\n=====\n\nWith :math:`x^2`.\n\nWhat the *page*\nsays."
    assert metadata.describe(parse(text)) == "What the page says."


def test_description_is_of_the_text_not_of_the_box_before_it() -> None:
    text = "Title\n=====\n\n.. container:: chapter-head\n\n   Read the first chapter.\n\nThe text."
    assert metadata.describe(parse(text)) == "The text."


def test_description_has_letters_where_the_text_has_them_as_formulas() -> None:
    described = metadata.describe(parse(r"Need :math:`L` and :math:`\mu`."))
    assert described == "Need L and μ."


def test_description_passes_over_links_to_the_files_of_a_figure() -> None:
    text = ".. class:: figure-files\n\ndata (CSV)\n\nThe text."
    assert metadata.describe(parse(text)) == "The text."


def test_long_description_is_cut_at_a_word() -> None:
    described = metadata.describe(parse("Title\n=====\n\n" + "word " * 100))
    assert len(described) <= metadata.DESCRIPTION_LENGTH
    assert described.endswith("word…")


def test_description_is_escaped_and_added() -> None:
    tags = tags_of("x", 'T\n=\n\nA "b" <c>')
    assert tags.startswith("<meta>")
    assert 'name="description" content="A &quot;b&quot; &lt;c&gt;"' in tags


def test_page_without_text_is_described_by_its_title() -> None:
    for page, text in (("x", "Title\n====="), ("search", "")):
        assert 'name="description" content="A page: The book"' in tags_of(page, text)


def test_shared_page_has_title_words_picture_and_address() -> None:
    tags = tags_of("x", "T\n=\n\nWords.", pageurl=f"{ADDRESS}x.html")
    assert 'property="og:title" content="A page"' in tags
    assert 'property="og:description" content="Words."' in tags
    assert f'property="og:image" content="{ADDRESS}_static/card.png"' in tags
    assert f'property="og:url" content="{ADDRESS}x.html"' in tags


def test_lists_of_pages_are_not_shared() -> None:
    assert "og:" not in tags_of("genindex", "", pageurl=f"{ADDRESS}genindex.html")


@pytest.mark.parametrize(("language", "welcomes"), [("en", True), ("zh_CN", False)])
def test_site_lists_its_pages_and_has_a_card(tmp_path: Path, language: str, welcomes: bool) -> None:
    metadata.write_site_files(app_of(tmp_path, language), None)
    root = ElementTree.parse(tmp_path / "sitemap.xml").getroot()
    found = [place.text for place in root.iter(LOC)]
    assert found == [f"{ADDRESS}chapters/01-x.html", f"{ADDRESS}intro.html"]
    assert imagesize.get(tmp_path / metadata.CARD) == metadata.SIZE
    # Robots look at the top of the site alone.
    assert (tmp_path / "robots.txt").exists() is welcomes
    if welcomes:
        assert f"Sitemap: {ADDRESS}zh/sitemap.xml" in (tmp_path / "robots.txt").read_text()


def test_site_without_an_address_has_no_list(tmp_path: Path) -> None:
    metadata.write_site_files(app_of(tmp_path, base=""), None)
    assert list(tmp_path.iterdir()) == []
