"""The application of the command line, and how its commands end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from nagcore.errors import UsageError

app = typer.Typer(
    name="nagcore",
    help="Nesterov's accelerated gradient: build the book, run its chapters, make its records.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def plainly(run: Callable[..., Any]) -> Callable[..., Any]:
    """Let user errors end in one message and exit status 2."""

    @functools.wraps(run)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return run(*args, **kwargs)
        except UsageError as error:
            errors.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            errors.print("stopped")
            raise typer.Exit(130) from None

    return guarded
