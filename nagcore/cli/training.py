"""Commands round training: `nagcore train` and `nagcore data`."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable, Mapping
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

    sizes = {"rows": rows, "rows_per_shard": rows_per_shard, "rows_per_block": rows_per_block}
    given: dict[str, Any] = {name: size for name, size in sizes.items() if size is not None}
    index = make_shards(source, folder, **given)
    console.print(
        f"wrote {index.rows} images in {len(index.shards)} shards to {folder}",
        soft_wrap=True,
        markup=False,
    )


@data_app.command()
@plainly
def speech(
    recordings: Annotated[
        Path | None, typer.Option(help="A folder of recordings named DIGIT_NAME_NUMBER.wav.")
    ] = None,
    to: Annotated[Path, typer.Option(help="Where to write.")] = Path("data") / "speech.npz",
    takes: Annotated[int, typer.Option(help="How often each voice says each digit.")] = 6,
    seed: Annotated[int, typer.Option(help="Of accent, rate and pitch of each take.")] = 1,
) -> None:
    """Write spectrograms of spoken digits, synthesised by espeak-ng or from recordings."""
    from nagcore.training.speech import read_recordings, save_features, synthesise

    digits = read_recordings(recordings) if recordings else synthesise(takes, seed=seed)
    save_features(digits, to)
    speakers = len(set(digits.speakers.tolist()))
    text = f"wrote {len(digits)} digits of {speakers} voices to {to} (SHA-256 {digits.sha256})"
    console.print(text, soft_wrap=True, markup=False)


def _train(config: Path | None, resume: bool, timeout: float, **given: Any) -> None:
    """Train a network; options override the file.

    Under torchrun, several processes train one model; the first one speaks for all. SIGTERM and
    Ctrl-C save a checkpoint where there is a folder, and end with the status of the signal.
    """
    from nagcore.training.processes import ToldByFirstError, joined_processes
    from nagcore.training.report import describe_trained, exit_status
    from nagcore.training.train import train

    with joined_processes(timeout=timeout) as processes, warnings.catch_warnings():
        if not processes.is_first:
            warnings.simplefilter("ignore")
        try:
            with processes.agreed():
                made = _configuration(config, given)
            trained = train(made, resume=resume, processes=processes, progress=True)
        except ToldByFirstError:
            raise typer.Exit(2) from None
        if processes.is_first:
            console.print(describe_trained(trained, made), soft_wrap=True, markup=False)
    status = exit_status(trained.history)
    if status:
        raise typer.Exit(status)


def _configuration(config: Path | None, given: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration in a file, if one is named, with what was given beside it."""
    from nagcore.chapters import parse_parameter

    chosen = {name: value for name, value in given.items() if value is not None}
    if "options" in chosen:
        chosen["options"] = {
            name: _literal(value) for name, value in map(parse_parameter, chosen["options"])
        }
    start = config_from_file(config) if config is not None else TrainingConfig()
    return start.changed(**chosen)


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
        _option("timeout", float, 600.0, "seconds that processes wait for each other"),
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
