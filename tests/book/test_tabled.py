"""Tables of cells on paper: their cells, their widths, their place among the outputs."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from docutils import nodes
from docutils.utils import new_document
from nagbook import tabled
from nagbook.grid import read_grid
from sphinx.util import texescape

texescape.init()


def html(frame: pd.DataFrame) -> str:
    return frame.to_html()


def two_levels() -> pd.DataFrame:
    index = pd.MultiIndex.from_product([["SGD", "NAG"], [1, 2]], names=["method", "threads"])
    columns = pd.MultiIndex.from_product([["quadratic", "lasso"], ["steps", "ratio"]])
    return pd.DataFrame([[n, n / 8, 7, "±1 (0 to 2)"] for n in range(4)], index, columns)


def long_words() -> pd.DataFrame:
    return pd.DataFrame({"n": [1, 2], "answer": ["a long sentence with many words " * 12, "no"]})


def many_columns() -> pd.DataFrame:
    return pd.DataFrame({f"kappa {place}": [0.125, 0.25] for place in range(15)})


def test_cells_stand_once_and_names_over_their_columns():
    grid = read_grid(html(two_levels()))
    assert grid.head == [
        [("", 1), ("", 1), ("quadratic", 2), ("lasso", 2)],
        [(name, 1) for name in ("method", "threads", "steps", "ratio", "steps", "ratio")],
    ]
    assert [row[0][0] for row in grid.body] == ["SGD", "", "NAG", ""]
    assert (grid.columns, grid.stubs) == (6, 2)


def test_a_name_of_the_columns_keeps_its_line():
    frame = pd.DataFrame({"1": [1]}, index=pd.Index(["NAG"], name="optimizer"))
    frame.columns.name = "noise"
    assert [row[0][0] for row in read_grid(html(frame)).head] == ["noise", "optimizer"]


@pytest.mark.parametrize("make", [two_levels, long_words, many_columns])
def test_every_table_fits_the_line(make):
    spec = tabled.set_table(html(make())).partition(r"\toprule")[0]
    widths = [float(width) for width in re.findall(r"p\{([\d.]+)pt\}", spec)]
    gaps = [float(gap) for gap in re.findall(r"\\hspace\{([\d.]+)pt\}", spec)]
    assert len(widths) == len(gaps) + 1 == read_grid(html(make())).columns
    assert sum(widths) + sum(gaps) <= tabled.LINE + 1


def test_a_table_with_room_keeps_large_letters_and_a_full_one_does_not():
    assert r"\fontsize{9.0}" in tabled.set_table(html(two_levels()))
    small = pd.concat([many_columns()] * 2, axis="columns")
    assert r"\fontsize{9.0}" not in tabled.set_table(html(small))


def test_a_page_may_turn_inside_a_long_table_but_not_at_its_ends():
    frame = pd.DataFrame({"step": range(40)})
    long, short = (
        tabled.set_table(html(part)).split(tabled.TURN) for part in (frame, frame.head(4))
    )
    assert len(short) == 1
    assert [piece.count(" & ") for piece in long] == [1 + tabled.END, *[1] * 32, tabled.END]
    assert r"\toprule" in long[0]
    assert r"\bottomrule" in long[-1]


def test_a_page_does_not_turn_between_a_name_and_what_it_stands_for():
    frame = pd.concat([two_levels() for _ in range(6)])
    for piece in tabled.set_table(html(frame)).split(tabled.TURN):
        first = piece.partition("{tabular}[t]")[2].splitlines()[1]
        assert first.startswith((r"\toprule", r"\addlinespace[2pt]"))


def test_numbers_stand_right_and_words_left():
    spec = tabled.set_table(html(long_words())).partition(r"\toprule")[0]
    assert re.findall(r"\\ragged\w+", spec) == [r"\raggedright", r"\raggedleft", r"\raggedright"]


def test_letters_that_latex_reads_are_escaped():
    said = tabled.set_table(html(pd.DataFrame({"5 % & more": ["weight_decay"]})))
    assert r"5 \% \& more" in said
    assert r"weight\_decay" in said


def test_a_head_over_several_columns_is_as_wide_as_they():
    said = tabled.set_table(html(two_levels()))
    # Without @{} LaTeX would put a gap of its own before it, and the table would stand out.
    assert said.count(r"\multicolumn{2}{@{}") == 2
    assert r"\cmidrule(lr){3-4}\cmidrule(lr){5-6}" in said


def test_a_line_of_chinese_may_break_between_any_two_letters():
    assert tabled.WORD.findall("动量，和 step") == ["动", "量，", "和", "step"]


def page_with_output(shown: str) -> nodes.document:
    raw = nodes.raw("", shown, format="html", classes=["output", "text_html"])
    text = nodes.literal_block("", "folded text")
    bundle = nodes.container(
        "",
        nodes.container("", text, mime_type="text/plain"),
        nodes.container("", raw, mime_type="text/html"),
        nb_element="mime_bundle",
    )
    document = new_document("page")
    document += nodes.container("", bundle, classes=["cell_output", "docutils"])
    return document


def test_a_table_is_printed_in_the_place_of_its_text():
    document = page_with_output(html(two_levels()))
    tabled.prefer_tables(document)
    tabled.SetTables(document).run()
    (raw,) = document.findall(nodes.raw)
    assert raw["format"] == "latex"
    assert r"\begin{tabular}" in raw.astext()
    assert "folded text" not in document.astext()
    assert not [box for box in document.findall(nodes.container) if "cell_output" in box["classes"]]


def test_an_output_without_a_table_keeps_its_other_forms():
    document = page_with_output("<nag-cycle></nag-cycle>")
    before = document.pformat()
    tabled.prefer_tables(document)
    tabled.SetTables(document).run()
    assert document.pformat() == before


def written(rows: int, *inside: nodes.Node) -> nodes.table:
    body = nodes.tbody()
    for _ in range(rows):
        words = nodes.paragraph("", "several words " * 20, *inside)
        body += nodes.row("", nodes.entry("", nodes.paragraph("", "yes")), nodes.entry("", words))
    specs = [nodes.colspec(colwidth=50), nodes.colspec(colwidth=50)]
    return nodes.table("", nodes.tgroup("", *specs, body, cols=2))


def test_a_written_table_of_many_rows_goes_on_with_fitting_columns():
    document = new_document("page")
    long, short, formulas = written(20), written(3), written(20, nodes.math("", "x_k"))
    document += [long, short, formulas]
    tabled.SetTables(document).run()
    assert "longtable" in long["classes"]
    narrow, broad = (spec["colwidth"] for spec in long.findall(nodes.colspec))
    assert broad > 10 * narrow
    assert not short["classes"]
    assert not formulas["classes"]
