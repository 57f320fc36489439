"""Between Chinese characters there is no space; what belongs together stays on one line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from nagbook.spacing import bind, close_titles, join, set_spaces
from sphinx.addnodes import number_reference


def spaced(language: str, *blocks: nodes.Node) -> None:
    document: Any = new_document("page")
    document += list(blocks)
    set_spaces(SimpleNamespace(config=SimpleNamespace(language=language)), document, "page")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "text", "after", "expected"),
    [
        ("", "见 ", "定理", "见"),
        ("", "见 ", "图 1.2", "见"),
        ("步长", " 是", "", "是"),
        ("步长", " and ", "x", " and "),
        ("NAG", " 的 ", "Adam", " 的 "),
        ("一句话。", " Nesterov 方法", "", "Nesterov 方法"),
        ("一句话。", " ", "另一句话。", ""),
        ("alpha.", " ", "beta.", " "),
        ("alpha", " beta", "", " beta"),
        ("", " 是", "", " 是"),
    ],
)
def test_a_space_goes_only_between_two_chinese_pieces(before, text, after, expected):
    assert join(before, text, after) == expected


def page(language: str) -> str:
    document: Any = new_document("page")
    paragraph = nodes.paragraph()
    paragraph += [nodes.Text("这个函数的 "), nodes.inline("", "条件数"), nodes.Text(" 是 ")]
    paragraph += [nodes.math("", "x"), nodes.Text(" 的 "), nodes.literal("", "NAG")]
    document += paragraph
    set_spaces(SimpleNamespace(config=SimpleNamespace(language=language)), document, "page")  # type: ignore[arg-type]
    return paragraph.astext()


def test_pieces_of_a_paragraph_are_joined_across_roles():
    assert page("zh_CN") == "这个函数的条件数是 x 的 NAG"


def test_of_two_pieces_that_read_the_same_the_right_one_is_closed():
    document: Any = new_document("page")
    paragraph = nodes.paragraph()
    paragraph += [nodes.math("", "x"), nodes.Text(" 是 "), nodes.math("", "y")]
    paragraph += [nodes.Text(" 是 "), nodes.inline("", "间隙")]
    document += paragraph
    set_spaces(SimpleNamespace(config=SimpleNamespace(language="zh_CN")), document, "page")  # type: ignore[arg-type]
    assert paragraph.astext() == "x 是 y 是间隙"


LONG = r"f(x_k) - f^\star \le L R^2 / (2k)"


@pytest.mark.parametrize(
    ("language", "pieces", "expected"),
    [
        ("zh_CN", [("x", "，则 "), (LONG, "。若 "), ("y", " 与 "), ("z", "")], ["x，"]),
        ("en", [("1/L", "; a (")], ["1/L;"]),
        ("en", [(r"(1 - \sqrt{\alpha\lambda})^{2}", ", b")], [r"(1 - \sqrt{\alpha\lambda})^{2},"]),
        ("en", [("x", " ("), ("y", ") "), (LONG, ", "), ("n", "-th")], ["(y)", "n-"]),
    ],
)
def test_punctuation_stays_with_the_short_formula_beside_it(language, pieces, expected):
    document: Any = new_document("page")
    paragraph = nodes.paragraph()
    for formula, text in pieces:
        paragraph += [nodes.math("", formula), nodes.Text(text)]
    document += paragraph
    before = paragraph.astext()
    set_spaces(SimpleNamespace(config=SimpleNamespace(language=language)), document, "page")  # type: ignore[arg-type]
    assert [each.astext() for each in paragraph.findall(nodes.inline)] == expected
    assert paragraph.astext() == before


@pytest.mark.parametrize(
    ("before", "text", "after", "expected"),
    [
        ("", "3.7 × 10⁻⁵", "", "3.7~×~10⁻⁵"),
        ("", "10.7 ± 0.5 % (n = 3)", "", "10.7~±~0.5~% (n~=~3)"),
        ("", "0.4% and 95 %,", "", "0.4~% and 95~%,"),
        ("0.4", " % of", "", "~% of"),
        ("0.4", "% of", "", "~% of"),
        ("", " of 28 × ", "28", " of 28~×~"),
        ("", "with n = ", "5", "with n~=~"),
        ("with n = ", "5", "", "5"),
        ("5", " = x × y, %s", "", " = x × y, %s"),
    ],
)
def test_a_number_stays_with_its_unit(before, text, after, expected):
    assert bind(before, text, after) == expected.replace("~", "\u00a0")


def test_numbers_are_bound_across_roles_but_not_in_tables():
    document: Any = new_document("page")
    paragraph, cell, entry = nodes.paragraph(), nodes.paragraph(), nodes.entry()
    pieces = [
        nodes.Text("n = "),
        nodes.inline("", "5"),
        nodes.Text(" %, "),
        nodes.literal("", "5 %"),
    ]
    paragraph += pieces
    cell += [piece.deepcopy() for piece in pieces]
    entry += cell
    document += [paragraph, entry]
    set_spaces(SimpleNamespace(config=SimpleNamespace(language="en")), document, "page")  # type: ignore[arg-type]
    assert paragraph.astext() == "n\u00a0=\u00a05\u00a0%, 5 %"
    assert cell.astext() == "n = 5 %, 5 %"


def test_an_english_page_is_left_alone():
    assert page("en") == "这个函数的 条件数 是 x 的 NAG"


@pytest.mark.parametrize("shown", ["图 8.1", "定理 1.2", "Fig. 9.10", "Theorem 3"])
def test_a_number_stays_with_the_word_of_its_reference(shown: str):
    paragraph, plain = nodes.paragraph(), nodes.paragraph("", f"{shown} ")
    reference = number_reference("", "", nodes.inline("", shown), title="Fig. %s")
    paragraph += [nodes.Text("in "), reference, nodes.Text(" and 3 more")]
    spaced("en", paragraph, plain)
    assert reference.astext() == shown.replace(" ", "\u00a0")
    assert reference["title"] == "Fig.\u00a0%s"
    assert plain.astext() == f"{shown} ", "what is no reference may be part of a sentence"


@pytest.mark.parametrize("shown", ["1. Gradient descent", "Nesterov, 2018", "the table"])
def test_other_references_may_be_broken(shown: str):
    paragraph, reference = nodes.paragraph(), nodes.reference("", shown)
    paragraph += reference
    spaced("en", paragraph)
    assert paragraph.astext() == shown


def test_a_date_stays_whole():
    paragraph = nodes.paragraph("", "Measured, 2026-11-24, n = 3.")
    code = nodes.paragraph("", "", nodes.literal("", "2026-11-24"))
    spaced("en", paragraph, code)
    assert [each.astext() for each in paragraph.findall(nodes.inline)] == ["2026-11-24"]
    assert paragraph.astext() == "Measured, 2026-11-24, n\u00a0=\u00a03."
    assert not list(code.findall(nodes.inline))


def titled(language: str) -> tuple[str, str]:
    """The title of an exercise, and a sentence with a number of seeds."""
    title = nodes.title("", "", *map(nodes.Text, ("练习 1.1", " (", "最大的步长", ")")))
    sentence = nodes.paragraph("", "", nodes.Text("误差 "), nodes.inline("", "3 % (n = 5)"))
    spaced(language, title, sentence)
    return title.astext(), sentence.astext().replace("\u00a0", " ")


def test_chinese_brackets_are_wide():
    assert titled("zh_CN") == ("练习 1.1（最大的步长）", "误差 3 %（n = 5）")
    assert titled("en") == ("练习 1.1 (最大的步长)", "误差 3 % (n = 5)")


@pytest.mark.parametrize(("language", "space"), [("zh_CN", ""), ("en", " ")])
def test_a_wide_bracket_follows_the_number_of_a_theorem_at_once(language: str, space: str):
    app: Any = SimpleNamespace(config=SimpleNamespace(language=language))
    context = {"body": '<span class="caption-number">定理 1.1 </span>（光滑）'}
    close_titles(app, "page", "", context, None)
    assert context["body"] == f'<span class="caption-number">定理 1.1{space}</span>（光滑）'
