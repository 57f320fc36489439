"""The runs of chapter 11: the rule, the schedule, the images, and copies against a plain loop."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from nagcore.core import GradientDescent, HeavyBall, Nesterov
from nagcore.core.momentum import Schedule2013
from nagcore.errors import DataError, UsageError
from nagcore.evidence.autoencoder_images import load_training_images, pool
from nagcore.evidence.autoencoder_methods import (
    CONTESTANTS,
    CompressedSchedule,
    LookAhead,
    compression_of,
    find_contestant,
    finish_of,
)
from nagcore.evidence.autoencoder_runs import (
    count_numbers,
    moved_bytes,
    operations,
    train_autoencoders,
)
from nagcore.evidence.experiments import autoencoder_scales, autoencoders
from nagcore.evidence.published_2013 import METHODS, SCALES, TABLE_1, TABLE_2
from nagcore.evidence.statistics import agrees, summarize
from nagcore.evidence.store import load_if_recorded
from nagcore.fashion_mnist import load_arrays
from nagcore.fashion_mnist.idx import encode_idx
from nagcore.training.autoencoder import (
    cross_entropy_of_pixels,
    make_autoencoder,
    squared_error,
)
from nagcore.training.copies.order import Order
from nagcore.training.curves import make_curves

ROOT = Path(__file__).parents[2]
TINY = {
    "sizes": {"curves": (196, 9, 4)},
    "steps": {"curves": 20},
    "images": {"curves": 60},
    "batch_size": {"curves": 20},
}
BOTH = (autoencoders, autoencoder_scales)


def tiny_settings(**axes):
    few = {"data": ("curves",), "lr": (0.01,), "seed": (0,)} | axes
    return autoencoders.SMALL.declaration.replace(**TINY, **few).settings()


# the rule


@pytest.mark.parametrize(
    ("look", "make"),
    [
        (1.0, Nesterov),
        (0.0, HeavyBall),
        (0.0, lambda _: GradientDescent()),
        (1.0, lambda _: GradientDescent()),
    ],
    ids=["nesterov", "heavy ball", "gradient descent", "gradient descent, looking ahead"],
)
def test_the_rule_with_two_numbers_has_the_iterates_of_the_methods(look, make):
    sequence = Schedule2013(0.99, period=3)
    judge = make(sequence)
    plain = isinstance(judge, GradientDescent)
    x0 = np.array([1.0, -2.0])
    state, theirs = LookAhead(0.0, look).init(x0), judge.init(x0)
    curvature = np.array([3.0, 0.2])
    for k in range(40):
        method = LookAhead(0.0 if plain else sequence(k), look)
        query = method.query(state)
        assert query == pytest.approx(judge.query(theirs), abs=1e-12)
        state = method.step(state, curvature * query, 0.1)
        theirs = judge.step(theirs, curvature * judge.query(theirs), 0.1)
        assert state.x == pytest.approx(theirs.x, abs=1e-12)
    assert state.k == 40


# the schedule


@pytest.mark.parametrize("ceiling", [0.0, 0.9, 0.99, 0.999])
def test_without_compression_the_schedule_is_that_of_2013(ceiling):
    schedule, judge = CompressedSchedule(750_000, 1000), Schedule2013(ceiling)
    ks = [0, 249, 250, 1000, 124_749, 124_750, 600_000, 748_999]
    top = torch.tensor(ceiling, dtype=torch.float64)
    for k in ks:
        assert float(schedule.momentum(torch.tensor(k), top)) == pytest.approx(judge(k), abs=1e-15)
    for k in (749_000, 749_999):
        assert float(schedule.momentum(torch.tensor(k), top)) == min(ceiling, 0.9)


@pytest.mark.parametrize("steps", [75_000, 25_000, 18_750])
def test_a_compressed_run_has_the_momentum_of_its_share_of_the_published_one(steps):
    schedule, judge = CompressedSchedule(steps, 1000), Schedule2013(0.999)
    top = torch.tensor(0.999, dtype=torch.float64)
    for k in range(0, steps - 1000, 977):
        found = float(schedule.momentum(torch.tensor(k), top))
        assert found == pytest.approx(judge(k * 750_000 // steps), abs=1e-15)
    momentum = schedule.momentum(torch.arange(steps), top.expand(steps)).numpy()
    (reached,) = np.nonzero(momentum >= 0.999)
    assert reached.min() / steps == pytest.approx(124_750 / 750_000, abs=1e-3)
    assert reached.max() == steps - 1001


def test_a_short_run_is_compressed_forty_times_and_no_more():
    schedule, judge = CompressedSchedule(2000, 100), Schedule2013(0.999)
    top = torch.tensor(0.999, dtype=torch.float64)
    for k in range(0, 1900, 7):
        found = float(schedule.momentum(torch.tensor(k), top))
        assert found == pytest.approx(judge(40 * k), abs=1e-15)
        # about a third of the steps taken, after the beginning
        assert 1 / (1 - found) <= k / 3 + 2
    assert (compression_of(2000), compression_of(18_750), compression_of(75_000)) == (40, 40, 10)


def test_the_schedule_leaves_the_other_hyperparameters_alone():
    h = {"ceiling": torch.tensor(0.9), "step_size": torch.tensor(0.1), "momentum": torch.zeros(())}
    now = CompressedSchedule(100, 5)(torch.tensor(50), h)
    assert now["step_size"] is h["step_size"]
    assert float(now["momentum"]) == pytest.approx(0.9)
    assert float(h["momentum"]) == 0


@pytest.mark.parametrize(("steps", "finish"), [(750_000, 1000), (20_000, 1000), (100, 5), (3, 1)])
def test_the_finish_is_a_thousand_steps_or_a_twentieth(steps, finish):
    assert finish_of(steps) == finish


@pytest.mark.parametrize(("steps", "finish"), [(10, 10), (10, -1)])
def test_a_finish_that_takes_the_whole_run_is_refused(steps, finish):
    with pytest.raises(UsageError, match="shorter"):
        CompressedSchedule(steps, finish)


def test_an_unknown_method_is_refused_with_the_closest():
    with pytest.raises(UsageError, match=r"nag-0\.99"):
        find_contestant("nag-0.98")


# the images


def test_images_come_by_name_in_rows_from_0_to_1():
    assert torch.equal(load_training_images("curves", 5), make_curves(5, 1)[0])
    images = load_training_images("fashion-mnist", 7)
    assert images.numpy() == pytest.approx(load_arrays().train_images[:7].reshape(7, 784) / 255)


def test_pooling_takes_means_of_squares():
    images = load_training_images("curves", 4)
    pooled = load_training_images("curves", 4, pooled=2)
    judge = torch.nn.functional.avg_pool2d(images.view(4, 1, 28, 28), 2).flatten(1)
    assert torch.allclose(pooled, judge)
    assert torch.equal(pool(images, 1), images)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_mnist_is_read_from_the_folder_that_is_named(tmp_path, monkeypatch, ending):
    pixels = np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28)
    content = encode_idx(pixels)
    path = tmp_path / f"train-images-idx3-ubyte{ending}"
    path.write_bytes(gzip.compress(content) if ending else content)
    monkeypatch.setenv("NAGCORE_MNIST", str(tmp_path))
    images = load_training_images("mnist", 2)
    assert images.numpy() == pytest.approx(pixels[:2].reshape(2, 784) / 255)
    with pytest.raises(DataError, match="3 training images"):
        load_training_images("mnist", 4)


def test_images_that_are_not_there_are_refused(monkeypatch):
    monkeypatch.delenv("NAGCORE_MNIST", raising=False)
    with pytest.raises(DataError, match="NAGCORE_MNIST"):
        load_training_images("mnist", 1)
    with pytest.raises(DataError, match="curves"):
        load_training_images("curve", 1)


# the runs


@pytest.mark.parametrize("method", ["sgd", "nag-0.9", "heavy-ball-0.99"])
def test_a_copy_follows_a_plain_loop(method):
    """Autograd, the rule of the core and the same batches, without copies and without vmap."""
    (setting,) = tiny_settings(method=(method,))
    images = load_training_images("curves", 60, pooled=2)
    model = make_autoencoder(0, (196, 9, 4))
    schedule, contestant = Schedule2013(find_contestant(method).ceiling), find_contestant(method)
    published = [min(schedule(k * 40), 0.9 if k >= 19 else 1.0) for k in range(20)]
    rule = {"sgd": HeavyBall, "nag": Nesterov, "heavy-ball": HeavyBall}[contestant.method](
        published.__getitem__
    )
    parameters = list(model.parameters())
    states = [rule.init(p.detach().clone()) for p in parameters]
    batches = torch.cat([Order([0], 60, 20).chunk(3 * epoch, 9)[:, 0] for epoch in range(7)])
    errors = []
    for index in batches[:20]:
        with torch.no_grad():
            for p, state in zip(parameters, states, strict=True):
                p.copy_(rule.query(state))
        loss = cross_entropy_of_pixels(model(images[index]), images[index])
        gradients = torch.autograd.grad(loss, parameters)
        states = [rule.step(s, g, 0.01) for s, g in zip(states, gradients, strict=True)]
        with torch.no_grad():
            for p, state in zip(parameters, states, strict=True):
                p.copy_(state.x)
            errors.append(float(squared_error(model(images), images)))
    row = train_autoencoders([setting], "cpu")[0]
    assert row["error"] == pytest.approx([errors[k - 1] for k in row["step"]], rel=1e-4)
    assert row["error_before"] == pytest.approx(errors[18], rel=1e-4)
    assert row["error_after"] == pytest.approx(errors[19], rel=1e-4)


def test_copies_together_are_the_copies_alone():
    settings = tiny_settings(lr=(0.01, 0.002), seed=(0, 1))
    together = train_autoencoders(settings, "cpu")
    for index in (0, 7, len(settings) - 1):
        (alone,) = train_autoencoders([settings[index]], "cpu")
        assert together[index]["error"] == pytest.approx(alone["error"], rel=1e-4)


def test_a_run_that_diverges_is_a_result():
    settings = tiny_settings(lr=(1e30, 0.01), method=("nag-0.99",))
    wild, tame = train_autoencoders(settings, "cpu")
    assert (wild["status"], tame["status"]) == ("diverged", "budget")
    assert math.isnan(wild["error_after"])
    assert math.isfinite(tame["error_after"])


def test_operations_are_those_that_torch_counts():
    sizes, batch = (784, 40, 20, 6), 8
    model, images = make_autoencoder(0, sizes), torch.rand(batch, 784)
    with FlopCounterMode(display=False) as counter:
        cross_entropy_of_pixels(model(images), images).backward()
    assert operations(sizes, batch) == counter.get_total_flops()
    assert count_numbers(sizes) == sum(p.numel() for p in model.parameters())
    assert moved_bytes(sizes) == 9 * 4 * count_numbers(sizes)


# the experiments


@pytest.mark.parametrize("module", BOTH, ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_three_sizes_are_one_experiment(module):
    main, small, full = (
        each.declaration for each in (module.EXPERIMENT, module.SMALL, module.FULL)
    )
    assert (small.name, full.name) == (f"{main.name}-small", f"{main.name}-full")
    assert main.columns == small.columns == full.columns
    assert (main.devices, small.devices, full.devices) == (("cuda",), ("cpu",), ("cuda",))
    assert (module.EXPERIMENT.tier, module.SMALL.tier, module.FULL.tier) == (1, 1, 2)
    assert full.constants["steps"]["curves"] == 750_000
    assert set(full.axes["lr"]) == {0.05, 0.01, 0.005, 0.001, 0.0005, 0.0001}
    assert len(full.axes["seed"]) >= 3
    for each in (main, small, full):
        steps = each.constants["steps"]["curves"]
        assert finish_of(steps) < steps
        for sizes in each.constants["sizes"].values():
            assert sizes[0] == 784 // each.constants["pooled"] ** 2


def test_a_small_setting_is_measured_with_the_columns_declared():
    for module in BOTH:
        declaration = module.SMALL.declaration.replace(**TINY)
        small = type(module.SMALL)(declaration, module.measure, together=module.SMALL.together)
        settings = declaration.settings()[:2]
        rows = small.measured_together(settings, "cpu", None)
        assert rows[1]["error"] == pytest.approx(
            small.measured(settings[1], "cpu")["error"], rel=1e-4
        )


def test_the_published_tables_agree_with_one_another():
    assert tuple(CONTESTANTS) == METHODS
    for name, finish in TABLE_2.items():
        nag = [error for method, error in TABLE_1[name].items() if method.startswith("nag")]
        assert finish.after == min(nag)
        assert finish.before > finish.after
        assert set(TABLE_1[name]) == set(METHODS)
    assert SCALES[1.0] == TABLE_1["curves"]["nag-0.999"]
    assert tuple(SCALES) == autoencoder_scales.SCALES


@pytest.mark.slow
@pytest.mark.parametrize("method", ["nag-0.9", "heavy-ball-0.9", "sgd"])
def test_a_seed_is_measured_again_within_the_spread_of_the_record(method):
    record = load_if_recorded(autoencoders.SMALL, "cpu", ROOT)
    if record is None:
        pytest.skip("autoencoders-small is not recorded yet")
    chosen = {"data": "curves", "method": method, "lr": 0.01}
    settings = [s for s in record.declaration.settings() if chosen.items() <= s.items()]
    now = train_autoencoders(settings[:1], "cpu")[0]
    then = [row for row in record.rows if chosen.items() <= row.items()]
    for column in ("error_before", "error_after"):
        summary = summarize(row[column] for row in then)
        assert agrees(now[column], summary, k=4.0, at_least=0.01 * summary.mean), column
