"""Between Chinese characters there is no space, and beside others it stays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from nagbook.spacing import close_gaps, join


@pytest.mark.parametrize(
    ("before", "text", "after", "expected"),
    [
        ("", "见 ", "定理", "见"),
        ("", "见 ", "图 1.2", "见"),
        ("步长", " 是", "", "是"),
        ("步长", " and ", "x", " and "),
        ("NAG", " 的 ", "Adam", " 的 "),
        ("一句话。", " Nesterov 方法", "", "Nesterov 方法"),
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
    close_gaps(SimpleNamespace(config=SimpleNamespace(language=language)), document, "page")  # type: ignore[arg-type]
    return paragraph.astext()


def test_pieces_of_a_paragraph_are_joined_across_roles():
    assert page("zh_CN") == "这个函数的条件数是 x 的 NAG"


def test_an_english_page_is_left_alone():
    assert page("en") == "这个函数的 条件数 是 x 的 NAG"
