"""A run goes on only from its own checkpoints; the message says what differs."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.training.callbacks import Callback
from nagcore.training.checkpoints import (
    CheckpointError,
    Checkpoints,
    best,
    latest,
    list_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from nagcore.training.data import ImageData
from nagcore.training.fit import fit
from nagcore.training.history import History
from nagcore.training.rates import RateSetter
from nagcore.training.seeds import private_random_state
from nagcore.training.stopping import Steps
from nagcore.training.switches import Switches

EPOCH = 3


class Counting(Callback):
    def __init__(self) -> None:
        self.count = 0

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


class EndedBySignal(Callback):
    def on_step(self, run: Any) -> None:
        if run.step == 4:
            os.kill(os.getpid(), signal.SIGTERM)


def make(*, hidden: int = 4) -> nn.Module:
    with private_random_state(0):
        return nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def go(
    data: ImageData,
    checkpoints: Checkpoints | None,
    steps: int = 6,
    *,
    model: nn.Module | None = None,
    optimizer: Any = None,
    **options: Any,
) -> tuple[History, Tensor]:
    model = model or make()
    optimizer = optimizer or NAG(model.parameters(), lr=0.05)
    given = {"batch_size": 20, "until": Steps(steps), "checkpoints": checkpoints}
    history = fit(model, nn.CrossEntropyLoss(), data, optimizer, **{**given, **options})
    return history, torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.fixture
def begun(train: ImageData, tmp_path: Path) -> Path:
    """The folder of a run of two epochs."""
    go(train, Checkpoints(tmp_path, about={"model": {"name": "small", "width": 4}}))
    return tmp_path


def on_from(path: Path, **about: Any) -> Checkpoints:
    given = {"model": {"name": "small", "width": 4}, **about}
    return Checkpoints(path, resume=True, about=given)


def test_what_may_change(train: ImageData, begun: Path):
    history, _ = go(train, on_from(begun, until="steps=9", folder="elsewhere"), 9)
    assert history.final.step == 9


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch_size": 21}, "batch_size: 20 in the checkpoint, 21 now"),
        ({"seed": 1}, "seed: 0 in the checkpoint, 1 now"),
        ({"switches": Switches(clip_norm=1.0)}, "clip_norm: null in the checkpoint, 1.0 now"),
        ({"rate": RateSetter()}, 'rate: nothing in the checkpoint, "RateSetter" now'),
        ({"callbacks": [Counting()]}, 'callback 1: nothing in the checkpoint, "Counting" now'),
    ],
)
def test_another_run_is_refused_by_what_differs(train, begun: Path, options, says: str):
    with pytest.raises(CheckpointError, match=f"step-00000006 does not fit this run: .*{says}"):
        go(train, on_from(begun), **options)


def test_other_data_models_and_optimizers_are_refused(train: ImageData, begun: Path):
    fewer = train.subset(list(range(59)))
    with pytest.raises(CheckpointError, match="examples: 60 in the checkpoint, 59 now"):
        go(fewer, on_from(begun))
    model = make()
    for optimizer, says in (
        (NAG(model.parameters(), lr=0.1), "optimizer.lr: 0.05 in the checkpoint, 0.1 now"),
        (torch.optim.SGD(model.parameters()), 'kind: "NAG" in the checkpoint, "SGD" now'),
    ):
        with pytest.raises(CheckpointError, match=says):
            go(train, on_from(begun), model=model, optimizer=optimizer)
    wider = make(hidden=5)
    with pytest.raises(CheckpointError, match="does not fit this run"):
        go(train, on_from(begun), model=wider)
    assert torch.equal(wider[1].weight, make(hidden=5)[1].weight)  # pyright: ignore
    with pytest.raises(
        CheckpointError, match=r'model\.name: "small" in the checkpoint, "large" now'
    ):
        go(train, on_from(begun, model={"name": "large", "width": 4}))


def test_a_state_without_what_a_run_needs_is_refused(train: ImageData, tmp_path: Path):
    weights = make().state_dict()
    write_checkpoint(tmp_path, 3, weights=weights, state={"run": 1}, about={"parts": {}})
    with pytest.raises(CheckpointError, match="step-00000003 does not fit this run"):
        go(train, Checkpoints(tmp_path, resume=True))


def test_a_folder_with_checkpoints_is_not_begun_anew_by_mistake(train: ImageData, begun: Path):
    model = make()
    with pytest.raises(UsageError, match="the latest step-00000006; go on from it with resume=T"):
        go(train, Checkpoints(begun), model=model)
    assert torch.equal(model[1].weight, make()[1].weight)  # pyright: ignore


def test_resume_begins_anew_where_there_is_nothing(train: ImageData, tmp_path: Path):
    (tmp_path / "step-x").mkdir()
    history, found = go(train, Checkpoints(tmp_path / "new", resume=True))
    _, expected = go(train, None)
    assert history.rows[0].step == 0
    assert torch.equal(found, expected)


def test_a_folder_that_cannot_be_written_is_refused_before_training(train: ImageData):
    model = make()
    with pytest.raises(UsageError, match="cannot write"):
        go(train, Checkpoints("/proc/nowhere"), model=model)
    assert torch.equal(model[1].weight, make()[1].weight)  # pyright: ignore


def test_a_damaged_one_is_refused_and_the_one_before_comes_to_the_same(
    train: ImageData, tmp_path: Path
):
    policy = Checkpoints(tmp_path, every_steps=2, every_epochs=None, resume=True)
    go(train, policy, 8)
    damaged, before = latest(tmp_path), list_checkpoints(tmp_path)[-2]
    assert damaged is not None
    state = bytearray((damaged / "state.pt").read_bytes())
    state[len(state) // 2] ^= 4
    (damaged / "state.pt").write_bytes(state)
    with pytest.raises(CheckpointError, match=f"Remove it to go on from .*{before}, which is wh"):
        go(train, policy, 8)
    shutil.rmtree(damaged)
    assert torch.equal(go(train, policy, 8)[1], go(train, None, 8)[1])


def test_a_signal_saves_the_run(train: ImageData, tmp_path: Path):
    policy = Checkpoints(tmp_path, resume=True)
    history, _ = go(train, policy, 8, callbacks=[EndedBySignal()])
    assert history.status == "signal"
    saved = latest(tmp_path)
    assert saved is not None
    assert read_checkpoint(saved).step == 4
    history, found = go(train, policy, 8)
    assert history.status == "budget"
    assert torch.equal(found, go(train, None, 8)[1])


def test_saved_by_time_by_steps_and_at_the_end(train: ImageData, tmp_path: Path):
    def steps(folder: str, count: int, **policy: Any) -> list[int]:
        checkpoints = Checkpoints(tmp_path / folder, keep_last=99, **policy)
        go(train, checkpoints, count)
        return [read_checkpoint(path).step for path in list_checkpoints(tmp_path / folder)]

    assert steps("epochs", 7) == [3, 6, 7]
    assert steps("steps", 7, every_steps=2, every_epochs=2) == [2, 4, 6, 7]
    assert steps("time", 4, every_seconds=1e-9, every_epochs=None) == [1, 2, 3, 4]
    assert steps("long", 4, every_seconds=1e9, every_epochs=None) == [4]


def test_the_best_one_survives_that_the_run_is_taken_up_again(train: ImageData, tmp_path: Path):
    class Wave:
        """A metric that is best at the third report."""

        values = iter([0.0, 0.1, 0.2, 0.9, 0.3, 0.1, 0.2, 0.4, 0.5])

        def __call__(self, scores: Tensor, labels: Tensor) -> float:
            return next(self.values)

    wave = Wave()
    policy = Checkpoints(tmp_path, keep_last=1, keep_best="wave_accuracy", resume=True)
    for steps in (3 * EPOCH, 5 * EPOCH, 8 * EPOCH):
        go(train, policy, steps, metrics={"wave_accuracy": wave}, evaluate_on=train)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000009", "step-00000024"]
    assert best(tmp_path, "wave_accuracy") == tmp_path / "step-00000009"


def test_metrics_and_versions_are_told(begun: Path):
    path = latest(begun)
    assert path is not None
    about = read_checkpoint(path).about
    assert about["versions"]["torch"] == torch.__version__
    assert about["configuration"]["batch_size"] == 20
    assert 0 < about["metrics"]["train_loss"] < 5
