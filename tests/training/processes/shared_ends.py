"""Two processes end together: at the same step, for the same reason."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from shared_steps import CPU, alike, equal, trained
from torch import nn
from typer.testing import CliRunner

from nagcore.cli import app
from nagcore.errors import UsageError
from nagcore.training.callbacks import Callback
from nagcore.training.checkpoints import Checkpoints, list_checkpoints
from nagcore.training.config import TrainingConfig
from nagcore.training.history import History
from nagcore.training.models import make_cnn
from nagcore.training.processes import Processes, ToldByFirstError, own_device
from nagcore.training.run import Run
from nagcore.training.seeds import private_random_state
from nagcore.training.stopping import Epochs, Patience, Steps, Target, WallTime
from nagcore.training.train import train

FOREVER = Epochs(10_000)


class At(Callback):
    """Does something in one process, after the step of a number."""

    def __init__(self, rank: int, step: int, what: Callable[[Run], Any]) -> None:
        self.rank, self.step, self.what = rank, step, what

    def on_step(self, run: Run) -> None:
        if run.processes.rank == self.rank and run.step == self.step:
            self.what(run)


class AtReport(At):
    """The same, at the report of a step."""

    def on_report(self, run: Run) -> None:
        self.on_step(run)


def same_end(processes: Processes, history: History) -> History:
    """Check that all processes ended alike, and return how."""
    said = processes.gathered((history.final.step, history.status, history.message))
    assert said[0] == said[1], said
    return history


def by_time(processes: Processes, folder: Path) -> None:
    """A limit of time stops both at the same step, though their clocks differ."""
    slow = At(1, 3, lambda run: setattr(run.clock, "seconds", run.clock.seconds + 5.0))
    until = WallTime(5.0) | FOREVER
    history = same_end(processes, trained(processes, until=until, callbacks=[slow])[1])
    assert history.status == "budget"
    assert "5 s of training" in history.message


def by_signal(processes: Processes, folder: Path, *, rank: int, name: str) -> None:
    """A signal to one process stops both, after one checkpoint from which both go on."""
    number = signal.Signals[name]
    kill = At(rank, 4, lambda run: os.kill(os.getpid(), number))
    policy = Checkpoints(folder, every_epochs=100, resume=True)
    history = trained(processes, until=Steps(90), checkpoints=policy, callbacks=[kill])[1]
    same_end(processes, history)
    assert history.status == "signal"
    assert history.message.startswith(name)
    assert 4 <= history.final.step < 90
    assert len(list_checkpoints(folder)) == 1
    parameters, _ = trained(processes, until=Steps(90), checkpoints=policy)
    assert equal(parameters, trained(processes, until=Steps(90))[0])


def by_callback(processes: Processes, folder: Path) -> None:
    """A callback in one process stops both; at a report, at once."""
    ask = At(1, 4, lambda run: run.request_stop("enough"))
    history = same_end(processes, trained(processes, until=FOREVER, callbacks=[ask])[1])
    assert (history.status, history.message) == ("callback", "enough")
    ask = AtReport(1, 10, ask.what)
    ask.on_step = lambda run: None  # pyright: ignore
    ask.on_report = lambda run: At.on_step(ask, run)  # pyright: ignore
    history = same_end(processes, trained(processes, until=FOREVER, callbacks=[ask])[1])
    assert (history.status, history.final.step) == ("callback", 10)


def by_metric(processes: Processes, folder: Path) -> None:
    """Buffers differ between processes, and yet they stop by one number."""

    def normalised() -> nn.Module:
        with private_random_state(0):
            return nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 10))

    for until in (Target("eval_loss", at_most=0.5) | Epochs(30), Patience("eval_loss", 1)):
        history = trained(processes, until=until | FOREVER, model=normalised())[1]
        same_end(processes, history)
        said = processes.gathered([row.eval_loss for row in history.rows])
        assert said[0] == said[1]


def by_divergence(processes: Processes, folder: Path) -> None:
    """A loss that is not finite in one process ends both."""
    nan = At(1, 3, lambda run: next(run.model.parameters()).data.fill_(math.nan))
    history = same_end(processes, trained(processes, until=FOREVER, callbacks=[nan])[1])
    assert history.status == "diverged"


def agreed(processes: Processes, folder: Path) -> None:
    """An error in one process is an error in all, and they can go on talking."""
    with processes.agreed():
        pass
    raised: list[Exception] = []
    for rank, kind in ((0, UsageError), (1, UsageError), (1, ZeroDivisionError)):
        try:
            with processes.agreed():
                if processes.rank == rank:
                    raise kind("of 7")
        except Exception as error:
            raised.append(error)
    expected: list[Any] = [
        [(UsageError, "of 7"), (UsageError, "process 1 of 2 fails: of 7")] * 2,
        [(ToldByFirstError, "process 0 of 2 fails: of 7"),
         (ToldByFirstError, "process 1 of 2 fails: of 7"), (ZeroDivisionError, "of 7")],
    ]  # fmt: skip
    expected[0].pop()
    expected[0][2:] = [(UsageError, "process 1 of 2 fails: of 7")]
    assert [(type(e), str(e)) for e in raised] == expected[processes.rank]
    assert processes.gathered(processes.rank) == [0, 1]


def begun(processes: Processes, folder: Path) -> None:
    """Data that one process does not find end `train` in both, before they wait for each other."""
    data = "fashion-mnist-1000" if processes.is_first else str(folder / "nowhere")
    with pytest.raises(
        UsageError, match="nowhere" if processes.rank else "process 1 of 2.*nowhere"
    ):
        train(TrainingConfig(data=data), processes=processes)


def told_once(processes: Processes, folder: Path) -> None:
    """The command ends in all with the status of a user error, and the first one says why."""

    @contextmanager
    def joined(**options: float) -> Iterator[Processes]:
        assert options == {"timeout": 7.0}
        yield processes

    arguments = ["train", "--timeout", "7", "--optimizer", "nga" if processes.rank else "nag"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nagcore.training.processes.joined_processes", joined)
        said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 2
    found = "optimizer 'nga' is not known" in " ".join(said.output.split())
    assert found == processes.is_first, said.output


def written(processes: Processes, folder: Path) -> None:
    """`train` writes what one process writes, once, and the numbers agree."""
    config = TrainingConfig(model="mlp", width=5, lr=0.02, batch_size=90, until="epochs=2")
    found = train(config.changed(folder=str(folder / "two")), processes=processes)
    if processes.is_first:
        single = train(config.changed(folder=str(folder / "one")))
        names = [sorted(p.name for p in (folder / side).iterdir()) for side in ("one", "two")]
        assert names[0] == names[1]
        assert found.test is not None
        assert single.test is not None
        assert abs(found.test.loss - single.test.loss) < 1e-6
    processes.gathered(None)


def talk(processes: Processes, folder: Path) -> None:
    """Numbers, objects and seeds come where they should."""
    rank = processes.rank
    assert processes.largest((rank, -rank), CPU) == [1, 0]
    assert processes.mean(torch.tensor(float(rank))).item() == 0.5
    assert processes.from_first(f"from {rank}") == "from 0"
    assert processes.gathered(rank) == [0, 1]
    seeds = processes.gathered(processes.own_seed(5))
    assert seeds[0] == 5
    assert seeds[1] != 5
    assert seeds == processes.gathered(processes.own_seed(5))
    assert own_device("cpu") == CPU
    alike(processes, list(make_cnn(0, width=1).parameters()))


def timed_out(processes: Processes, folder: Path) -> None:
    """Who waits longer than the timeout, here a second, gives up."""
    if processes.rank == 1:
        time.sleep(3)
        return
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=r"(?i)timed? ?out"):
        processes.largest((1.0,), CPU)
    assert time.monotonic() - began < 2.5


ENDS: dict[str, Callable[[Processes, Path], None]] = {
    "talk": talk,
    "agreed": agreed,
    "time": by_time,
    **{
        f"{name} to process {rank}": partial(by_signal, rank=rank, name=name)
        for rank, name in ((0, "SIGTERM"), (1, "SIGTERM"), (1, "SIGINT"))
    },
    "callback": by_callback,
    "metric": by_metric,
    "divergence": by_divergence,
    "begun": begun,
    "told once": told_once,
    "written": written,
}
