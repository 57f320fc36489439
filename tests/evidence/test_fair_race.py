"""The fair race and the seconds to 94 %: what they measure, and that the protocol is kept."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nagcore.errors import UsageError
from nagcore.evidence import agrees, load_record, summarize
from nagcore.evidence.experiments import fair_race, fastest_94
from nagcore.evidence.experiments.fair_race import EXPERIMENT, FULL, SMALL, cost_of
from nagcore.evidence.race_tasks import TASKS, build_autoencoder, find_task, load_race_data
from nagcore.optim.table import find_optimizer
from nagcore.training.copies import CopiesHistory, find_rule
from nagcore.training.source import epoch_seed

ROOT = Path(__file__).parents[2]
RACES = (EXPERIMENT, SMALL, FULL)


def tiny(**changes):
    few = {"softmax": 6, "mlp": 6, "autoencoder": 4}
    plain = {"task": ("softmax",), "optimizer": ("nag",), "lr": (0.01, 0.03), "seeds": (0, 1)}
    return SMALL.declaration.replace(**{"steps": few, "every": 2, **plain, **changes})


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.declaration.name)
def test_every_method_is_treated_alike(race):
    constants, axes = race.declaration.constants, race.declaration.axes
    assert not set(constants["tuning_seeds"]) & set(constants["seeds"])
    assert list(constants["lr"]) == sorted(set(constants["lr"]))
    ratios = np.diff(np.log(constants["lr"]))
    assert ratios == pytest.approx(ratios.mean(), rel=0.2), "steps on a logarithmic scale"
    for name in ("steps", "sizes", "target", "batch_size"):
        assert set(constants[name]) == set(axes["task"])
    assert set(constants["momentum"]) <= set(axes["optimizer"])
    for optimizer in axes["optimizer"]:
        find_rule(optimizer)
        find_optimizer(optimizer)
    assert len(axes["optimizer"]) == 10
    for task in axes["task"]:
        find_task(task).make_model(constants["sizes"][task])(0)


def test_the_sizes_differ_in_constants_alone():
    assert EXPERIMENT.declaration.columns == SMALL.declaration.columns == FULL.declaration.columns
    assert EXPERIMENT.measure is SMALL.measure is FULL.measure
    assert [race.tier for race in RACES] == [1, 1, 2]
    assert SMALL.declaration.devices == ("cpu",)
    assert EXPERIMENT.declaration.devices == FULL.declaration.devices == ("cuda",)


def test_a_miss_costs_more_than_any_success_and_divergence_most():
    budget = 100
    costs = [
        cost_of(10.0, 9.0, budget),
        cost_of(100.0, 0.1, budget),
        cost_of(math.inf, 0.1, budget),
        cost_of(math.inf, 50.0, budget),
        cost_of(math.inf, math.nan, budget),
    ]
    assert costs == sorted(costs)
    assert len(set(costs)) == 5


def test_the_step_size_is_chosen_by_its_mean_cost():
    def rows(lr, costs, status="budget"):
        return [
            {"lr": lr, "seed": seed, "cost": cost, "status": status}
            for seed, cost in enumerate(costs)
        ]

    best = fair_race.choose_lr(rows(0.1, [10, 90]) + rows(0.3, [40, 40]) + rows(1.0, [5, 201]))
    assert best.setting == {"lr": 0.3}
    assert best.at_edge == {}
    lost = fair_race.choose_lr(rows(0.1, [60, 60]) + rows(0.3, [1, 1], status="diverged"))
    assert lost.setting == {"lr": 0.1}
    assert lost.at_edge == {"lr": "least"}


def test_fresh_seeds_have_no_say_in_the_choice(monkeypatch):
    def trained(*args, seeds, **kwargs):
        """Return runs of which lr 0.01 is best on the tuning seeds, and 0.03 on the fresh ones."""
        lrs = args[4]["step_size"]
        good = [(lr == 0.01) == (seed >= 100) for lr, seed in zip(lrs, seeds, strict=True)]
        losses = np.where(np.array(good)[:, None], [[0.9, 0.1]], [[0.9, 0.8]])
        status = ["budget"] * len(seeds)
        return CopiesHistory(np.array([3, 6]), losses, losses, {}, status, np.array([0.1, 0.2]))

    monkeypatch.setattr(fair_race, "train_copies", trained)
    columns = fair_race.measure_kept(tiny().settings()[0], "cpu", None)
    assert columns["chosen_lr"] == 0.01
    assert columns["at_edge"] == "least"
    assert columns["run_steps"][:4] == [6.0, math.inf, 6.0, math.inf]
    assert columns["run_steps"][4:] == [math.inf, 6.0, math.inf, 6.0]
    assert columns["losses"] == [[0.9, 0.8], [0.9, 0.8]], "those at 0.01 on the fresh seeds"


def test_a_run_of_the_race_is_the_run_of_a_plain_loop():
    setting = tiny(optimizer=("sgd",), lr=(0.03,)).settings()[0]
    columns = SMALL.measured(setting, "cpu")
    task = find_task("softmax")
    data = load_race_data(task, "shipped", held_out=200, seed=setting["split_seed"])
    place = list(zip(columns["run_lr"], columns["run_seed"], strict=True)).index((0.03, 1))
    model = task.make_model(())(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
    generator = torch.Generator().manual_seed(epoch_seed(1, 0))
    order = torch.randperm(len(data.train.targets), generator=generator)
    for batch in order.split(setting["batch_size"]["softmax"])[: setting["steps"]["softmax"]]:
        optimizer.zero_grad()
        task.loss(model(data.train.inputs[batch]), data.train.targets[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        held_out = task.loss(model(data.validation.inputs), data.validation.targets).item()
        test = task.loss(model(data.test.inputs), data.test.targets).item()
    assert columns["run_loss"][place] == pytest.approx(held_out, rel=1e-4)
    assert columns["test_loss"][1] == pytest.approx(test, rel=1e-4)
    assert columns["losses"][1][-1] == pytest.approx(held_out, rel=1e-4)


def test_the_test_images_are_seen_once_by_the_chosen_runs(monkeypatch):
    calls, train = [], fair_race.train_copies

    def watched(*args, **kwargs):
        calls.append((args, kwargs))
        return train(*args, **kwargs)

    monkeypatch.setattr(fair_race, "train_copies", watched)
    setting = tiny().settings()[0]
    columns = fair_race.measure_kept(setting, "cpu", None)
    test = load_race_data(find_task("softmax"), "shipped", held_out=200, seed=50).test
    (search, _), (final, _) = calls
    assert [kwargs["evaluate"].inputs is test.inputs for _, kwargs in calls] == [False, True]
    assert len(search[4]["step_size"]) == 2 * (2 + 2)
    assert final[4]["step_size"] == [columns["chosen_lr"]] * 2
    assert calls[1][1]["seeds"] == [0, 1]
    assert calls[1][1]["every"] == calls[1][1]["steps"], "one look, at the end"
    for args, _ in calls:
        assert len(args[2].targets) == 800


def test_together_and_one_by_one_agree_and_a_kept_state_is_removed(tmp_path):
    settings = tiny(task=("softmax", "autoencoder"), optimizer=("adam",)).settings()
    assert EXPERIMENT.together is not None
    together = EXPERIMENT.together.measure(settings, "cpu", tmp_path / "state")
    for setting, columns in zip(settings, together, strict=True):
        alone = SMALL.measured(setting, "cpu")
        # nan equals nan in words; on a CPU the bits are the same
        assert repr({**alone, "seconds": 0}) == repr({**columns, "seconds": 0})
    assert not list(tmp_path.rglob("*.pt"))


@pytest.mark.parametrize("optimizer", SMALL.declaration.axes["optimizer"])
def test_every_method_runs_on_a_deep_network(optimizer):
    sizes = {"softmax": (), "mlp": (2,), "autoencoder": (4, 2)}
    declaration = tiny(
        task=("autoencoder",), optimizer=(optimizer,), sizes=sizes, lr=(0.001,), seeds=(0,)
    )
    columns = SMALL.measured(declaration.settings()[0], "cpu")
    assert columns["step"] == [2, 4]
    assert np.isfinite(columns["losses"][0]).all()
    assert math.isnan(columns["test_accuracy"][0])


def test_a_run_that_diverges_is_a_result():
    columns = SMALL.measured(tiny(optimizer=("sgd",), lr=(0.01, 1e38)).settings()[0], "cpu")
    runs = list(zip(*(columns[f"run_{n}"] for n in ("lr", "status", "steps")), strict=True))
    assert {status for lr, status, _ in runs if lr > 1} == {"diverged"}
    assert {steps for lr, _, steps in runs if lr > 1} == {math.inf}
    assert columns["chosen_lr"] == 0.01


def test_the_autoencoder_reconstructs_pixels_from_zero_to_one():
    data = load_race_data(TASKS["autoencoder"], "shipped", held_out=100, seed=0)
    assert data.train.inputs.shape == (900, 784)
    assert torch.equal(data.train.inputs, data.train.targets)
    assert data.train.inputs.min() == 0
    assert data.train.inputs.max() == 1
    layers = [type(layer).__name__ for layer in build_autoencoder((8, 4)).children()]
    assert layers == ["Flatten", "Linear", "ReLU", "Linear", "Linear", "ReLU", "Linear", "Sigmoid"]


def test_an_unknown_task_is_refused():
    with pytest.raises(UsageError, match="cn"):
        find_task("cn")


@pytest.mark.parametrize(("task", "optimizer"), [("softmax", "nag"), ("softmax", "adam")])
def test_the_small_race_is_measured_again(task, optimizer):
    if not (ROOT / "results" / "fair-race-small" / "cpu.json").exists():
        pytest.skip("fair-race-small is not recorded; tests/evidence/test_results.py says so")
    record = load_record(SMALL, "cpu", root=ROOT)
    (row,) = [r for r in record.rows if (r["task"], r["optimizer"]) == (task, optimizer)]
    again = SMALL.declaration.replace(
        task=(task,), optimizer=(optimizer,), lr=(row["chosen_lr"],), tuning_seeds=(100,)
    )
    measured = SMALL.measured(again.settings()[0], "cpu")
    for column in ("test_loss", "test_accuracy"):
        recorded = summarize(row[column])
        assert agrees(np.mean(measured[column]), recorded, at_least=0.02 * recorded.mean)


class Fastest:
    """Stands in for training: a run of e epochs is right on 0.9 + 0.01 e of the held-out images."""

    def __init__(self, monkeypatch):
        self.log = []
        monkeypatch.setattr(fastest_94, "train_fast", self.train)
        monkeypatch.setattr(fastest_94, "accuracy_with_flips", self.judge)
        monkeypatch.setattr(fastest_94, "gemm_peaks", lambda *a, **k: {"float32": 1.0})

    def train(self, recipe, data, *, seed):
        self.log.append(("train", len(data), recipe.lr, recipe.epochs, seed))
        return SimpleNamespace(recipe=recipe, seconds=float(recipe.epochs))

    def judge(self, run, data):
        self.log.append(("judge", len(data)))
        return 0.9 + 0.01 * run.recipe.epochs - 0.01 * (run.recipe.lr - 1.0) ** 2


def fast_setting(**changes):
    small = {"images": "shipped", "held_out": 200, "width": 2, "seeds": (0, 1), "epochs": (2, 4, 8)}
    return fastest_94.DECLARATION.replace(**{"optimizer": ("nag",), **small, **changes})


def test_the_fastest_recipe_is_chosen_on_held_out_images(monkeypatch):
    stand_in = Fastest(monkeypatch)
    setting = fast_setting().settings()[0]
    columns = fastest_94.EXPERIMENT.measured(setting, "cpu")
    assert columns["chosen_lr"] == 1.0
    assert columns["epochs_tried"] == [2, 4], "it stops at the first that reaches the target"
    assert (columns["chosen_epochs"], columns["chosen_by"]) == (4, "target")
    assert columns["seconds"] == [4.0, 4.0]
    first_test = stand_in.log.index(("judge", 1000))
    judged = {entry for entry in stand_in.log[:first_test] if entry[0] == "judge"}
    assert judged == {("judge", 200)}
    after = stand_in.log[first_test:]
    assert after == [("judge", 1000)] * 2, "nothing is trained after a look at the test images"
    final = [entry for entry in stand_in.log if entry[0] == "train" and entry[1] == 1000]
    assert final == [("train", 1000, 1.0, 4, 0), ("train", 1000, 1.0, 4, 1)]
    tuned = {entry[4] for entry in stand_in.log if entry[0] == "train" and entry[1] == 800}
    assert not tuned & set(setting["seeds"])


def test_a_target_out_of_reach_is_said(monkeypatch):
    Fastest(monkeypatch)
    setting = fast_setting(target=0.999).settings()[0]
    columns = fastest_94.EXPERIMENT.measured(setting, "cpu")
    assert (columns["chosen_epochs"], columns["chosen_by"]) == (8, "none reached it")


def test_the_fastest_recipe_runs_as_it_is():
    setting = fast_setting(epochs=(2,), epochs_seeds=(11,), batch_size=50, lr={"nag": (0.5,)})
    columns = fastest_94.EXPERIMENT.measured(setting.settings()[0], "cpu")
    assert 0 <= min(columns["accuracies"]) <= max(columns["accuracies"]) <= 1
    assert columns["flops"] > 0
    assert min(columns["seconds"]) > 0


@pytest.mark.parametrize("optimizer", fastest_94.DECLARATION.axes["optimizer"])
def test_on_a_gpu_the_recipe_uses_what_the_gpu_has(optimizer):
    (setting,) = fastest_94.DECLARATION.replace(optimizer=(optimizer,)).settings()
    recipe = fastest_94.recipe_of(setting, 0.1, 3, "cuda")
    assert recipe.precision == "bfloat16"
    assert recipe.graph is (optimizer != "muon")
    assert fastest_94.recipe_of(setting, 0.1, 3, "cpu").precision == "float32"
    assert len(setting["lr"][optimizer]) == 3
