"""Commands for those who translate the book."""

from __future__ import annotations

import typer
from rich.table import Table

from nagcore.cli.app import app, console, plainly
from nagcore.root import find_root

translate = typer.Typer(
    name="translate",
    help="Keep the Chinese edition in step with the English pages.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(translate)


@translate.command()
@plainly
def update() -> None:
    """Bring the catalogs up to the pages as last built; what changed is marked as fuzzy."""
    from nagcore.book.translation import merge, read_templates

    root = find_root()
    table = Table("page", "untranslated", "changed", "dropped", box=None)
    for page in merge(root, read_templates(root)):
        if page.untranslated or page.fuzzy or page.dropped:
            table.add_row(page.page, *map(str, page[1:]))
    console.print(table)


@translate.command()
@plainly
def check() -> None:
    """Say what is untranslated, out of date, or lost a reference, a formula or an agreed term."""
    from nagcore.book.translation import (
        find_changed,
        find_unsound,
        find_untranslated,
        read_templates,
    )

    root = find_root()
    complaints = [
        *find_changed(root, read_templates(root)),
        *find_untranslated(root),
        *find_unsound(root),
    ]
    for complaint in complaints:
        console.print(complaint, soft_wrap=True, markup=False)
    if complaints:
        raise typer.Exit(1)
