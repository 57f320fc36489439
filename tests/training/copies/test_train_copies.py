"""Copies that diverge, reach a target, are cut short, or cannot be trained."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from tiny_copies import CLASSES, INPUTS, make_tiny, plain_losses
from torch import nn

from nagcore.core import AdaptiveNesterov, HeavyBall
from nagcore.errors import UsageError
from nagcore.training.copies import Examples, Target, find_rule, train_copies
from nagcore.training.copies.course import Course

LOSS = nn.CrossEntropyLoss()


def accuracy(outputs, targets):
    return (outputs.argmax(dim=1) == targets).double().mean()


def run(examples, name="nag", step_sizes=(0.05, 0.02, 0.1), **options):
    count = len(step_sizes)
    arguments = {
        "make_model": make_tiny,
        "loss": LOSS,
        "rule": find_rule(name),
        "hyper": {"step_size": step_sizes, "momentum": [0.9] * count},
        "seeds": list(range(count)),
        "steps": 20,
        "batch_size": 8,
        "every": 5,
    } | options
    return train_copies(data=examples, **arguments)


# what is measured


def test_a_row_holds_the_mean_since_the_last_one(examples):
    each = run(examples, every=1).train_loss
    rows = run(examples, every=8)
    assert rows.steps.tolist() == [8, 16, 20]
    means = [each[:, a:b].mean(axis=1) for a, b in ((0, 8), (8, 16), (16, 20))]
    np.testing.assert_allclose(rows.train_loss, np.stack(means, axis=1), rtol=1e-12)
    assert np.isnan(rows.eval_loss).all()
    assert (np.diff(rows.seconds) > 0).all()


def test_copies_are_judged_at_the_iterate_and_not_where_the_gradient_is_taken(examples):
    """After one step from rest x₁ = x₀ − α g, wherever the next gradient is wanted."""
    judged = run(examples, steps=1, batch_size=44, evaluate=examples, metrics={"acc": accuracy})
    for copy, step_size in enumerate((0.05, 0.02, 0.1)):
        model = make_tiny(copy)
        LOSS(model(examples.inputs), examples.targets).backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= step_size * p.grad  # pyright: ignore[reportOperatorIssue]
            outputs = model(examples.inputs)
        for name, value in model.named_parameters():
            torch.testing.assert_close(judged.parameters[name][copy], value.detach())
        expected = LOSS(outputs, examples.targets).item()
        assert judged.eval_loss[copy, 0] == pytest.approx(expected, rel=1e-12)
        right = accuracy(outputs, examples.targets).item()
        assert judged.metrics["acc"][copy, 0] == pytest.approx(right)


def test_evaluation_in_parts_is_that_of_the_whole(examples, monkeypatch):
    whole = run(examples, evaluate=examples, metrics={"acc": accuracy})
    monkeypatch.setattr("nagcore.training.copies.judging._NUMBERS", {"cpu": 3 * 7 * INPUTS})
    parts = run(examples, evaluate=examples, metrics={"acc": accuracy})
    np.testing.assert_allclose(parts.eval_loss, whole.eval_loss, rtol=1e-12)
    np.testing.assert_allclose(parts.metrics["acc"], whole.metrics["acc"], rtol=1e-12)


def test_layers_that_know_two_modes_are_put_into_each(examples):
    class Moded(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = make_tiny(0)

        def forward(self, inputs):
            return self.inner(inputs) * (1 if self.training else 0)

    history = run(examples, make_model=lambda _: Moded(), evaluate=examples)
    np.testing.assert_allclose(history.eval_loss, np.log(CLASSES), rtol=1e-12)
    assert (history.train_loss[:, -1] < 1.0).all(), "and back into the first one"


def test_parameters_that_are_not_trained_stay_and_buffers_are_used(examples):
    class Partly(nn.Module):
        def __init__(self, seed):
            super().__init__()
            self.inner = make_tiny(seed)
            self.inner[0].requires_grad_(False)
            self.register_buffer("scale", torch.tensor(0.5, dtype=torch.float64))

        def forward(self, inputs):
            return self.scale * self.inner(inputs)

    history = run(examples, "sgd", make_model=lambda seed: Partly(0), steps=30)
    model = Partly(0)
    trained = [p for p in model.parameters() if p.requires_grad]
    alone = plain_losses(
        model, LOSS, examples, torch.optim.SGD(trained, 0.02), seed=1, steps=30, batch_size=8
    )
    assert history.train_loss[1, -1] == pytest.approx(np.mean(alone[-5:]), rel=1e-9)


def test_the_table_holds_every_value_under_its_copy_and_step(examples):
    history = run(examples, evaluate=examples, metrics={"acc": accuracy})
    table = history.frame().set_index(["copy", "step"])
    assert table.loc[(1, 15), "train_loss"] == history.train_loss[1, 2]
    assert table.loc[(2, 5), "acc"] == history.values("acc")[2, 0]
    assert list(history.frame().columns[:3]) == ["copy", "step", "seconds"]


# divergence and targets


@pytest.mark.parametrize("name", ["nag", "adam", "muon"])
def test_a_diverged_copy_is_marked_and_disturbs_nobody(examples, name):
    calm = run(examples, name, evaluate=examples)
    one = run(examples, name, step_sizes=(0.05, 1.7e308, 0.1), evaluate=examples)
    assert one.status == ["budget", "diverged", "budget"]
    for copy in (0, 2):
        assert np.array_equal(one.train_loss[copy], calm.train_loss[copy])
        assert np.array_equal(one.eval_loss[copy], calm.eval_loss[copy])
    assert np.isnan(one.train_loss[1, -1])
    assert np.isnan(one.eval_loss[1, -1])


def test_a_loss_that_is_infinite_once_has_diverged_for_good(examples):
    """Also where the gradient stays finite, and later losses are finite again."""

    def loss(outputs, targets):
        spike = torch.where((targets == 9).any(), torch.inf, 0.0)
        return LOSS(outputs, targets.clamp(max=CLASSES - 1)) + spike

    spiked = Examples(examples.inputs, examples.targets.clone())
    spiked.targets[11] = 9
    history = run(spiked, "sgd", loss=loss, batch_size=4, every=1, steps=33)
    assert history.status == ["diverged"] * 3
    assert len(history.steps) < 33, "and nobody is left to go on"
    for losses in history.train_loss:
        first = np.isnan(losses).argmax()
        assert np.isnan(losses[first:]).all()
    assert len({np.isnan(losses).argmax() for losses in history.train_loss}) > 1


def test_training_ends_when_every_copy_was_at_the_target(examples):
    target = Target("eval_loss", at_most=0.5)
    long = {"steps": 400, "evaluate": examples, "step_sizes": (0.05, 0.1, 1.7e308)}
    history = run(examples, target=target, **long)
    assert history.status == ["target", "target", "diverged"]
    for copy in (0, 1):
        place = history.steps.tolist().index(history.reached[copy])
        values = history.eval_loss[copy]
        assert values[place] <= 0.5
        assert (values[:place] > 0.5).all()
    assert history.reached[2] is None
    assert history.steps[-1] == max(history.reached[0], history.reached[1]) < 400  # pyright: ignore


def test_a_target_may_be_a_metric_that_rises_and_may_be_missed(examples):
    history = run(
        examples,
        evaluate=examples,
        metrics={"acc": accuracy},
        target=Target("acc", at_least=1.01),
    )
    assert history.status == ["budget"] * 3
    assert history.reached == [None] * 3


# going on


class KilledError(Exception):
    pass


@pytest.mark.parametrize("name", ["nag", "adan", "muon", "schedule-free"])
def test_a_killed_call_goes_on_to_the_same_bits(examples, tmp_path, monkeypatch, name):
    options = {"steps": 23, "every": 4, "evaluate": examples, "metrics": {"acc": accuracy}}
    expected = run(examples, name, **options)
    keep = {"keep": tmp_path / "kept", "keep_every": 0.0}
    made_ready = Course._make_ready

    def killed_at(last):
        def make_ready(course):
            if course.done == last:
                raise KilledError
            made_ready(course)

        monkeypatch.setattr(Course, "_make_ready", make_ready)

    for last in (6, 17):  # within a row and an epoch, twice
        killed_at(last)
        with pytest.raises(KilledError):
            run(examples, name, **options, **keep)
        assert [path.name for path in (tmp_path / "kept").iterdir()] == ["copies.pt"]
    killed_at(None)
    resumed = run(examples, name, **options, **keep)
    assert np.array_equal(resumed.train_loss, expected.train_loss)
    assert np.array_equal(resumed.eval_loss, expected.eval_loss)
    assert np.array_equal(resumed.metrics["acc"], expected.metrics["acc"])
    assert resumed.steps.tolist() == expected.steps.tolist()
    assert (np.diff(resumed.seconds) > 0).all()
    assert not (tmp_path / "kept").exists()


def test_another_call_does_not_go_on_from_what_was_kept(examples, tmp_path, monkeypatch):
    keep = {"keep": tmp_path, "keep_every": 0.0}

    def stop(done, _):
        raise KilledError

    with pytest.raises(KilledError):
        run(examples, progress=stop, **keep)
    with pytest.raises(UsageError, match="with other hyper; give another folder"):
        run(examples, step_sizes=(0.05, 0.02, 0.11), **keep)
    (tmp_path / "copies.pt").write_bytes(b"nonsense")
    with pytest.raises(UsageError, match="cannot be read"):
        run(examples, **keep)


def test_progress_is_told_at_every_row(examples):
    told = []
    run(examples, progress=lambda done, steps: told.append((done, steps)))
    assert told == [(5, 20), (10, 20), (15, 20), (20, 20)]


# what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hyper": {"momentum": [0.9] * 3}}, "expected 'step_size' too"),
        ({"hyper": {"step_size": [0.1] * 2}}, r"has 2 values; expected 3 finite numbers"),
        ({"hyper": {"step_size": [0.1, float("nan"), 0.1]}}, "among them nan"),
        ({"hyper": {"step_size": 0.1}}, r"hyper\['step_size'\]=0.1 cannot be used"),
        ({"hyper": {"step_size": [0.1] * 3}}, "reads 'momentum', which hyper does not give"),
        ({"seeds": []}, "number of seeds=0"),
        ({"seeds": [0, 1, -1]}, "seed=-1"),
        ({"steps": 0}, "steps=0"),
        ({"every": 0}, "every=0"),
        ({"batch_size": 45}, "whole number from 1 to 44, the number of examples"),
        ({"precision": "float16"}, "expected one of float32, tf32"),
        ({"compile": "model"}, "expected one of rule, step"),
        ({"graph": True}, "graphs are CUDA's"),
        ({"metrics": {"acc": accuracy}}, "no examples to measure them on"),
        ({"target": Target("eval_loss", at_most=1.0)}, "target looks at 'eval_loss'"),
        ({"loss": nn.CrossEntropyLoss(reduction="none")}, "expected a single number"),
        ({"rule": lambda h: AdaptiveNesterov()}, "the rule's state holds None"),
        ({"make_model": lambda seed: nn.Linear(INPUTS, 3 + seed % 2).double()}, "one architecture"),
        ({"make_model": lambda _: nn.Sequential(make_tiny(0), nn.Dropout(0.1))}, "set p=0"),
        ({"make_model": lambda _: nn.Sequential(nn.BatchNorm1d(INPUTS).double())}, "GroupNorm"),
        ({"make_model": lambda _: nn.ReLU()}, "0 parameters to train"),
        ({"evaluate": torch.zeros(3)}, "evaluate is a Tensor; expected Examples"),
        ({"evaluate": Examples(torch.zeros(3, 2), torch.zeros(2))}, "one row of each"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(examples, options, message):
    with pytest.raises(UsageError, match=message):
        run(examples, **options)


def test_data_elsewhere_are_refused():
    meta = Examples(torch.zeros(3, 2, device="meta"), torch.zeros(3, device="meta"))
    with pytest.raises(UsageError, match=r"data is on meta and the copies train on cpu"):
        run(meta)


def test_a_rule_that_is_not_known_is_refused():
    with pytest.raises(UsageError, match="no rule 'nagg' for copies; the rules: nag,"):
        find_rule("nagg")


def test_where_nothing_can_be_compiled_there_is_a_warning(examples, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", refuse)
    with pytest.warns(UserWarning, match="could not be compiled and runs as it is"):
        history = run(examples, compile=True)
    assert np.array_equal(history.train_loss, run(examples).train_loss)


def test_torch_settings_are_put_back(examples):
    def seen(outputs, targets):
        found.append(torch.backends.cuda.matmul.allow_tf32)
        return LOSS(outputs, targets)

    found = []
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    run(examples, loss=seen, precision="tf32")
    assert set(found) == {True}
    assert before == (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)


def test_a_state_that_keeps_the_point_before_is_not_written_over(examples):
    """Its second tensor is the first one of the step before."""

    class State(NamedTuple):
        x: Any
        before: Any
        k: Any

    class TwoPoints:
        def init(self, x0):
            return State(x0, x0, 0)

        def query(self, state):
            return state.x

        def step(self, state, grad, step_size):
            x = state.x + 0.9 * (state.x - state.before) - step_size * grad
            return State(x, state.x, state.k + 1)

    two = run(examples, rule=lambda h: TwoPoints())
    one = run(examples, rule=lambda h: HeavyBall(0.9))
    np.testing.assert_allclose(two.train_loss, one.train_loss, rtol=1e-9)
