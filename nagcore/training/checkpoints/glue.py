"""A run into a checkpoint, and a checkpoint into a run that goes on to the same bits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nagcore.errors import UsageError
from nagcore.training.checkpoints.configuration import described, differences, versions
from nagcore.training.checkpoints.error import CheckpointError
from nagcore.training.checkpoints.gather import gather, gather_state, load_optimizer, scatter
from nagcore.training.checkpoints.policy import Checkpoints
from nagcore.training.checkpoints.pruning import prune
from nagcore.training.checkpoints.random_states import random_states, set_random_states
from nagcore.training.checkpoints.store import Checkpoint, read_checkpoint, write_checkpoint
from nagcore.training.history import METRICS

if TYPE_CHECKING:
    from nagcore.training.run import Run


def save(run: Run, checkpoints: Checkpoints, configuration: Mapping[str, Any]) -> Path | None:
    """Write a checkpoint of a run between two steps, and remove those that are needed no more.

    Saved are parameters and buffers, the states of optimizer, rate setter, loss scaler and
    callbacks, the numbers and rows of the run with its place in the data, and the random states.
    All processes have to call this together; the first one writes.

    Args:
        run: live, outside `at_iterate()`.
        checkpoints: where to write and what to keep.
        configuration: what must be the same when the run goes on, as JSON knows it.

    Returns:
        Where it lies; None in all processes but the first.

    Raises:
        UsageError: it cannot be written, in whichever process.
    """
    content = _collect(run, configuration)
    path, failure = None, None
    if run.processes.is_first:
        try:
            path = write_checkpoint(checkpoints.folder, run.step, **content)
            prune(path, keep_last=checkpoints.keep_last, keep_best=checkpoints.keep_best)
        except UsageError as error:
            failure = error
    # The others wait here, and hear of a failure instead of going on alone.
    failed = run.processes.largest((float(failure is not None),), run.device)[0]
    if failure is not None:
        raise failure
    if failed:
        raise UsageError("the first process cannot write a checkpoint; its message says why")
    return path


def restore(run: Run, path: Path | str, configuration: Mapping[str, Any]) -> Checkpoint:
    """Let a run that has not begun go on where a checkpoint was made.

    Args:
        run: with model, optimizer, rate setter and callbacks as they were made for the first
            start.
        path: of the checkpoint.
        configuration: of this run; entries named in `MAY_CHANGE` may differ from the saved ones.

    Returns:
        What was read, its versions in `about["versions"]`: with others the bits may differ.

    Raises:
        CheckpointError: it is damaged, or of another run; the message names what differs.
    """
    # First what may fail in one process alone, then what all do together.
    with run.processes.agreed():
        checkpoint = read_checkpoint(path)
        with _described(path):
            _require_same_run(run, checkpoint, configuration)
    state = checkpoint.state
    with _described(path):
        parts = _parts(run)
        load_optimizer(parts.pop("optimizer"), state["parts"]["optimizer"])
        scatter(run.model, checkpoint.resume or checkpoint.weights, state["model"])
        for name, part in parts.items():
            part.load_state_dict(state["parts"][name])
        run.load_state_dict(state["run"])
        set_random_states(state["random"], run.device, run.processes)
    return checkpoint


@contextmanager
def _described(path: Path | str) -> Iterator[None]:
    """Let an error in the block say which checkpoint it is that cannot be used."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} does not fit this run: {error}. Take the run up as it was begun, or begin it "
            "anew in another folder"
        ) from error


def _collect(run: Run, configuration: Mapping[str, Any]) -> dict[str, Any]:
    parts, model = _parts(run), gather(run)
    return {
        "weights": model.weights,
        "resume": model.resume,
        "state": {
            "run": run.state_dict(),
            "model": model.rest,
            "parts": {name: gather_state(part) for name, part in parts.items()},
            "random": random_states(run.device, run.processes),
        },
        "about": {
            "configuration": dict(configuration),
            "parts": _kinds(parts),
            "versions": versions(run.device),
            "metrics": _metrics(run),
        },
    }


def _parts(run: Run) -> dict[str, Any]:
    """Return what has a state of its own, by name."""
    parts = {"optimizer": run.optimizer, "rate": run.rate, "scaler": run.scaler}
    callbacks = [callback for callback in run.callbacks if hasattr(callback, "state_dict")]
    parts |= {f"callback {number}": callback for number, callback in enumerate(callbacks, 1)}
    return {name: part for name, part in parts.items() if part is not None}


def _kinds(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: described(part) for name, part in parts.items()}


def _metrics(run: Run) -> dict[str, float]:
    """Return what was measured at this very step."""
    if not run.rows or run.rows[-1].step != run.step:
        return {}
    values = {name: run.rows[-1].value(name) for name in (*METRICS, *run.rows[-1].metrics)}
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def _require_same_run(run: Run, checkpoint: Checkpoint, configuration: Mapping[str, Any]) -> None:
    about, place = checkpoint.about, checkpoint.state["run"]
    differing = [
        *differences(about["configuration"], configuration),
        *differences(about["parts"], _kinds(_parts(run))),
        *differences(
            {"steps of an epoch": place["steps_per_epoch"]},
            {"steps of an epoch": run.steps_per_epoch},
        ),
    ]
    if differing:
        raise UsageError(f"it was begun otherwise ({'; '.join(differing)})")
