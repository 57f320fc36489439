"""HTML as the standard has it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from nagbook import markup
from sphinx.writers.html5 import HTML5Translator

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="60"></svg>'


def document(*children: nodes.Node) -> nodes.document:
    made = nodes.document(None, None)  # type: ignore[arg-type]
    made += children
    return made


def app(form: str) -> Any:
    return SimpleNamespace(builder=SimpleNamespace(format=form))


def test_a_printed_page_keeps_its_names() -> None:
    page = document(nodes.inline(ids=["id1"]), nodes.inline(ids=["id1"]))
    markup.drop_repeated_names(app("latex"), page, "x")
    assert [node["ids"] for node in page.children] == [["id1"], ["id1"]]  # type: ignore[index]


def test_a_name_is_left_to_its_first_place() -> None:
    first, second = nodes.section(ids=["proof-content"]), nodes.section(ids=["proof-content", "b"])
    page = document(first, second, nodes.inline(ids=["id1"]), nodes.inline(ids=["id1"]))
    markup.drop_repeated_names(app("html"), page, "x")
    names = [node["ids"] for node in page.children]  # type: ignore[index]
    assert names == [["proof-content"], ["b"], ["id1"], []]
    assert second["classes"] == first["classes"] == ["nag-proof-content"]


def test_tables_bring_no_style_of_their_own() -> None:
    table = '<table class="dataframe"><th></th><th rowspan="2" valign="top">x'
    styled = f"<div>\n<style scoped>\n.a {{}}\n</style>\n{table}"
    other = '<p valign="top"><style scoped></style>'
    page = document(nodes.raw("", styled, format="html"), nodes.raw("", other, format="html"))
    markup.plain_tables(None, page, "x")  # type: ignore[arg-type]
    assert page.children[0].astext() == '<div>\n<table class="dataframe"><td></td><th rowspan="2">x'
    assert page.children[1].astext() == other


def test_names_of_row_labels_stand_beside_those_of_columns() -> None:
    frame = pd.DataFrame({"loss": [0.5], "steps": [7]}, index=pd.Index(["nag"], name="method"))
    groups = pd.concat({"CPU": frame, "GPU": frame}, axis=1)
    pairs = frame.set_index(pd.MultiIndex.from_tuples([("nag", 1)], names=["method", "seed"]))
    heads = []
    for table in (frame, groups, pairs, frame.rename_axis(columns="on"), frame.reset_index()):
        page = document(nodes.raw("", table.to_html(), format="html"))
        markup.plain_tables(None, page, "x")  # type: ignore[arg-type]
        rows = BeautifulSoup(page.astext(), "html.parser").select("thead tr")
        heads.append([[cell.text for cell in row.find_all(["th", "td"])] for row in rows])
    assert heads == [
        [["method", "loss", "steps"]],
        [["", "CPU", "GPU"], ["method", "loss", "steps", "loss", "steps"]],
        [["method", "seed", "loss", "steps"]],
        [["on", "loss", "steps"], ["method", "", ""]],
        [["", "method", "loss", "steps"]],
    ]


def test_folded_cell_says_what_it_does_in_words() -> None:
    writer: Any = SimpleNamespace(body=[])
    node: Any = nodes.Element(prompt_show="Show <code>", prompt_hide="Hide", classes=["above"])
    markup.open_hidden_cell(writer, node)
    written = "".join(writer.body)
    assert '<details class="admonition hide above">' in written
    assert '<span class="collapsed admonition-title">Show &lt;code&gt;</span>' in written
    assert "<p" not in written


@pytest.mark.parametrize(
    ("tag", "sized"),
    [
        ('<img alt="a" src="x.svg" />', True),
        ('<img width="3" src="x.svg" />', False),
    ],
)
def test_picture_says_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str, sized: bool
) -> None:
    (tmp_path / "x.svg").write_text(SVG)
    monkeypatch.setattr(HTML5Translator, "visit_image", lambda self, node: self.body.append(tag))
    writer: Any = SimpleNamespace(body=[], builder=SimpleNamespace(srcdir=tmp_path))
    markup.visit_sized_image(writer, nodes.image(uri="x.svg"))
    assert ('<img loading="lazy" width="120" height="60" ' in writer.body[0]) is sized
    markup.visit_sized_image(writer, nodes.image(uri="missing.svg"))
    assert writer.body[1] == tag


@pytest.mark.parametrize(("text", "tag"), [("", "td"), ("word", "th")])
def test_empty_cell_is_no_heading(monkeypatch: pytest.MonkeyPatch, text: str, tag: str) -> None:
    def visit(writer: Any, node: nodes.entry) -> None:
        writer.body.append('<th class="head">')
        writer.context.append("</th>\n")

    monkeypatch.setattr(HTML5Translator, "visit_entry", visit)
    writer: Any = SimpleNamespace(body=[], context=[])
    markup.visit_entry(writer, nodes.entry("", nodes.paragraph("", text)))
    assert (writer.body, writer.context) == ([f'<{tag} class="head">'], [f"</{tag}>\n"])


def test_entries_of_the_bibliography_have_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    def visit(writer: Any, node: nodes.citation) -> None:
        writer.body += ['<div role="list" class="citation-list">', '<div role="doc-biblioentry">']

    monkeypatch.setattr(HTML5Translator, "visit_citation", visit)
    writer: Any = SimpleNamespace(body=['<p role="list">'])
    markup.visit_citation(writer, nodes.citation())
    assert writer.body == ['<p role="list">', '<div class="citation-list">', "<div>"]
