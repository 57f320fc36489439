"""The index of records reads as prose does: code as code, a date on one line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from docutils import nodes
from nagbook import records


def test_a_row_shows_code_as_code_and_does_not_break_a_date() -> None:
    made: Any = SimpleNamespace(time="2026-11-24T12:00", short_commit="7d96de6", device="a CPU")
    row = records._line(
        records._row(
            "overhead",
            "What does `minimize` cost?",
            SimpleNamespace(provenance=made),  # type: ignore[arg-type]
            "results/overhead/cpu.json",
        )
    )
    assert [entry.astext() for entry in row][1:] == [
        "What does minimize cost?",
        "a CPU",
        "2026-11-24, 7d96de6",
    ]
    assert [code.astext() for code in row.findall(nodes.literal)] == ["minimize"]
    together = [node for node in row.findall(nodes.inline) if "together" in node["classes"]]
    assert [node.astext() for node in together] == ["2026-11-24"]
