"""Copies trained at once, against one training after the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_copies import make_tiny, plain_losses
from torch import nn

from nagcore.core import Adam, HeavyBall, Nesterov
from nagcore.optim import NAG, Adan, Muon, NAdamW, ScheduleFree, ScheduleFreeAdamW
from nagcore.training.copies import RULES, Examples, find_rule, train_copies
from nagcore.training.data import ImageData
from nagcore.training.fit import fit
from nagcore.training.models import make_cnn
from nagcore.training.stopping import Steps

LOSS = nn.CrossEntropyLoss()
STEP_SIZES, MOMENTA = (0.02, 0.05, 0.01), (0.9, 0.5, 0.0)


def muon(params, lr, momentum):
    return Muon(
        params,
        lr,
        momentum,
        adjust_lr_fn="match_rms_adamw",
        fallback_lr=lr,
        fallback_betas=(0.9, 0.999),
        weight_decay=0.1,
    )


# Torch's own where torch has the method, else this package's, which has tests of its own.
SINGLE = {
    "sgd": lambda p, lr, momentum: torch.optim.SGD(p, lr),
    "heavy-ball": lambda p, lr, momentum: torch.optim.SGD(p, lr, momentum),
    "nag": NAG,
    "adam": lambda p, lr, momentum: torch.optim.Adam(p, lr),
    "adamw": lambda p, lr, momentum: torch.optim.AdamW(p, lr, weight_decay=0.1),
    "nadam": lambda p, lr, momentum: torch.optim.NAdam(p, lr),
    "nadamw": lambda p, lr, momentum: NAdamW(p, lr, weight_decay=0.1),
    "adan": lambda p, lr, momentum: Adan(p, lr, weight_decay=0.1),
    "muon": muon,
    "schedule-free": lambda p, lr, momentum: ScheduleFree(p, lr, momentum),
    "schedule-free-adamw": lambda p, lr, momentum: ScheduleFreeAdamW(
        p, lr, betas=(momentum, 0.999), weight_decay=0.1
    ),
}


def copies(examples, name, **options):
    hyper = {"step_size": STEP_SIZES, "momentum": MOMENTA, "weight_decay": [0.1] * 3}
    arguments = {"seeds": [3, 3, 4], "steps": 12, "batch_size": 8, "every": 1} | options
    return train_copies(make_tiny, LOSS, examples, find_rule(name), hyper, **arguments)


def test_every_rule_is_tested():
    assert set(SINGLE) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_each_copy_walks_the_path_of_a_training_alone(name, examples):
    """Over three epochs of five steps, in which four examples are left out each time."""
    at_once = copies(examples, name)
    for copy, seed in enumerate((3, 3, 4)):
        model = make_tiny(seed)
        optimizer = SINGLE[name](model.parameters(), STEP_SIZES[copy], MOMENTA[copy])
        alone = plain_losses(model, LOSS, examples, optimizer, seed=seed, steps=12, batch_size=8)
        # float32 constants inside some of torch's own steps
        np.testing.assert_allclose(at_once.train_loss[copy], alone, rtol=1e-8)


def test_hyperparameters_and_seeds_make_the_copies_differ(examples):
    ends = copies(examples, "nag").train_loss[:, -1]
    assert len(set(ends.tolist())) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("name", "what"), [("nag", True), ("adan", "rule"), ("nag", "step")])
def test_what_is_compiled_takes_the_same_steps(name, what, examples, recwarn):
    plain, compiled = copies(examples, name), copies(examples, name, compile=what)
    np.testing.assert_allclose(compiled.train_loss, plain.train_loss, rtol=1e-10)
    assert not [w for w in recwarn if "compile" in str(w.message)]


def test_images_are_seen_in_the_order_of_fit(train, test_set):
    """fit on the CPU, with as many images as go into whole batches."""
    seeds, rate = [0, 5], 0.05
    at_once = train_copies(
        lambda seed: make_cnn(seed, width=2),
        LOSS,
        train,
        lambda h: Nesterov(lambda _: h["momentum"]),  # pyright: ignore[reportArgumentType]
        {"step_size": [rate] * 2, "momentum": [0.9] * 2},
        seeds=seeds,
        steps=9,
        batch_size=20,
        every=3,
        evaluate=test_set,
        metrics={"accuracy": lambda scores, labels: (scores.argmax(1) == labels).double().mean()},
    )
    for copy, seed in enumerate(seeds):
        model = make_cnn(seed, width=2)
        optimizer = NAG(model.parameters(), rate, 0.9)
        until = Steps(9)
        alone = fit(
            model, LOSS, train, optimizer, batch_size=20, until=until, seed=seed,
            evaluate_on=test_set,
        )  # fmt: skip
        rows = alone.rows[1:]
        for name in ("train_loss", "eval_loss"):
            expected = [row.value(name) for row in rows]
            np.testing.assert_allclose(at_once.values(name)[copy], expected, rtol=1e-5)
        accuracy = [row.eval_accuracy for row in rows]
        np.testing.assert_allclose(at_once.metrics["accuracy"][copy], accuracy, atol=1e-9)


def test_the_ends_are_distributed_as_those_of_single_trainings(shipped):
    """In float32 the paths part after many steps; what they lead to does not."""
    images = shipped[0].subset(list(range(300)))
    data = ImageData(images.images[:, :, ::4, ::4], images.labels, images.classes)
    seeds, steps = list(range(12)), 120

    def make(seed):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(49, 8), nn.ReLU(), nn.Linear(8, 10))

    with torch.random.fork_rng():
        hyper = {"step_size": [0.1] * 12, "momentum": [0.9] * 12}
        at_once = train_copies(
            make, LOSS, data, find_rule("nag"), hyper,
            seeds=[seed + 100 for seed in seeds], steps=steps, batch_size=30, every=10,
        )  # fmt: skip
        alone = []
        for seed in seeds:
            model = make(seed)
            optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, nesterov=True)
            examples = Examples(data.images, data.labels)
            path = plain_losses(
                model, LOSS, examples, optimizer, seed=seed, steps=steps, batch_size=30
            )
            alone.append(np.mean(path[-10:]))
    ours = at_once.train_loss[:, -1]
    error = np.sqrt((np.var(ours, ddof=1) + np.var(alone, ddof=1)) / 12)
    assert abs(ours.mean() - np.mean(alone)) < 3.5 * error
    assert 1 / 3 < np.std(ours) / np.std(alone) < 3


# schedules


def schedule(k, h):
    """Warm up over four steps, and let the momentum grow as it did in 2013, in short periods."""
    warm = torch.clamp((k + 1) / 4, max=1.0)
    periods = torch.div(k, 3, rounding_mode="floor")
    momentum = torch.minimum(1 - 0.5 / (periods + 1), h["momentum"])
    return {**h, "step_size": h["step_size"] * warm, "momentum": momentum}


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_schedule_sets_step_size_and_momentum(examples, compiled):
    at_once = copies(examples, "nag", schedule=schedule, compile=compiled)
    for copy, seed in enumerate((3, 3, 4)):
        model, top = make_tiny(seed), MOMENTA[copy]
        method = Nesterov(lambda k: min(1 - 0.5 / (k // 3 + 1), top))  # noqa: B023
        parameters = list(model.parameters())
        states = [method.init(p.detach().clone()) for p in parameters]

        class ByHand:
            def zero_grad(self):
                model.zero_grad()  # noqa: B023
                for p, state in zip(parameters, states, strict=True):  # noqa: B023
                    p.data.copy_(method.query(state))  # noqa: B023

            def step(self):
                k = states[0].k  # noqa: B023
                size = STEP_SIZES[copy] * min((k + 1) / 4, 1.0)  # noqa: B023
                for i, p in enumerate(parameters):  # noqa: B023
                    states[i] = method.step(states[i], p.grad, size)  # noqa: B023

        alone = plain_losses(model, LOSS, examples, ByHand(), seed=seed, steps=12, batch_size=8)
        np.testing.assert_allclose(at_once.train_loss[copy], alone, rtol=1e-6)


def test_rules_of_core_are_taken_as_they_are(examples):
    def run(rule):
        hyper = {"step_size": [0.01, 0.02], "momentum": [0.9, 0.9]}
        return train_copies(
            make_tiny, LOSS, examples, rule, hyper, seeds=[0, 1], steps=6, batch_size=8, every=1
        ).train_loss

    assert np.array_equal(
        run(lambda h: HeavyBall(lambda _: h["momentum"])), run(find_rule("heavy-ball"))
    )
    assert np.array_equal(run(lambda h: Adam()), run(find_rule("adam")))
    assert not np.array_equal(run(lambda h: HeavyBall(0.5)), run(find_rule("heavy-ball")))
