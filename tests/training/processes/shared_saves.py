"""Checkpoints of two processes: one writes them, and one, two or sharded ones go on from them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from shared_steps import WAYS, alike, close, equal, noting, trained
from torch import nn

from nagcore.errors import UsageError
from nagcore.training.checkpoints import CheckpointError, Checkpoints, list_checkpoints
from nagcore.training.processes import Processes
from nagcore.training.seeds import private_random_state
from nagcore.training.stopping import Steps

ALONE = "alone"
# Seven of fifteen steps: in the middle of the second epoch.
HALF, ALL = Steps(7), Steps(15)


def part(processes: Processes, folder: Path, way: str, **options: Any) -> list[torch.Tensor]:
    """Train with checkpoints, going on from those that are there, in one process or in both."""
    if way == ALONE:
        # By the first process alone; the other waits, and reads what it wrote.
        if processes.is_first:
            train(Processes(), folder, ALONE, **options)
        processes.gathered(None)
        return train(Processes(), copied(folder, processes), ALONE, **options)
    return train(processes, folder, way, **options)


def copied(folder: Path, processes: Processes) -> Path:
    """Return a copy for this process alone, so that no two write into one folder."""
    own = folder.with_name(f"{folder.name} of {processes.rank}")
    shutil.rmtree(own, ignore_errors=True)
    return Path(shutil.copytree(folder, own))


def train(processes: Processes, folder: Path, way: str, **options: Any) -> list[torch.Tensor]:
    policy = Checkpoints(folder, every_epochs=1, resume=True)
    return trained(processes, way, checkpoints=policy, **options)[0]


def taken_up(
    processes: Processes, folder: Path, *, first: str, then: str, optimizer: str = "NAG"
) -> None:
    """A run goes on in another number of processes, or in another way, as if alone."""
    part(processes, folder / "run", first, until=HALF, optimizer=optimizer)
    parameters = part(processes, folder / "run", then, until=ALL, optimizer=optimizer)
    close(parameters, trained(Processes(), until=ALL, optimizer=optimizer)[0])


def to_the_bit(processes: Processes, folder: Path, *, way: str, optimizer: str) -> None:
    """In the same number of processes it goes on to the same bits, dropout included."""

    def dropping() -> nn.Module:
        with private_random_state(0):
            return nn.Sequential(
                nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 7), nn.ReLU(), nn.Dropout(0.4),
                nn.Linear(7, 10),
            )  # fmt: skip

    train(processes, folder / "run", way, until=HALF, optimizer=optimizer, model=dropping())
    parameters = train(
        processes, folder / "run", way, until=ALL, optimizer=optimizer, model=dropping()
    )
    straight, _ = trained(processes, way, until=ALL, optimizer=optimizer, model=dropping())
    assert equal(parameters, straight)
    alike(processes, parameters)


def one_more(processes: Processes, folder: Path) -> None:
    """A process for which no random numbers were saved draws its own, the same each time."""
    part(processes, folder / "run", ALONE, until=HALF, model=noting()[0])
    drawn: list[Any] = []
    for copy in "ab":
        shared = processes.from_first(copied(folder / "run", processes))
        own = shared.with_name(copy)
        if processes.is_first:
            shared.rename(own)
        processes.gathered(None)
        model, seen = noting()
        train(processes, own, "ddp", until=ALL, model=model)
        drawn.append(seen)
    assert drawn[0] == drawn[1]
    one, two = processes.gathered(drawn[0])
    assert all(a != b for a, b in zip(one, two, strict=True))


def written_by_one(processes: Processes, folder: Path) -> None:
    """The first process alone writes: the other one is shown another folder, and it stays empty."""
    own = folder / str(processes.rank)
    own.mkdir(exist_ok=True)
    trained(processes, checkpoints=Checkpoints(own), until=HALF)
    assert bool(list_checkpoints(own)) == processes.is_first
    # now they see different things
    with pytest.raises(UsageError, match="the processes see different checkpoints"):
        trained(processes, checkpoints=Checkpoints(own, resume=True), until=ALL)


def refused_in_all(processes: Processes, folder: Path) -> None:
    """What one process alone cannot write or read ends the other too, with the reason."""
    (folder / "file").touch()
    blocked = folder / "file" / "run"  # in a file, there can be no folder
    expect(processes, UsageError, "cannot write", Checkpoints(blocked))
    trained(processes, checkpoints=Checkpoints(folder / "run"), until=HALF)
    expect(processes, UsageError, "go on from it with resume=True", Checkpoints(folder / "run"))
    own = copied(folder / "run", processes)
    if processes.rank == 1:
        for file in list_checkpoints(own)[-1].iterdir():
            file.write_bytes(b"")
    expect(
        processes, (UsageError, CheckpointError), "process 1 of 2", Checkpoints(own, resume=True)
    )


def expect(processes: Processes, kind: Any, text: str, checkpoints: Checkpoints) -> None:
    with pytest.raises(kind) as raised:
        trained(processes, checkpoints=checkpoints, until=ALL)
    assert text in str(raised.value) or processes.rank


# One with tensors in its groups, one with numbers for each parameter.
_REMEMBERING = ("NAG, restart by function", "NAdam")
_TAKEN_UP = [(ALONE, "ddp"), ("ddp", ALONE), (ALONE, "fsdp"), ("fsdp", ALONE), ("fsdp", "ddp")]
SAVES: dict[str, Callable[[Processes, Path], None]] = {
    **{
        f"{first}, then {then}": partial(taken_up, first=first, then=then)
        for first, then in _TAKEN_UP
    },
    **{
        f"fsdp, then alone: {name}": partial(taken_up, first="fsdp", then=ALONE, optimizer=name)
        for name in _REMEMBERING
    },
    **{
        f"alone, then fsdp: {name}": partial(taken_up, first=ALONE, then="fsdp", optimizer=name)
        for name in _REMEMBERING
    },
    **{
        f"to the bit, {way}: {name}": partial(to_the_bit, way=way, optimizer=name)
        for way in WAYS
        for name in _REMEMBERING
    },
    "one more": one_more,
    "written by one": written_by_one,
    "refused in all": refused_in_all,
}
