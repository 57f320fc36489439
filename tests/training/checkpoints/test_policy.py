"""When to save and what to keep."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nagcore.errors import UsageError
from nagcore.training.checkpoints import Checkpoints, best, list_checkpoints, write_checkpoint
from nagcore.training.checkpoints.configuration import differences
from nagcore.training.checkpoints.pruning import prune


def write(folder: Path, step: int, **metrics: float) -> Path:
    return write_checkpoint(folder, step, weights={}, state={}, about={"metrics": metrics})


def steps(folder: Path) -> list[str]:
    return [path.name.removeprefix("step-").lstrip("0") for path in list_checkpoints(folder)]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"folder": ""}, "folder=''"),
        ({"folder": 3}, "folder=3"),
        ({"folder": __file__}, "is a file; expected a folder"),
        ({"every_steps": 0}, "every_steps=0"),
        ({"every_steps": 2.0}, r"every_steps=2\.0"),
        ({"every_epochs": -1}, "every_epochs=-1"),
        ({"every_seconds": 0.0}, r"every_seconds=0\.0"),
        ({"every_seconds": float("nan")}, "every_seconds=nan"),
        ({"every_epochs": None}, "nothing says when to save; give every_steps"),
        ({"keep_last": 0}, "keep_last=0"),
        ({"keep_best": "eval loss"}, "keep_best='eval loss'"),
        ({"keep_best": True}, "keep_best=True"),
        ({"resume": "yes"}, "resume='yes'"),
        ({"about": {"a": object()}}, "cannot be written as JSON"),
    ],
)
def test_values_that_cannot_be_used_are_named(values, says):
    with pytest.raises(UsageError, match=says):
        Checkpoints(**{"folder": "runs", **values})


def due(checkpoints: Checkpoints, *, per_epoch: int, count: int) -> list[int]:
    return [
        step
        for step in range(1, count + 1)
        if checkpoints.is_due(
            step=step, epoch=step // per_epoch, batch=step % per_epoch, seconds=0.0
        )
    ]


def test_a_run_is_saved_when_any_of_the_three_says_so():
    assert due(Checkpoints("a"), per_epoch=4, count=9) == [4, 8]
    assert due(Checkpoints("a", every_epochs=2), per_epoch=4, count=17) == [8, 16]
    assert due(Checkpoints("a", every_steps=3), per_epoch=4, count=9) == [3, 4, 6, 8, 9]
    only_steps = Checkpoints("a", every_steps=3, every_epochs=None)
    assert due(only_steps, per_epoch=4, count=9) == [3, 6, 9]
    by_time = Checkpoints("a", every_seconds=5.0, every_epochs=None)
    assert not by_time.is_due(step=4, epoch=1, batch=0, seconds=4.9)
    assert by_time.is_due(step=5, epoch=1, batch=1, seconds=5.0)


def test_the_last_ones_are_kept(tmp_path: Path):
    for step in range(1, 6):
        removed = prune(write(tmp_path, step), keep_last=2)
        assert len(removed) == (step > 2)
    assert steps(tmp_path) == ["4", "5"]


@pytest.mark.parametrize(
    ("metric", "at_best"), [("eval_loss", "2"), ("eval_accuracy", "1"), ("top3_accuracy", "4")]
)
def test_the_best_one_is_kept(tmp_path: Path, metric: str, at_best: str):
    rows = {
        1: {"eval_loss": 0.5, "eval_accuracy": 0.9},
        2: {"eval_loss": 0.1, "eval_accuracy": 0.9},
        3: {},  # saved between two reports
        4: {"eval_loss": 0.1, "eval_accuracy": 0.8, "top3_accuracy": 0.7},
        5: {"eval_loss": 0.2, "eval_accuracy": 0.1},
        6: {"eval_loss": 0.3, "eval_accuracy": 0.2},
        7: {},
    }
    for step, metrics in rows.items():
        prune(write(tmp_path, step, **metrics), keep_last=2, keep_best=metric)
    assert steps(tmp_path) == [at_best, "6", "7"]
    found = best(tmp_path, metric)
    assert found is not None
    assert found.name.endswith(at_best)


@pytest.mark.parametrize("seed", range(20))
def test_never_the_best_nor_the_last_ones_go(tmp_path: Path, seed: int):
    draw = random.Random(seed)
    keep_last, losses = draw.randrange(1, 4), {}
    for step in range(1, 12):
        losses[step] = draw.choice([0.1, 0.2, 0.3, draw.random()])
        prune(write(tmp_path, step, loss=losses[step]), keep_last=keep_last, keep_best="loss")
        first_best = min(losses, key=lambda s: losses[s])
        expected = {first_best, *range(max(1, step - keep_last + 1), step + 1)}
        assert {int(name) for name in steps(tmp_path)} == expected


def test_a_metric_that_nobody_measured_keeps_none_for_its_sake(tmp_path: Path):
    for step in range(1, 5):
        prune(write(tmp_path, step, eval_loss=0.1), keep_last=1, keep_best="eval_acuracy")
    assert steps(tmp_path) == ["4"]
    assert best(tmp_path, "eval_acuracy") is None
    assert best(tmp_path / "none", "eval_loss") is None


def test_a_course_that_was_left_goes(tmp_path: Path):
    for step in (10, 20, 30):
        write(tmp_path, step, eval_loss=0.1 * step)
    again = write(tmp_path, 20)  # taken up at 10 once more
    assert again.name == "step-00000020-2"
    prune(again, keep_last=5, keep_best="eval_loss")
    assert steps(tmp_path) == ["10", "20-2"]


def test_folders_of_others_stay(tmp_path: Path):
    foreign = tmp_path / "step-00000001"
    foreign.mkdir()
    (foreign / "precious").write_text("data")
    (tmp_path / "best").mkdir()
    for step in (2, 3):
        prune(write(tmp_path, step), keep_last=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best",
        foreign.name,
        "step-00000003",
    ]


def test_a_damaged_one_is_not_the_best(tmp_path: Path):
    damaged = write(tmp_path, 1, eval_loss=0.0)
    (damaged / "manifest.json").write_bytes(b"{}")
    write(tmp_path, 2, eval_loss=0.5)
    assert best(tmp_path, "eval_loss") == tmp_path / "step-00000002"


def test_configurations_are_compared_entry_by_entry():
    saved = {
        "lr": 0.1,
        "data": {"name": "a", "root": "/here"},
        "sizes": (1, 2),
        "until": "epochs=1",
    }
    same = {
        "until": "epochs=9",
        "sizes": [1, 2],
        "data": {"root": "/there", "name": "a"},
        "lr": 0.1,
    }
    assert differences(saved, same) == []
    other = {"lr": 0.2, "data": {"name": "b"}, "sizes": [1, 2, 3], "seed": 3}
    assert differences(saved, other) == [
        "lr: 0.1 in the checkpoint, 0.2 now",
        'data.name: "a" in the checkpoint, "b" now',
        "sizes: [1, 2] in the checkpoint, [1, 2, 3] now",
        "seed: nothing in the checkpoint, 3 now",
    ]
    assert differences({"x": float("nan")}, {"x": float("nan")}) == []
    assert differences({"x": 1}, {"x": 1.0}) != []
    assert differences({"x": {}}, {"x": 1}) == ["x: nothing in the checkpoint, 1 now"]
