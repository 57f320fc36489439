"""Steps against the batch size: bends, trials, the two-stage measurement, verdicts and figures."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.evidence import agrees, summarize
from nagcore.evidence.batch_scaling import bend, fit_two_numbers
from nagcore.evidence.batch_size_table import (
    count_work,
    curve_of,
    most_with_momentum,
    say_all,
    say_bends,
    say_largest,
    say_momentum,
    say_nesterov,
    say_search,
    summarize_batch_size,
    tabulate_bends,
)
from nagcore.evidence.batch_size_trials import momentum_of, trials
from nagcore.evidence.experiments import batch_size as experiment
from nagcore.evidence.experiments.batch_size import DECLARATION, FULL, SMALL
from nagcore.evidence.figures.noise import draw_batch_sizes, draw_noise_scales, draw_trials
from nagcore.evidence.noise_scale import (
    NoiseScale,
    example_gradients,
    make_small_mlp,
    measure_noise_scales,
)
from nagcore.evidence.store import load_if_recorded
from nagcore.root import find_root
from nagcore.training.data import load_fashion_mnist

OPTIMIZERS = SMALL.axes["optimizer"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([400, 200, 100, 50], 64),
        ([400, 210, 151, 60], 16),  # 64 is good again, but after one that is not
        ([400, 300, 150, 75], 64),
        ([400, 301, 1, 1], 8),
        ([400, math.inf, 100, 50], 8),
        ([math.inf, 200, 100, 50], None),
    ],
)
def test_the_bend_is_the_last_before_the_first_that_is_bad(steps, expected):
    assert bend([8, 16, 32, 64], steps) == expected


@settings(max_examples=30, deadline=None)
@given(st.floats(1, 1e4), st.floats(4, 1e4), st.integers(0, 2**31))
def test_two_numbers_are_those_of_least_squares(fewest, critical, seed):
    sizes = [2**k for k in range(3, 15)]
    noise = np.random.default_rng(seed).normal(0, 0.05, len(sizes))
    steps = fewest * (1 + critical / np.array(sizes)) * np.exp(noise)
    found = fit_two_numbers(sizes, steps)
    judge = least_squares(
        lambda p: p[0] + np.log1p(np.exp(p[1]) / np.array(sizes)) - np.log(steps),
        [math.log(fewest), math.log(critical)],
    )
    assert found is not None
    assert np.log(found) == pytest.approx(judge.x, abs=2e-3)


def test_what_cannot_be_fitted_is_not():
    assert fit_two_numbers([8, 16, 32], [3.0, math.inf, 2.0]) is None
    with pytest.raises(UsageError, match=r"\[16, 8\]"):
        bend([16, 8], [1, 2])
    with pytest.raises(UsageError, match=r"\(3,\)"):
        bend([16, 32], [1, 2, 3])


@pytest.mark.parametrize("declaration", [DECLARATION, SMALL, FULL], ids=lambda d: d.name)
def test_every_optimizer_gets_as_many_trials_and_as_many_steps(declaration):
    by_name = {name: trials({**declaration.constants, "optimizer": name}) for name in OPTIMIZERS}
    assert {len(tried) for tried in by_name.values()} == {declaration.constants["trials"]}
    assert by_name["heavy-ball"] == by_name["nag"]
    assert by_name["adam"] == by_name["nadam"]
    for tried in by_name.values():
        assert len({tuple(trial.items()) for trial in tried}) == len(tried)
    low, high = declaration.constants["space"]["nag"]
    lengths = [t["step_size"] / (1 - momentum_of(t)) for t in by_name["nag"]]
    assert min(lengths) == pytest.approx(low)
    assert max(lengths) == pytest.approx(high)
    assert not set(declaration.constants["tuning_seeds"]) & set(
        declaration.constants["fresh_seeds"]
    )


def tiny(optimizer, **changed):
    declaration = SMALL.replace(
        optimizer=(optimizer,), batch_size=(64,), budget_examples=64, budget_steps=40, looks=20,
        trials=4, target=1.0, tuning_seeds=(100, 101), fresh_seeds=(0, 1), **changed,
    )  # fmt: skip
    return declaration.settings()[0]


def test_the_best_trial_runs_on_fresh_seeds(tmp_path):
    setting = tiny("nag")
    row = experiment.measure(setting, "cpu")
    assert set(row) == set(SMALL.columns)
    assert (row["budget"], row["every"]) == (40, 2)
    means = np.mean(row["tuning_steps"], axis=1)
    assert np.shape(row["tuning_steps"]) == (4, 2)
    assert row["trial"] == means.argmin()
    chosen = trials(setting)[row["trial"]]
    assert chosen == {"step_size": row["step_size"], "momentum": row["momentum"]}
    assert np.isfinite(row["steps"]).all()
    # each alone, and in parts, as in one batch
    alone = [experiment.steps_to_target(setting, [chosen], (s,), "cpu", None)[0] for s in (0, 1)]
    assert row["steps"] == alone
    parted = experiment.measure({**setting, "at_once": 3 * 64}, "cpu", tmp_path / "kept")
    assert {**parted, "seconds": 0} == {**row, "seconds": 0}


def test_what_was_kept_is_not_trained_again(tmp_path, monkeypatch):
    setting = tiny("sgd")
    together = experiment.EXPERIMENT.together
    assert together is not None
    (row,) = together.measure([setting], "cpu", tmp_path)
    monkeypatch.setattr(experiment, "_train", None)  # a call would raise
    (again,) = together.measure([setting], "cpu", tmp_path)
    assert {**again, "seconds": 0} == {**row, "seconds": 0}


def test_steps_agree_with_a_plain_loop_of_torch():
    """The first look at which the validation loss is low enough, by torch's own SGD."""
    setting = tiny("sgd")
    chosen = {"step_size": 0.4}
    (steps,) = experiment.steps_to_target(setting, [chosen], (3,), "cpu", None)
    train, validation = experiment._examples("shipped", 300, 2, "cpu")
    model = experiment.make_model(setting)(3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4)
    from nagcore.training.copies.order import Order

    order = Order([3], len(train.targets), 64)
    for step in range(1, 41):
        (batch,) = order.chunk(step - 1, 1)[0]
        optimizer.zero_grad()
        cross_entropy(model(train.inputs[batch]), train.targets[batch]).backward()
        optimizer.step()
        with torch.no_grad():
            loss = cross_entropy(model(validation.inputs), validation.targets).item()
        if step % 2 == 0 and loss <= setting["target"]:
            break
    assert steps == step


