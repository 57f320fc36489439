"""`nagcore quality`: measure the built site and show what it is like, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from nagcore.cli.app import app, console, plainly
from nagcore.errors import UsageError
from nagcore.root import find_root

if TYPE_CHECKING:
    from nagcore.book.quality import PageQuality

COLUMNS = (
    "page",
    "access",
    "practice",
    "search",
    "desktop",
    "phone",
    "barriers",
    "outside",
    "invalid",
    "KB",
)
LOG_WIDTH = 120  # where there is no terminal, whose width would count


@app.command()
@plainly
def quality(
    full: Annotated[
        bool, typer.Option("--full", help="Judge and time every page; half an hour.")
    ] = False,
    links: Annotated[
        bool, typer.Option("--links", help="Ask every address outside instead; needs a network.")
    ] = False,
) -> None:
    """Measure every page of the built site in headless Chromium and show the table.

    It counts what `nagcore test --site` saw in the browser, where that was run after the build.
    """
    if links:
        _check_links()
        return
    from nagcore.book.quality import measure, shortfalls

    root = find_root()
    found = measure(root, _find_chromium(), full=full, watch=_watch)
    _write(root, found)
    _show(found)
    short = {page.page: shortfalls(page, strict=full) for page in found}
    for page in found:
        if short[page.page]:
            console.print(f"{page.page}: {', '.join(short[page.page])}", markup=False)
            for fault in dict.fromkeys(page.faults):
                console.print(f"    {fault}", markup=False, soft_wrap=True)
    if any(short.values()):
        raise typer.Exit(1)


def _find_chromium() -> Path:
    from nagcore.doctor import find_browser

    program = find_browser()
    if program is None:
        raise UsageError(
            "Chromium was not found; the pages are measured in it. Install it with: "
            "apt-get install chromium, or name it in NAGCORE_CHROMIUM"
        )
    return program


def _watch(results: Iterable[dict[str, Any]], total: int) -> Iterable[dict[str, Any]]:
    return track(results, "asking Lighthouse", total=total, console=console)


def _check_links() -> None:
    from nagcore.book.links import find_broken_links

    broken = find_broken_links(find_root())
    for link in broken:
        console.print(link, markup=False, soft_wrap=True)
    if broken:
        raise typer.Exit(1)
    console.print("every address outside answers")


def rows_of(found: Sequence[PageQuality]) -> list[list[str]]:
    """Return the table's rows, an empty text where nothing was measured."""
    return [
        [
            page.page,
            *(_text(page.rules.get(name)) for name in ("accessibility", "best-practices", "seo")),
            *map(_text, (page.desktop, page.mobile_median, page.barriers)),
            *map(_text, (page.outside, page.invalid)),
            _text(page.weight and round(page.weight / 1000)),
        ]
        for page in found
    ]


def _text(value: float | None) -> str:
    return "" if value is None else str(value)


def _show(found: Sequence[PageQuality]) -> None:
    # In a narrow terminal a name goes on in the next line; cut, pages would look alike.
    table = Table(Column(COLUMNS[0], overflow="fold"), box=None)
    for name in COLUMNS[1:]:
        table.add_column(name, justify="right")
    for row in rows_of(found):
        table.add_row(*row)
    (console if console.is_terminal else Console(width=LOG_WIDTH)).print(table)


def _write(root: Path, found: Sequence[PageQuality]) -> None:
    """Leave the table as Markdown, for those who show it, and all that was found as JSON."""
    from nagcore.files import write_whole

    folder = root / "_build" / "quality"
    lines = [COLUMNS, ["---"] + ["---:"] * (len(COLUMNS) - 1), *rows_of(found)]
    write_whole(folder / "table.md", "".join(f"| {' | '.join(line)} |\n" for line in lines))
    write_whole(folder / "pages.json", json.dumps([asdict(page) for page in found], indent=1))
