"""What a phone's window must not break or shrink is marked on the page."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from nagbook import narrow


def mark(folder: Path, *children: nodes.Node) -> nodes.document:
    page = nodes.document(None, None)  # type: ignore[arg-type]
    page += children
    app: Any = SimpleNamespace(srcdir=folder)
    narrow.mark_narrow(app, page, "x")
    return page


@pytest.mark.parametrize(
    ("code", "classes"),
    [
        ("--retry-failed", ["short"]),
        ("--tier 1", ["short"]),
        ("torchrun --shutdown-timeout 110", ["of-short-words"]),
        ("nagcore.core.backtracking.passes_by_values", []),
        ("load nagcore.core.backtracking.passes_by_values", []),
    ],
)
def test_short_code_stays_whole_and_long_code_may_break(
    tmp_path: Path, code: str, classes: list[str]
) -> None:
    page = mark(tmp_path, nodes.paragraph("", "", nodes.literal("", code)))
    assert [node["classes"] for node in page.findall(nodes.literal)] == [classes]


@pytest.mark.parametrize(("width", "wide"), [(740, True), (640, False)])
def test_a_row_of_three_panels_is_a_wide_figure(tmp_path: Path, width: int, wide: bool) -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="320"></svg>'
    (tmp_path / "panels.svg").write_text(svg)
    figure = nodes.figure("", nodes.image(uri="panels.svg"))
    page = mark(tmp_path, figure, nodes.image(uri="panels.svg"))
    assert ("wide" in figure["classes"]) is wide
    assert page.children[1]["classes"] == []  # type: ignore[index]


def test_a_picture_from_elsewhere_is_left_alone(tmp_path: Path) -> None:
    figure = nodes.figure("", nodes.image(uri="https://example.org/panels.svg"))
    mark(tmp_path, figure)
    assert figure["classes"] == []
