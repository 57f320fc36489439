"""What the tests of the book share: the checkout, its extension, and small books to build."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
# Where Sphinx finds the extension as well, and where the tests of the site find their helper.
sys.path[:0] = [str(ROOT / "book"), str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def write_notebook() -> Callable[..., Path]:
    """A function that writes a notebook of code cells under a title."""

    def write(path: Path, *cells: str) -> Path:
        title = nbformat.v4.new_markdown_cell("# A chapter\n\n## One\n\n## Two")
        notebook = nbformat.v4.new_notebook(
            cells=[title, *(nbformat.v4.new_code_cell(cell) for cell in cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    return write
