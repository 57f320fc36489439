"""A run from its configuration, in Python and from the command line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from nagcore.cli import app
from nagcore.errors import UsageError
from nagcore.training.augment import Augmented
from nagcore.training.config import TrainingConfig
from nagcore.training.history import History
from nagcore.training.report import exit_status
from nagcore.training.stream import make_shards, write_shards
from nagcore.training.train import load_parts, train

QUICK = {"model": "softmax", "lr": 0.01, "until": "epochs=2"}


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_validation_is_held_out_and_the_test_set_looked_at_once():
    trained = train(TrainingConfig(**QUICK))
    assert trained.history.final.examples == 2 * 900
    assert trained.test is not None
    assert len(trained.test.scores) == 1000
    assert trained.history.final.eval_accuracy != trained.test.accuracy


def test_a_folder_holds_all_of_the_run(tmp_path):
    config = TrainingConfig(**QUICK, folder=str(tmp_path / "run"), warm_up=3)
    trained = train(config)
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert written >= {"config.json", "history.csv", "rates.csv", "step-00000030"}
    assert json.loads((tmp_path / "run" / "config.json").read_text())["warm_up"] == 3
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history["train_loss"].tolist() == trained.history.frame()["train_loss"].tolist()


def test_a_run_that_goes_on_ends_like_one_that_was_not_stopped(tmp_path):
    whole = train(TrainingConfig(**QUICK, augment="crop(2)+flip(0.5)"))
    folder = str(tmp_path / "run")
    options = {**QUICK, "augment": "crop(2)+flip(0.5)", "folder": folder}
    cut = train(TrainingConfig(**{**options, "until": "steps=20"}))
    assert cut.history.final.step == 20
    on = train(TrainingConfig(**options), resume=True)
    assert torch.equal(weights(on.model), weights(whole.model))
    frame, other = (t.history.frame().drop(columns="seconds") for t in (on, whole))
    pd.testing.assert_frame_equal(frame, other)


def test_another_configuration_does_not_go_on(tmp_path):
    options = {**QUICK, "folder": str(tmp_path / "run")}
    train(TrainingConfig(**options))
    with pytest.raises(UsageError, match="lr"):
        train(TrainingConfig(**{**options, "lr": 0.02}), resume=True)


def test_resume_needs_a_folder():
    with pytest.raises(UsageError, match="give folder"):
        train(TrainingConfig(**QUICK), resume=True)


def test_full_batch_methods_get_the_full_batch():
    trained = train(TrainingConfig(model="softmax", optimizer="lbfgs", until="steps=3"))
    assert trained.history.final.examples == 3 * 900


def test_initialisation_loss_and_options_arrive():
    config = TrainingConfig(
        **QUICK, loss="mse-one-hot", initialisation="zeros", options={"momentum": 0.5}
    )
    trained = train(config)
    assert trained.history.rows[0].train_loss == pytest.approx(0.1)
    assert trained.optimizer.param_groups[0]["momentum"] == 0.5


def test_training_from_shards(tmp_path):
    make_shards("fashion-mnist-1000", str(tmp_path / "shards"), rows=600, rows_per_block=100)
    config = TrainingConfig(
        **QUICK,
        data=str(tmp_path / "shards"),
        validation=str(tmp_path / "shards"),
        augment="flip(0.5)",
    )
    assert isinstance(load_parts(config, torch.device("cpu")).train, Augmented)
    trained = train(config)
    assert trained.history.final.examples == 1200
    assert trained.history.final.eval_accuracy > 0.5
    assert trained.test is None


def test_unknown_devices_are_named():
    with pytest.raises(UsageError, match="device='gpu' is not known"):
        train(TrainingConfig(device="gpu"))
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="use device='cpu'"):
            train(TrainingConfig(device="cuda"))


@pytest.fixture
def cli():
    return lambda *words: CliRunner().invoke(app, ["train", *map(str, words)])


def test_from_the_command_line_options_override_the_file(cli, tmp_path):
    (tmp_path / "run.toml").write_text('model = "softmax"\nlr = 0.5\nuntil = "epochs=1"\n')
    folder = tmp_path / "out"
    done = cli(
        *("--config", tmp_path / "run.toml", "--lr", 0.01, "--option", "momentum=0.5"),
        *("--no-channels-last", "--folder", folder),
    )
    assert done.exit_code == 0, done.output
    assert "budget: 1 epochs done" in done.output
    assert "test loss" in done.output
    config = json.loads((folder / "config.json").read_text())
    assert (config["lr"], config["options"]) == (0.01, {"momentum": 0.5})
    assert config["channels_last"] is False
    again = cli("--config", tmp_path / "run.toml", "--folder", folder)
    assert again.exit_code == 2
    assert "resume=True" in again.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--optimizer", "nga"], "optimizer 'nga' is not known"),
        (["--until", "epochs"], "until='epochs'"),
        (["--option", "nesterov=True"], "nag takes no option 'nesterov'"),
        (["--batch-size", "2000"], "batch_size=2000"),
        (["--config", "nowhere.toml"], "cannot read the configuration nowhere.toml"),
    ],
)
def test_mistakes_on_the_command_line_end_in_one_message(cli, words, says):
    done = cli(*words)
    assert done.exit_code == 2
    assert says in done.output


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        ("budget", "3 epochs done", 0),
        ("diverged", "training loss nan", 3),
        ("signal", "SIGTERM came after step 8", 143),
        ("signal", "SIGINT came after step 8", 130),
    ],
)
def test_exit_statuses(status, message, code):
    assert exit_status(History((), status, message)) == code


def test_shards_that_no_model_by_name_can_read_are_refused(tmp_path):
    images = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8)
    write_shards(str(tmp_path), [(images, np.arange(4) % 2)], classes=("bag", "boot"))
    with pytest.raises(UsageError, match=r"shape \(1, 8, 8\) in 2 classes.*call fit"):
        train(TrainingConfig(**QUICK, data=str(tmp_path)))
