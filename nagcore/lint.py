"""Run every check of style, types and architecture, side by side."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from nagcore.errors import MissingExtraError, UsageError


@dataclass(frozen=True)
class Linter:
    """A check: what it looks at, and the command that fails when it finds fault."""

    looks_at: str
    package: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What one linter said."""

    linter: Linter
    passed: bool
    output: str
    seconds: float


# The longest first. A word with a star stands for the files that match it.
LINTERS = (
    Linter("types", "pyright", ("pyright", "--warnings")),
    Linter("style and likely faults", "ruff", ("ruff", "check", "--quiet", ".")),
    Linter("layout", "ruff", ("ruff", "format", "--quiet", "--diff", ".")),
    Linter("who imports whom", "import-linter", ("lint-imports", "--no-cache")),
    Linter(
        "chapters without outputs",
        "nbstripout",
        ("nbstripout", "--keep-id", "--verify", "chapters/*.ipynb"),
    ),
)


def run_all(root: Path, linters: Sequence[Linter] = LINTERS) -> int:
    """Run the linters, two at a time, and print one line for each with the faults below it.

    Args:
        root: the checkout.
        linters: which ones; all of `LINTERS` if left out.

    Returns:
        How many failed.

    Raises:
        MissingExtraError: a linter is not installed.
        UsageError: no file matches what a linter is to look at.
    """
    console = Console(highlight=False)
    commands = [_resolve(linter, root) for linter in linters]
    failures = 0
    with ThreadPoolExecutor(max_workers=2) as pool, console.status("checking"):
        jobs = [
            pool.submit(_run, linter, command, root)
            for linter, command in zip(linters, commands, strict=True)
        ]
        for job in as_completed(jobs):
            failures += not job.result().passed
            _show(job.result(), console)
    console.print(f"{len(commands)} checks, {failures} failed")
    return failures


def _show(verdict: Verdict, console: Console) -> None:
    mark = "[green]passed[/]" if verdict.passed else "[bold red]failed[/]"
    command = escape(" ".join(verdict.linter.command))
    console.print(f"{mark}  {verdict.linter.looks_at} ({command}, {verdict.seconds:.1f} s)")
    if not verdict.passed:
        console.print(verdict.output, markup=False, soft_wrap=True)


def _run(linter: Linter, command: list[str], root: Path) -> Verdict:
    started = time.perf_counter()
    environment = {**os.environ, "PATH": f"{_tools()}{os.pathsep}{os.environ.get('PATH', '')}"}
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment)
    output = (answer.stdout + answer.stderr).strip()
    return Verdict(linter, answer.returncode == 0, output, time.perf_counter() - started)


def _resolve(linter: Linter, root: Path) -> list[str]:
    program, *words = linter.command
    # The locked environment's tool comes before any of the same name elsewhere.
    path = shutil.which(program, path=str(_tools())) or shutil.which(program)
    if path is None:
        raise MissingExtraError(linter.package, "dev", f"checking {linter.looks_at}")
    arguments: list[str] = []
    for word in words:
        matches = sorted(str(match) for match in root.glob(word)) if "*" in word else [word]
        if not matches:
            raise UsageError(f"nothing in {root} matches {word}; {program} has nothing to check")
        arguments += matches
    return [path, *arguments]


def _tools() -> Path:
    return Path(sys.executable).parent
