"""The loop with a rate setter, against a loop written out, and resumed from a checkpoint."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from nagcore.training.callbacks import Callback
from nagcore.training.checkpoints import Checkpoints
from nagcore.training.fit import fit
from nagcore.training.models import make_cnn
from nagcore.training.rates import Cosine, GradientRangeLimiter, RateSetter, TorchSchedule
from nagcore.training.stopping import Steps

LOSS = nn.CrossEntropyLoss()
STEPS = 8


class Tells(Callback):
    """Gives orders after some steps."""

    def on_step(self, run):
        assert run.rate is not None
        if run.step == 3:
            run.rate.lower(0.5, why="after three steps")
        if run.step == 6:
            run.rate.set(0.3)


def start(make):
    model = make_cnn(0, width=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return model, optimizer, make(optimizer)


def train_on(data, parts, steps, **options):
    model, optimizer, rate = parts
    fit(
        model,
        LOSS,
        data,
        optimizer,
        rate=rate,
        batch_size=20,
        until=Steps(steps),
        callbacks=[Tells()],
        evaluate_on=data,
        **options,
    )
    return [p.detach().clone() for p in model.parameters()]


def one_cycle(optimizer):
    return RateSetter(TorchSchedule(lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=STEPS)))


def bounded(optimizer):
    rate = RateSetter(Cosine(STEPS), limiter=GradientRangeLimiter(K=0.2, most=0.05))
    rate.add_warm_up(2)
    rate.lower_on_plateau("eval_loss", 0.5, 1)
    return rate


def test_the_loop_sets_the_rate_for_the_gradient_at_hand(train):
    model, optimizer, _ = start(one_cycle)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=STEPS)
    k = 0
    for epoch in range(3):
        for batch in train.batches(20, seed=0, epoch=epoch):
            if k == STEPS:
                break
            optimizer.zero_grad()
            LOSS(model(batch.inputs), batch.targets).backward()
            optimizer.step()
            scheduler.step()
            k += 1

    own = start(one_cycle)
    fit(own[0], LOSS, train, own[1], rate=own[2], batch_size=20, until=Steps(STEPS))
    for p, q in zip(model.parameters(), own[0].parameters(), strict=True):
        assert torch.equal(p, q)


def test_the_limiter_is_given_the_largest_entry_of_the_gradient(train, monkeypatch):
    model, optimizer, rate = start(
        lambda _: RateSetter(limiter=GradientRangeLimiter(K=0.0, most=0.1))
    )
    seen = []
    monkeypatch.setattr(rate, "before_step", lambda *given: seen.append(tuple(map(float, given))))
    fit(model, LOSS, train, optimizer, rate=rate, batch_size=60, until=Steps(1))
    other = make_cnn(0, width=2)
    LOSS(other(train.images), train.labels).backward()
    largest = max(p.grad.abs().max().item() for p in other.parameters() if p.grad is not None)
    assert seen == [(0, pytest.approx(largest, rel=1e-5))]


@pytest.mark.parametrize("make", [one_cycle, bounded])
@pytest.mark.parametrize("stop", [2, 3, 5])
def test_a_run_is_resumed_to_the_bit(train, tmp_path, make, stop):
    straight = start(make)
    expected = train_on(train, straight, STEPS)
    keep = partial(Checkpoints, tmp_path / "run", every_steps=1)
    train_on(train, start(make), stop, checkpoints=keep())
    again = start(make)
    found = train_on(train, again, STEPS, checkpoints=keep(resume=True))
    assert all(torch.equal(p, q) for p, q in zip(expected, found, strict=True))
    assert again[2].changes == straight[2].changes
    assert again[2].history_frame().equals(straight[2].history_frame())
    assert len({change.why for change in again[2].changes}) >= 2
