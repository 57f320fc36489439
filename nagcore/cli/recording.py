"""`nagcore record`: measure experiments and write their records."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from nagcore.cli.app import app, console, errors, plainly
from nagcore.errors import UsageError
from nagcore.root import find_root


@app.command()
@plainly
def record(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Experiments; those without a record if left out."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to compute: cpu or cuda.")] = "cpu",
    stale: Annotated[
        bool,
        typer.Option("--stale", help="Also those made by earlier code or another declaration."),
    ] = False,
    tier: Annotated[
        int | None,
        typer.Option(help="1: those that pages need; 2: those of full size. Both if left out."),
    ] = None,
    within: Annotated[
        float | None, typer.Option(help="Minutes; then start nothing new and say what is left.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--list", help="Say how each record stands and measure nothing.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(help="Settings measured at a time, each with one thread.")
    ] = 1,
    on_ray: Annotated[
        bool,
        typer.Option("--on-ray", help="Measure on the Ray cluster that RAY_ADDRESS names."),
    ] = False,
    one_by_one: Annotated[
        bool, typer.Option("--one-by-one", help="Measure no settings together.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Measure again the settings that failed.")
    ] = False,
) -> None:
    """Measure experiments and write their records to results/EXPERIMENT/DEVICE.json.

    Stopped at any time, the same command goes on where it was.
    """
    from nagcore.evidence import record_status, select
    from nagcore.evidence.clock import Clock
    from nagcore.evidence.experiments import EXPERIMENTS
    from nagcore.evidence.runners import runner_for

    root = find_root()
    if show:
        _show_records(record_status(EXPERIMENTS, device, root))
        return
    options: dict[str, Any] = {"together": not one_by_one, "retry_failed": retry_failed}
    options |= {"clock": Clock(within), "runner": _ray_runner() if on_ray else runner_for(jobs)}
    chosen = select(
        EXPERIMENTS, names or [], device, root, stale=stale, failed=retry_failed, tier=tier
    )
    if not chosen:
        console.print(f"nothing to record on {device}: every record is there")
    failed, left = _record_all(chosen, device, root, options)
    if left:
        flags = {"device": device, "stale": stale, "tier": tier, "within": within}
        flags |= {"jobs": jobs if jobs > 1 else None, "on-ray": on_ray}
        flags |= {"one-by-one": one_by_one, "retry-failed": retry_failed}
        _say_left(left, left if names else [], flags)
    if failed:
        raise typer.Exit(2)


def _record_all(
    chosen: Sequence[Any], device: str, root: Path, options: dict[str, Any]
) -> tuple[int, list[str]]:
    """Record one after the other; return how many could not be, and what is left to do."""
    from nagcore.evidence import record_experiment
    from nagcore.evidence.recording import UnfinishedError

    failed, left = 0, []
    for experiment in chosen:
        name = experiment.declaration.name
        if options["clock"].over():
            left.append(name)
            continue
        try:
            with _stopped_by_sigterm():
                made = record_experiment(experiment, device, root=root, **options)
        except UsageError as error:
            # What one experiment lacks, such as data that are not here, is no reason to leave out
            # the others.
            errors.print(f"[bold red]error:[/] {name}: {escape(str(error))}", soft_wrap=True)
            failed += 1
        except UnfinishedError as unfinished:
            console.print(str(unfinished), soft_wrap=True, markup=False)
            left.append(name)
        else:
            console.print(f"{name}: {made.note()}", soft_wrap=True, markup=False)
    return failed, left


def _ray_runner() -> Any:
    from nagcore.evidence.on_ray import on_ray

    return on_ray


@contextlib.contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that worker processes are ended with it."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say_left(left: Sequence[str], names: Sequence[str], flags: Mapping[str, Any]) -> None:
    """Print what is left, and the command that goes on."""
    console.print(f"left to record: {', '.join(left)}", soft_wrap=True, markup=False)
    # On a bare image there is no script of that name.
    bare = Path(sys.argv[0]).name == "__main__.py"
    words = ["python3 -m nagcore.cli" if bare else "nagcore", "record", *names]
    for name, value in flags.items():
        if value is True:
            words.append(f"--{name}")
        elif value not in (None, False):
            words.append(f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {value}")
    console.print(f"go on with: {' '.join(words)}", soft_wrap=True, markup=False)


def _show_records(statuses: list[Any]) -> None:
    table = Table("experiment", "device", "record", "why", box=None)
    for status in statuses:
        table.add_row(status.name, status.device, status.state, status.reason)
    console.print(table)
