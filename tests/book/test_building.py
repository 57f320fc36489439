"""Small books: what is executed again, what a failure says."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from nagcore.book import building
from nagcore.book.execution import execute_chapters, list_chapters
from nagcore.errors import MissingExtraError, UsageError

TOC = """
format: jb-book
root: intro
chapters:
- file: chapters/01-good
- file: chapters/02-other
"""


@pytest.fixture
def book(tmp_path: Path, write_notebook: Callable[..., Path]) -> Path:
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "_config.yml").write_text("execute: {execute_notebooks: cache}\n")
    (tmp_path / "intro.md").write_text("# Book\n\n## One\n\n## Two\n")
    write_notebook(tmp_path / "chapters" / "01-good.ipynb", "print(6 * 7)")
    write_notebook(tmp_path / "chapters" / "02-other.ipynb", "print('other')")
    return tmp_path


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO())


def test_chapters_are_those_of_the_toc_in_its_order(book: Path) -> None:
    (book / "chapters" / "03-unlisted.ipynb").write_text("{}")
    assert [path.name for path in list_chapters(book)] == ["01-good.ipynb", "02-other.ipynb"]


def test_bad_toc_is_a_usage_error(book: Path) -> None:
    (book / "_toc.yml").write_text("format: jb-book\nchapterz: []\n")
    with pytest.raises(UsageError, match="not a table of contents"):
        list_chapters(book)


@pytest.mark.slow
def test_only_what_changed_is_executed(
    book: Path, console: Console, write_notebook: Callable[..., Path]
) -> None:
    assert execute_chapters(book, console) == ["01-good", "02-other"]
    assert execute_chapters(book, console) == []
    write_notebook(book / "chapters" / "02-other.ipynb", "print('changed')")
    assert execute_chapters(book, console) == ["02-other"]
    (book / "nagcore").mkdir()
    (book / "nagcore" / "rule.py").write_text("changed")
    assert execute_chapters(book, console) == ["01-good", "02-other"]


@pytest.mark.slow
def test_failing_chapter_stops_the_build_with_its_error(
    book: Path, console: Console, write_notebook: Callable[..., Path]
) -> None:
    write_notebook(book / "chapters" / "02-other.ipynb", "1 / 0")
    with pytest.raises(UsageError, match=r"chapters/02-other\.ipynb failed(.|\n)*ZeroDivision"):
        execute_chapters(book, console)
    write_notebook(book / "chapters" / "02-other.ipynb", "1 / 1")
    assert execute_chapters(book, console) == ["02-other"]  # the good one was kept


@pytest.mark.slow
def test_pages_show_what_was_executed_and_none_of_a_former_book(
    book: Path, console: Console
) -> None:
    stale = building.site_folder(book) / "chapters" / "99-former.html"
    stale.parent.mkdir(parents=True)
    stale.write_text("old")
    execute_chapters(book, console)
    building.write_pages(book)
    assert "42" in (stale.parent / "01-good.html").read_text()
    assert (book / "_build" / "book.log").read_text().count("Using cached notebook") == 2
    assert not stale.exists()


@pytest.mark.slow
def test_warning_fails_every_build(book: Path) -> None:
    (book / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    (book / "intro.md").write_text("# Book\n\nSee {ref}`nowhere`.\n")
    for _ in range(2):  # Sphinx alone forgets the warning the second time
        with pytest.raises(UsageError, match=r"intro\.md:3: WARNING: undefined label: 'nowhere'"):
            building.write_pages(book)


def test_missing_package_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"no-such.*pip install '\.\[book\]'"):
        building._require("no_such")
    with pytest.raises(MissingExtraError):
        building._require("no_such.part")
    building._require("jupyter_book")


def test_output_without_complaint_is_shown_at_its_end() -> None:
    output = "\n".join(f"line {n}" for n in range(100))
    assert building.find_complaints(output).splitlines()[-1] == "line 99"
    assert building.find_complaints("a\nx ERROR: y\nb") == "x ERROR: y"
