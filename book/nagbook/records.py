"""The index of records: every experiment with what it asks, where it was measured, and the file."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference
from sphinx.util.docutils import SphinxDirective

from nagbook.words import say
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.record import Record
from nagcore.evidence.store import read_record, record_path

DEVICES = ("cpu", "cuda")
CODE = re.compile(r"`([^`]+)`")


class RecordIndex(SphinxDirective):
    """`{record-index}` shows a table of all records under `results/`."""

    def run(self) -> list[nodes.Node]:
        """Read the records; the page is made anew when one of them changes."""
        root = Path(self.env.srcdir)
        rows = []
        for name, experiment in EXPERIMENTS.items():
            for device in DEVICES:
                record = read_record(name, device, root)
                if record is not None:
                    path = record_path(name, device, root).relative_to(root).as_posix()
                    self.env.note_dependency(path)
                    rows.append(_row(name, experiment.declaration.question, record, path))
        heads = say(self.config.language, "record_heads").split(" | ")
        return [_table(heads, rows)]


def _row(name: str, question: str, record: Record, path: str) -> list[list[nodes.Node]]:
    made = record.provenance
    link = download_reference("", "", nodes.Text(name), reftarget=f"/{path}")
    day = nodes.inline("", made.time[:10], classes=["together"])
    when = [day, nodes.Text(f", {made.short_commit}")]
    return [[link], read_code(question), [nodes.Text(made.device)], when]


def read_code(text: str) -> list[nodes.Node]:
    """Return a text with what stands between backticks as code.

    Example:
        >>> [type(node).__name__ for node in read_code("What does `minimize` cost?")]
        ['Text', 'literal', 'Text']
    """
    pieces = CODE.split(text)
    return [
        nodes.literal("", piece) if place % 2 else nodes.Text(piece)
        for place, piece in enumerate(pieces)
    ]


def _table(heads: list[str], rows: list[list[list[nodes.Node]]]) -> nodes.table:
    group = nodes.tgroup("", cols=len(heads))
    group += [nodes.colspec("", colwidth=width) for width in (26, 40, 18, 16)]
    head, body = nodes.thead(""), nodes.tbody("")
    head += _line([[nodes.Text(text)] for text in heads])
    body += [_line(row) for row in rows]
    group += [head, body]
    table = nodes.table("", classes=["records", "longtable", "colwidths-given"])
    table += group
    return table


def _line(cells: list[list[nodes.Node]]) -> nodes.row:
    row = nodes.row("")
    for cell in cells:
        paragraph = nodes.paragraph("")
        paragraph += cell
        entry = nodes.entry("")
        entry += paragraph
        row += entry
    return row