def test_the_floor_counts_products_and_bytes():
    setting = {"trials": 3, "tuning_seeds": (0, 1), "fresh_seeds": (2,), "batch_size": 10}
    work = count_work(setting, budget=5, parameters=7, inputs=2)
    assert work.operations == 7 * 5 * 10 * 6 * 7
    assert work.floor_seconds(1e3, 1e12) == pytest.approx(work.operations / 1e3)
    assert work.floor_seconds(1e12, 1e3) == pytest.approx(work.numbers_moved / 1e3)


def made_up(curves, sizes=(8, 16, 32)) -> Any:
    """Return a record with these steps: by optimizer, a list over sizes of lists over seeds."""
    declaration = SMALL.replace(
        optimizer=tuple(curves), batch_size=sizes, fresh_seeds=tuple(range(3)), trials=4
    )
    rows = [
        {
            "optimizer": name, "batch_size": size, "steps": seeds, "edge": 0, "parameters": 10,
            "every": 64 // size, "tuning_steps": [[5.0], [4.0], [math.inf], [9.0]], "trial": 1,
            "step_size": 0.1,
        }
        for name, steps in curves.items()
        for size, seeds in zip(sizes, steps, strict=True)
    ]  # fmt: skip
    return SimpleNamespace(declaration=declaration, rows=rows)


PLAIN = [[90, 100, 110], [50, 52, 54], [48, 50, 52]]
FAST = [[90, 101, 110], [45, 50, 51], [10, 12, 14]]
NEVER = [[math.inf] * 3] * 3


def test_verdicts_name_what_is_there():
    record = made_up({"sgd": PLAIN, "heavy-ball": PLAIN, "nag": FAST})
    assert say_momentum(record) == (
        "At batch size 8 heavy ball takes 1.00 times the steps of SGD (the seeds overlap) and "
        "Nesterov takes 1.01 times the steps of SGD (the seeds overlap); at batch size 32 heavy "
        "ball takes 1.00 times the steps of SGD (the seeds overlap) and Nesterov takes 0.24 times "
        "the steps of SGD (no two seeds overlap)."
    )
    assert most_with_momentum(record) == "1.00"
    gained = {"sgd": PLAIN, "heavy-ball": [*PLAIN[:2], [29, 30, 40]], "nag": FAST}
    assert most_with_momentum(made_up(gained)) == "0.60"
    bends = (
        "Steps fall nearly as fast as the batch grows up to 16 for heavy ball and SGD, up to 32 "
    )
    assert say_bends(record) == f"{bends}for Nesterov."
    assert say_largest(None, record) == f"{bends}for Nesterov (the shipped images)."
    assert say_largest(record, record).endswith("(the full data).")
    for verdict in (say_momentum, say_bends, say_nesterov):
        assert verdict(record) in say_all(record)
    assert say_nesterov(record) == (
        "Of 3 batch sizes Nesterov's method takes fewer steps than heavy ball at 2 and more at 1, "
        "by the medians; with every seed below every seed of the other it is ahead at 1 and "
        "behind at 0."
    )


