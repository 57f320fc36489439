"""Run a program that writes the book, and read what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nagcore.book.execution import COLOUR
from nagcore.book.languages import Language, write_config


def run(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a command in a folder, and return its status and what it printed, without colours."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return done.returncode, COLOUR.sub("", done.stdout)


def run_jupyter_book(
    root: Path, language: Language, target: Path, *options: str
) -> tuple[int, str]:
    """Write an edition anew into `target/_build`, with warnings as errors.

    Args:
        root: the checkout.
        language: the edition.
        target: the folder for `_build`.
        options: further ones of `jupyter-book build`.

    Returns:
        The status, and what was printed.
    """
    config = write_config(root, language)
    program = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    arguments = ["build", ".", "--all", "-W", "--keep-going", *options]
    return run([*program, *arguments, "--config", str(config), "--path-output", str(target)], root)
