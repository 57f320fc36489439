"""The first code cell of a chapter fetches the repository on Colab, and does nothing elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import nbformat

from nagcore.chapters import list_chapters

ROOT = Path(__file__).parents[2]


def first_cells() -> list:
    notebooks = [nbformat.read(path, as_version=4) for path in list_chapters(ROOT)]
    return [next(c for c in book.cells if c.cell_type == "code") for book in notebooks]


class Shell:
    """Notes what it is asked to do."""

    def __init__(self):
        self.said: list[str] = []

    def system(self, command: str) -> None:
        self.said.append(command)

    def run_line_magic(self, name: str, line: str) -> None:
        self.said.append(f"%{name} {line}")


def test_all_chapters_have_the_same_cell_and_hide_it():
    cells = first_cells()
    assert len({cell.source for cell in cells}) == 1
    assert all(cell.id == "colab" and cell.metadata.tags == ["remove-cell"] for cell in cells)


def test_it_does_nothing_elsewhere():
    shell = Shell()
    exec(first_cells()[0].source, {"get_ipython": lambda: shell})
    assert shell.said == []


def test_on_colab_it_fetches_installs_and_goes_to_the_chapters(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    shell = Shell()
    exec(first_cells()[0].source, {"get_ipython": lambda: shell})
    assert [line.split()[0] for line in shell.said] == ["git", "%pip", "%cd"]
    assert "/content/nagcore[book]" in shell.said[1]
    assert shell.said[2].endswith("/nagcore/chapters"), "records are found from the chapters on"
