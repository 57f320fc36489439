"""The declared configuration: from Python and files, and each wrong value by name."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

import pytest

from nagcore.errors import UsageError
from nagcore.training.config import TrainingConfig, config_from, config_from_file
from nagcore.training.stopping import Epochs, Target


def test_defaults_are_a_run():
    config = TrainingConfig()
    assert config.stopping() == Epochs(10)
    assert config.switches().precision == "float32"


def test_every_field_says_what_it_is():
    for each in fields(TrainingConfig):
        assert each.metadata["help"], each.name


@pytest.mark.parametrize("form", ["toml", "json"])
def test_files_give_the_same_as_python(tmp_path, form):
    values = {"optimizer": "nag", "lr": 0.03, "width": 8, "options": {"momentum": 0.95}}
    path = tmp_path / f"run.{form}"
    if form == "json":
        path.write_text(json.dumps(values))
    else:
        path.write_text('optimizer = "nag"\nlr = 0.03\nwidth = 8\n[options]\nmomentum = 0.95\n')
    assert config_from_file(path) == TrainingConfig(**values)


def test_what_is_saved_is_read_back(tmp_path):
    config = TrainingConfig(until="accuracy>=0.8 | epochs=3", clip_norm=1, compile=True)
    assert config_from_file(config.save(tmp_path / "config.json")) == config


def test_a_whole_number_stands_for_a_float():
    assert TrainingConfig(lr=1).lr == 1.0
    assert isinstance(TrainingConfig(lr=1).lr, float)


def test_changes_leave_the_first_as_it_was():
    config = TrainingConfig()
    assert config.changed(until="accuracy>=0.5|epochs=2").stopping() == (
        Target("eval_accuracy", at_least=0.5) | Epochs(2)
    )
    assert config == TrainingConfig()


def test_what_decides_the_steps():
    same = TrainingConfig(until="epochs=3", folder="a", keep_last=5, device="cpu").decisive()
    assert same == TrainingConfig().decisive()
    assert TrainingConfig(seed=1).decisive() != same
    assert set(asdict(TrainingConfig())) > set(same)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"batchsize": 5}, "unknown key 'batchsize'.*expected one of batch_size"),
        ({"batch_size": 5.5}, r"batch_size=5\.5 cannot be used; expected int"),
        ({"batch_size": True}, "batch_size=True"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"lr": "0.1"}, "lr='0.1' cannot be used; expected float or none"),
        ({"lr": -0.1}, r"lr=-0\.1"),
        ({"seed": -1}, "seed=-1"),
        ({"held_out": 1.0}, r"held_out=1\.0"),
        ({"warm_up": -3}, "warm_up=-3"),
        ({"optimizer": "nga"}, "optimizer 'nga' is not known; known: nag"),
        ({"loss": "mse"}, "loss='mse' is not known"),
        ({"initialisation": "he"}, "initialisation 'he' is not known"),
        ({"model": "resnet"}, "model='resnet'"),
        ({"sharding": "zero"}, "sharding='zero'"),
        ({"precision": "fp8"}, "precision='fp8'"),
        ({"until": "epochs"}, "until='epochs' cannot be read"),
        ({"schedule": "cosin(steps=9)"}, "'cosin' is not known; expected one of cosine"),
        ({"limiter": "K=3"}, "limiter='K=3' cannot be read"),
        ({"augment": "zoom(2)"}, "augmentation 'zoom' is not known"),
        ({"compile": "yes"}, "compile='yes' cannot be used; expected bool"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(values, says):
    with pytest.raises(UsageError, match=says):
        config_from(values)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("run.toml", "lr = ", "is not toml"),
        ("run.json", "{", "is not json"),
        ("run.json", "[1]", "holds a list"),
        ("none.toml", None, "cannot read the configuration .*none.toml"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, says):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=says):
        config_from_file(tmp_path / name)
