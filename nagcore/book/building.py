"""Build the book: execute what changed, then write every page with warnings as errors."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console

from nagcore.book.execution import execute_chapters
from nagcore.book.key import site_key
from nagcore.book.languages import (
    CHINESE,
    ENGLISH,
    LANGUAGES,
    Language,
    site_folder,
    work_folder,
)
from nagcore.book.node import find_node
from nagcore.book.printing import print_book, print_folder
from nagcore.book.running import run_jupyter_book
from nagcore.errors import MissingExtraError, UsageError
from nagcore.evidence.provenance import commit_of
from nagcore.files import write_whole

NEEDED = ("ipykernel", "jupyter_book", "jupyter_cache", "sphinx_proof", "sphinxcontrib.katex")
SHOWN_LINES = 40
STAMP = "site.key"  # of the last build that succeeded


def build(
    root: Path,
    languages: Sequence[Language] = tuple(LANGUAGES.values()),
    *,
    pdf: bool = False,
    quiet: bool = False,
) -> Path:
    """Execute the chapters that changed and write the site.

    Args:
        root: the checkout, the folder that holds `_toc.yml`.
        languages: the editions to write; those left out stay as they are.
        pdf: print each edition as well, and put its PDF into the site, whose pages link to it.
        quiet: print nothing but errors.

    Returns:
        The first page of the site.

    Raises:
        MissingExtraError: the packages of the extra `book` are not installed.
        UsageError: a chapter failed, or a page has a warning; the message holds the true error.
    """
    for package in NEEDED:
        _require(package)
    find_node()
    console = Console(quiet=quiet)
    # A kernel of the same name in the user's home must not take the environment's place.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    execute_chapters(root, console)
    index = site_folder(root, languages[0]) / "index.html"
    stamp = root / "_build" / STAMP
    key = site_key(root, [language.name for language in languages], pdf, commit_of(root))
    if index.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        console.print("Nothing changed since the site was built.")
    else:
        stamp.unlink(missing_ok=True)
        _write_all(root, languages, pdf, console)
        write_whole(stamp, key)
    console.print(f"The book is at {index}", soft_wrap=True)
    console.print("Open that file in a browser, or run: make serve")
    return index


def _write_all(root: Path, languages: Sequence[Language], pdf: bool, console: Console) -> None:
    shutil.rmtree(print_folder(root), ignore_errors=True)
    if pdf:
        with console.status("printing"), ThreadPoolExecutor(len(languages)) as pool:
            list(pool.map(partial(print_book, root), languages))
    with console.status("writing pages"):
        write_pages(root, languages)


def write_pages(root: Path, languages: Sequence[Language] = (ENGLISH,)) -> None:
    """Write all pages of some editions anew, side by side, with warnings as errors.

    The old pages are removed first: an incremental build does not repeat the warnings of pages
    that did not change, and keeps pages that the book no longer has.

    Raises:
        UsageError: there was a warning or an error; its lines are in the message.
    """
    kept = site_folder(root, CHINESE)
    aside = root / "_build" / "kept"
    if ENGLISH in languages and CHINESE not in languages and kept.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
        kept.rename(aside)  # inside the folder that is written anew
    with ThreadPoolExecutor(len(languages)) as pool:
        failures = [text for text in pool.map(partial(_write_edition, root), languages) if text]
    if aside.is_dir():
        aside.rename(kept)
    if failures:
        raise UsageError("\n".join(failures))
    for language in languages:
        if language != ENGLISH:
            _move(work_folder(root, language) / "_build" / "html", site_folder(root, language))


def _write_edition(root: Path, language: Language) -> str | None:
    """Write one edition, and return what is wrong with it, or None."""
    folder = work_folder(root, language) / "_build"
    for part in ("html", "jupyter_execute"):
        shutil.rmtree(folder / part, ignore_errors=True)
    status, output = run_jupyter_book(root, language, folder.parent, "-n")
    log = write_whole(folder / "book.log", output)
    if status == 0:
        return None
    return (
        f"the book has warnings or errors, and both stop it:\n"
        f"{find_complaints(output)}\n"
        f"The whole output is in {log}; mend these lines and run `nagcore book` again"
    )


def _move(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def find_complaints(output: str) -> str:
    """Return the lines of Sphinx's output that say what is wrong, or its end if none does.

    Example:
        >>> find_complaints("reading\\nintro.md:3: WARNING: undefined label: 'x'\\ndone")
        "intro.md:3: WARNING: undefined label: 'x'"
    """
    lines = output.splitlines()
    found = [line for line in lines if any(word in line for word in ("WARNING", "ERROR"))]
    return "\n".join(found or lines[-SHOWN_LINES:])


def _require(package: str) -> None:
    try:
        found = importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # the parent of a dotted name is missing
        found = False
    if not found:
        raise MissingExtraError(package.replace("_", "-"), "book", "building the book")
