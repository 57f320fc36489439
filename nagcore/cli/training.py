"""Commands round training: `nagcore train` and `nagcore data`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from nagcore.cli.app import app, console, plainly
from nagcore.training.config import TrainingConfig, config_from_file, field_types

data_app = typer.Typer(help="Find data, and make data sets of shards.", rich_markup_mode=None)
app.add_typer(data_app, name="data")


@data_app.callback(invoke_without_command=True)
@plainly
def data(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Option(help="Where to look for the full set.")] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Let torchvision fetch the full set if missing.")
    ] = False,
) -> None:
    """Say where Fashion-MNIST was found, how many images there are and that they are genuine."""
    if context.invoked_subcommand is not None:
        return
    from nagcore.fashion_mnist import describe, download_full, find_full

    if download and find_full(folder) is None:
        download_full(folder)
    console.print(describe(folder), soft_wrap=True, markup=False)


@data_app.command()
@plainly
def shard(
    source: Annotated[
        str,
        typer.Argument(
            help="fashion-mnist-1000, fashion-mnist, an .npz file, or a folder of images."
        ),
    ],
    folder: Annotated[str, typer.Argument(help="An empty folder, or an address such as s3://…")],
    rows: Annotated[
        int | None, typer.Option(help="Images to write; the source is repeated as needed.")
    ] = None,
    rows_per_shard: Annotated[int | None, typer.Option(help="Images in a file.")] = None,
    rows_per_block: Annotated[int | None, typer.Option(help="Images read at a time.")] = None,
) -> None:
    """Write a data set of Parquet shards, to train from data larger than memory."""
    from nagcore.training.stream import make_shards

    given = {"rows": rows, "rows_per_shard": rows_per_shard, "rows_per_block": rows_per_block}
    index = make_shards(source, folder, **{k: v for k, v in given.items() if v is not None})
    console.print(
        f"wrote {index.rows} images in {len(index.shards)} shards to {folder}",
        soft_wrap=True,
        markup=False,
    )


def _train(config: Path | None, resume: bool, **given: Any) -> None:
    """Train a network; options override the file.

    Under torchrun, several processes train one model. SIGTERM and Ctrl-C save a checkpoint where
    there is a folder, and end with the status of the signal.
    """
    from nagcore.chapters import parse_parameter
    from nagcore.training.processes import joined_processes
    from nagcore.training.report import describe_trained, exit_status
    from nagcore.training.train import train

    chosen = {name: value for name, value in given.items() if value is not None}
    if "options" in chosen:
        chosen["options"] = {
            name: _literal(value) for name, value in map(parse_parameter, chosen["options"])
        }
    start = config_from_file(config) if config is not None else TrainingConfig()
    made = start.changed(**chosen)
    with joined_processes(made.device) as processes:
        trained = train(made, resume=resume, processes=processes, progress=True)
        if processes.is_first:
            console.print(describe_trained(trained, made), soft_wrap=True, markup=False)
    status = exit_status(trained.history)
    if status:
        raise typer.Exit(status)


def _literal(text: str) -> Any:
    """Return the number or truth value that a text means, else the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each field of the configuration."""
    parameters = [
        _option("config", Path | None, None, "a TOML or JSON file with values"),
        _option("resume", bool, False, "go on from the newest checkpoint in the folder"),
    ]
    for each in fields(TrainingConfig):
        kinds = [kind for kind in field_types()[each.name] if kind is not type(None)]
        kind = list[str] if each.name == "options" else kinds[0]
        parameters.append(_option(each.name, kind | None, None, each.metadata["help"]))
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _option(name: str, kind: Any, default: Any, text: str) -> inspect.Parameter:
    # One value at a time: --options would promise several.
    word = "option" if name == "options" else name.replace("_", "-")
    both = default is None and bool in get_args(kind)
    flag = f"--{word}/--no-{word}" if both else f"--{word}"
    option = typer.Option(flag, help=text[0].upper() + text[1:] + ".")
    annotation = Annotated[kind, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


app.command("train")(_with_options(plainly(_train)))
