"""A number in a table that a cell shows stays on one line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from nagbook.cells import bind_cell, bind_numbers

TABLE = """<table><tr><th>SGD, 9 ms</th>
<td>53.5 ± 8.2 % (n = 5)</td><td>as 9 ms</td></tr></table>"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("53.5 ± 8.2 % (n = 5)", "53.5_±_8.2_% (n_=_5)"),
        ("7.6 × 10⁻¹⁰", "7.6_×_10⁻¹⁰"),
        ("23.1 ± 0.0012", "23.1_±_0.0012"),
        ("9.66 ms", "9.66_ms"),
        ("12 steps", "12 steps"),
        ("+0.2 (−1.0 to +1.5)", "+0.2 (−1.0 to +1.5)"),
    ],
)
def test_a_cell_ends_its_line_at_words_and_brackets_only(text, expected):
    assert bind_cell(text) == expected.replace("_", "\xa0")


def shown(markup: str, kind: str) -> str:
    document: Any = new_document("page")
    document += nodes.raw("", markup, format=kind)
    bind_numbers(SimpleNamespace(), document, "page")  # type: ignore[arg-type]
    return document.astext()


def test_only_cells_that_begin_with_a_number_are_bound():
    bound = shown(TABLE, "html")
    assert "53.5\xa0±\xa08.2\xa0% (n\xa0=\xa05)</td>" in bound
    assert bound.replace("\xa0", " ") == TABLE
    assert "<th>SGD, 9 ms</th>" in bound
    assert "<td>as 9 ms</td>" in bound


def test_what_is_no_table_of_html_stays_as_it_is():
    assert shown(TABLE, "latex") == TABLE
    assert shown("<p>9 ms</p>", "html") == "<p>9 ms</p>"
