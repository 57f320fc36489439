"""The command line: each command is a thin call of the package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nagcore import __version__
from nagcore.cli.app import app, console, plainly
from nagcore.errors import MissingExtraError, UsageError
from nagcore.root import find_root


@app.command()
@plainly
def book(
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    language: Annotated[
        str | None, typer.Option(help="One edition alone: en, or zh into _build/html/zh.")
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the editions too: tools/debian.sh brings TeX.")
    ] = False,
) -> None:
    """Execute the chapters that changed and build the site into _build/html."""
    from nagcore.book import LANGUAGES, build, find_language

    languages = [find_language(language)] if language else list(LANGUAGES.values())
    build(find_root(), languages, pdf=pdf, quiet=quiet)


@app.command()
@plainly
def serve(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8000,
) -> None:
    """Show the built site in a browser of this machine."""
    from nagcore.book import serve as serve_site

    serve_site(find_root(), port)


@app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
@plainly
def run_tests(
    context: typer.Context,
    site: Annotated[
        bool, typer.Option("--site", help="Look at the built site in headless Chromium instead.")
    ] = False,
) -> None:
    """Run the tests side by side; further arguments go to pytest, for example -k nag."""
    _require_tests()
    root = find_root()
    if site:
        # Here and once: the workers would install the tools at the same time into one folder.
        from nagcore.book.tools import install_tools

        install_tools(root)
    command = [sys.executable, "-m", "pytest", "-m", "browser" if site else "not browser"]
    if not any(word.startswith("-n") for word in context.args):
        # All visits of a page of the site go to one worker.
        command += ["-n", "2", *(["--dist", "loadgroup"] if site else [])]
    # Two workers with a thread each: torch would otherwise start a thread per core in both.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    done = subprocess.run([*command, *context.args], cwd=root, env=environment, check=False)
    raise typer.Exit(done.returncode)


def _require_tests() -> None:
    import importlib.util

    for module, package in (("pytest", "pytest"), ("xdist", "pytest-xdist")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(package, "dev", "running the tests")


@app.command()
@plainly
def lint() -> None:
    """Check style, types, import contracts and that chapters carry no outputs."""
    from nagcore.lint import run_all

    if run_all(find_root()):
        raise typer.Exit(1)


@app.command()
@plainly
def run(
    chapter: Annotated[str, typer.Argument(help="A number or name: 7, 07, 07-cnn-repaired.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="name=value; repeat for several."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The notebook to write.")
    ] = None,
) -> None:
    """Execute a chapter with other parameters, into _runs/, never over the committed one."""
    from nagcore.chapters import parse_parameter, run_chapter

    parameters = dict(parse_parameter(text) for text in parameter or [])
    written = run_chapter(chapter, parameters, output=output)
    console.print(f"wrote {written}", soft_wrap=True, markup=False)


@app.command()
@plainly
def optimizers() -> None:
    """List the optimizers by name, with the step size to begin with and what each needs."""
    from nagcore.optim import OPTIMIZERS

    table = Table("name", "method", "class", "lr", "needs", box=None)
    for name, entry in OPTIMIZERS.items():
        batch = "all examples at each step" if entry.full_batch else ""
        needs = "; ".join(filter(None, (batch, entry.needs)))
        kind = f"{entry.build.__module__.partition('.')[0]} {entry.build.__name__}"
        table.add_row(name, entry.label, kind, f"{entry.lr:g}", escape(needs))
    console.print(table)


@app.command()
@plainly
def doctor() -> None:
    """Say what this machine has, and what each missing thing would enable."""
    from nagcore.doctor import diagnose

    console.print(f"nagcore {__version__}")
    table = Table("what", "found", "for", "to get it", box=None)
    for finding in diagnose(_root_or_none()):
        found = "[bold red]missing[/]" if finding.found is None else escape(finding.found)
        remedy = escape(finding.remedy) if finding.found is None else ""
        table.add_row(finding.what, found, escape(finding.enables), remedy)
    console.print(table)


def _root_or_none() -> Path | None:
    try:
        return find_root()
    except UsageError:
        return None


from nagcore.cli import publishing as publishing  # noqa: E402  its command
from nagcore.cli import quality as quality  # noqa: E402  its command
from nagcore.cli import recording as recording  # noqa: E402  its command
from nagcore.cli import training as training  # noqa: E402  its commands
from nagcore.cli import translating as translating  # noqa: E402  its commands
