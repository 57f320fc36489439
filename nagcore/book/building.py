"""Build the book: execute what changed, then write every page with warnings as errors."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from nagcore.book.execution import COLOUR, execute_chapters
from nagcore.book.node import find_node
from nagcore.errors import MissingExtraError, UsageError
from nagcore.files import write_whole

NEEDED = ("ipykernel", "jupyter_book", "jupyter_cache", "sphinx_proof", "sphinxcontrib.katex")
SHOWN_LINES = 40


def build(root: Path, *, quiet: bool = False) -> Path:
    """Execute the chapters that changed and write the site.

    Args:
        root: the checkout, the folder that holds `_toc.yml`.
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
    with console.status("writing pages"):
        write_pages(root)
    index = site_folder(root) / "index.html"
    console.print(f"The book is at {index}", soft_wrap=True)
    console.print("Open that file in a browser, or run: make serve")
    return index


def site_folder(root: Path) -> Path:
    """Return the folder of the built site."""
    return root / "_build" / "html"


def write_pages(root: Path) -> None:
    """Write all pages anew with warnings as errors.

    The old pages are removed first: an incremental build does not repeat the warnings of pages
    that did not change, and keeps pages that the book no longer has.

    Raises:
        UsageError: there was a warning or an error; its lines are in the message.
    """
    shutil.rmtree(site_folder(root), ignore_errors=True)
    shutil.rmtree(root / "_build" / "jupyter_execute", ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    arguments = ["build", ".", "--all", "-W", "-n", "--keep-going"]
    result = subprocess.run(
        command + arguments,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    output = COLOUR.sub("", result.stdout)
    log = write_whole(root / "_build" / "book.log", output)
    if result.returncode != 0:
        raise UsageError(
            f"the book has warnings or errors, and both stop it:\n"
            f"{find_complaints(output)}\n"
            f"The whole output is in {log}; mend these lines and run `nagcore book` again"
        )


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
