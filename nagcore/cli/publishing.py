"""The command that puts the built site among those of other versions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nagcore.cli.app import app, console, plainly
from nagcore.root import find_root


@app.command()
@plainly
def publish(
    name: Annotated[str, typer.Argument(help="latest, a version as v0.2.0, or preview-12.")],
    into: Annotated[Path, typer.Option(help="The folder that holds all versions.")],
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Remove that version or preview instead.")
    ] = False,
) -> None:
    """Put the built site into the folder of all versions, beside the others."""
    from nagcore.book import publishing, site_folder

    if withdraw:
        publishing.withdraw(into, name)
        console.print(f"removed {name} from {into}")
    else:
        place = publishing.publish(site_folder(find_root()), into, name)
        console.print(f"the site stands in {place}")