def test_verdicts_when_a_method_does_not_arrive():
    record = made_up({"sgd": PLAIN, "heavy-ball": NEVER, "nag": FAST})
    assert "heavy ball does not reach the target, SGD does" in say_momentum(record)
    assert "heavy ball did not reach the target with the smallest batch" in say_bends(record)
    assert tabulate_bends(record).loc["heavy ball"].tolist() == ["not reached"] * 2 + ["–"] * 3
    assert "9 of 27 runs with fresh seeds missed the target" in say_search(record)
    all_there = made_up({"sgd": PLAIN, "heavy-ball": FAST, "nag": FAST})
    assert "none of the 27 runs with fresh seeds missed the target" in say_search(all_there)
    summary = summarize_batch_size(record)
    assert (summary["missed"], summary["coarsest"]) == ("9", "8")
    arrived = [seeds for curve in (PLAIN, FAST) for seeds in curve]
    assert summary["spread"] == f"{max(max(seeds) / min(seeds) for seeds in arrived):.1f}"
    record = made_up({"sgd": NEVER, "heavy-ball": NEVER, "nag": FAST})
    assert "nor does SGD" in say_momentum(record)
    assert "Nesterov reaches the target, SGD does not" in say_momentum(record)
    one_late = [[*seeds[:2], math.inf] for seeds in PLAIN]
    record = made_up({"sgd": PLAIN, "heavy-ball": one_late, "nag": PLAIN})
    assert "times the steps of SGD (the seeds overlap, not all arrived) and" in say_momentum(record)
    record = made_up({"sgd": NEVER, "heavy-ball": NEVER, "nag": NEVER})
    assert say_bends(record).startswith("SGD, heavy ball and Nesterov did not reach")


def test_half_of_the_seeds_missing_is_no_median():
    record = made_up({"sgd": [[1.0, math.inf, math.inf], [1.0, 2.0, math.inf], [1.0, 1.0, 1.0]]})
    assert curve_of(record, "sgd").median.tolist() == [math.inf, 2.0, 1.0]


def test_figures_hold_a_line_for_each_optimizer():
    record = made_up({"sgd": PLAIN, "heavy-ball": NEVER, "nag": FAST})
    counts, examples = draw_batch_sizes(record).axes
    labels = [
        line.get_label() for line in counts.lines if not str(line.get_label()).startswith("_")
    ]
    assert labels == ["SGD", "heavy ball", "Nesterov"]
    middle = np.asarray(examples.lines[0].get_ydata())
    assert middle == pytest.approx([8 * 100, 16 * 52, 32 * 50])
    assert counts.get_ylim()[0] > 1
    assert "not measured" in draw_batch_sizes(None).axes[0].texts[0].get_text()
    assert len(draw_trials(record, 8).axes) == 2


def test_example_gradients_are_those_of_autograd():
    data = load_fashion_mnist()[0].subset(list(range(5)))
    inputs, model = torch.nn.functional.avg_pool2d(data.images, 2), make_small_mlp(0)
    each = example_gradients(model, inputs, data.labels)
    for i in range(5):
        model.zero_grad()
        cross_entropy(model(inputs[i : i + 1]), data.labels[i : i + 1]).backward()
        alone = torch.cat([p.grad.flatten() for p in model.parameters()])  # pyright: ignore
        assert each[i] == pytest.approx(alone.numpy(), abs=1e-6)


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_the_noise_is_that_of_all_batches_there_are(size):
    gradients = np.random.default_rng(0).normal(1.0, 2.0, (6, 3))
    mean = gradients.mean(axis=0)
    noise = float(((gradients - mean) ** 2).sum(axis=1).mean())
    scale = NoiseScale(steps=0, loss=1.0, signal=float(mean @ mean), noise=noise, count=6)
    batches = [gradients[list(b)].mean(axis=0) for b in itertools.combinations(range(6), size)]
    exact = np.mean([((batch - mean) ** 2).sum() for batch in batches]) / (mean @ mean)
    assert scale.noise_share(np.array([size]))[0] == pytest.approx(exact, abs=1e-12)


def test_the_noise_figure_marks_the_scales():
    few = load_fashion_mnist()[0].subset(list(range(60)))
    scales = measure_noise_scales(few, looks=[0, 3], step_size=0.1, batch_size=20, seed=1)
    assert scales[0].steps == 0
    assert scales[1].loss < scales[0].loss
    (axes,) = draw_noise_scales(scales).axes
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [np.asarray(mark.get_xdata())[0] for mark in marks] == [
        s.scale for s in scales if s.scale < 60
    ]


@pytest.mark.parametrize(("optimizer", "batch_size"), [("nag", 64), ("adam", 256)])
def test_a_setting_is_measured_again_within_the_recorded_spread(optimizer, batch_size):
    record = load_if_recorded(experiment.EXPERIMENT_SMALL, "cpu", find_root())
    if record is None:
        pytest.skip("batch-size-small is not recorded yet")
    wanted = {"optimizer": optimizer, "batch_size": batch_size}
    (row,) = [row for row in record.rows if wanted.items() <= row.items()]
    (setting,) = [s for s in SMALL.settings() if wanted.items() <= s.items()]
    chosen = trials(setting)[row["trial"]]
    steps = experiment.steps_to_target(setting, [chosen] * 2, (0, 1), "cpu", None)
    for value in steps:
        assert agrees(value, summarize(row["steps"]), k=4.0, at_least=2 * row["every"])
