"""The two files that Jupyter Book reads say what it understands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jupyter_book.config import get_default_sphinx_config, validate_yaml
from sphinx_external_toc.parsing import parse_toc_yaml

# Declares a constant twice on every page; asks other hosts while building.
LEFT_OUT = {"sphinx_thebe", "sphinx.ext.intersphinx"}


def read_config(root: Path) -> dict:
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))


def test_config_is_valid(root: Path) -> None:
    validate_yaml(read_config(root), raise_on_errors=True)


def test_every_extension_of_jupyter_book_but_those_left_out_is_loaded(root: Path) -> None:
    """The list replaces Jupyter Book's own, so that a new version may add to it unnoticed."""
    loaded = set(read_config(root)["sphinx"]["config"]["extensions"])
    own: Any = get_default_sphinx_config()["extensions"]
    assert set(own) - loaded == LEFT_OUT


def test_a_failing_cell_stops_the_build(root: Path) -> None:
    assert read_config(root)["execute"]["raise_on_error"] is True


def test_toc_names_every_chapter_and_nothing_missing(root: Path) -> None:
    named = set(parse_toc_yaml(root / "_toc.yml"))
    chapters = {f"chapters/{path.stem}" for path in (root / "chapters").glob("*.ipynb")}
    assert chapters <= named
    missing = [n for n in named if not any((root / f"{n}{s}").is_file() for s in (".md", ".ipynb"))]
    assert not missing
