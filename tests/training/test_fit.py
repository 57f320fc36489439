"""The loop against a plain one written here, bit for bit; its statuses, seeds and rows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nagcore.core import Backtracking
from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.optim.step_size_search import StepSizeSearch
from nagcore.training.evaluation import evaluate
from nagcore.training.fit import fit
from nagcore.training.models import RepairedCNN, make_cnn
from nagcore.training.source import epoch_seed
from nagcore.training.stopping import Diverged, Epochs, Patience, Steps, Target, WallTime

LOSS = nn.CrossEntropyLoss()


def nesterov_sgd(model: nn.Module, lr: float = 0.05) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def run(train, *, until=None, lr=0.05, seed=0, batch_size=25, model=None, **options):
    model = make_cnn(0, width=2) if model is None else model
    history = fit(
        model,
        LOSS,
        train,
        nesterov_sgd(model, lr),
        batch_size=batch_size,
        until=until or Epochs(2),
        seed=seed,
        **options,
    )
    return history, model


def test_equals_a_plain_loop_bit_for_bit(train):
    _, model = run(train, until=Epochs(3), seed=11)
    plain = make_cnn(0, width=2)
    optimizer = nesterov_sgd(plain)
    for epoch in range(3):
        generator = torch.Generator().manual_seed(epoch_seed(11, epoch))
        order = torch.randperm(60, generator=generator)
        for start in (0, 25, 50):
            batch = order[start : start + 25]
            optimizer.zero_grad()
            LOSS(plain(train.images[batch]), train.labels[batch]).backward()
            optimizer.step()
    assert torch.equal(weights(model), weights(plain))


def test_full_batch_is_gradient_descent(train):
    history, model = run(train, until=Steps(1), batch_size=60)
    plain = make_cnn(0, width=2)
    optimizer = nesterov_sgd(plain)
    LOSS(plain(train.images), train.labels).backward()
    optimizer.step()
    torch.testing.assert_close(weights(model), weights(plain), rtol=1e-4, atol=1e-6)
    assert history.final.train_loss == pytest.approx(history.rows[0].train_loss, rel=1e-5)


def test_same_seed_same_bits_other_seed_other_bits(train, test_set):
    first, model = run(train, evaluate_on=test_set)
    torch.rand(5)
    again, twin = run(train, evaluate_on=test_set)
    _, other = run(train, seed=1)
    assert torch.equal(weights(model), weights(twin))
    assert not torch.equal(weights(model), weights(other))
    assert first.frame().drop(columns="seconds").equals(again.frame().drop(columns="seconds"))


def test_dropout_is_seeded_and_the_global_state_left_alone(train):
    def model() -> nn.Sequential:
        return nn.Sequential(nn.Dropout(0.5), make_cnn(0, width=1))

    before = torch.random.get_rng_state()
    _, first = run(train, until=Epochs(1), model=model())
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(99)
    _, second = run(train, until=Epochs(1), model=model())
    assert torch.equal(weights(first), weights(second))


def test_training_is_in_training_mode(train):
    first, second = (nn.Sequential(nn.Dropout(0.5), make_cnn(0, width=1)) for _ in range(2))
    run(train, until=Epochs(2), model=first)
    run(train, until=Epochs(2), model=second.eval())
    assert second[0].training
    assert torch.equal(weights(first), weights(second))


def test_evaluation_does_not_change_training(train, test_set):
    _, with_evaluation = run(train, evaluate_on=test_set)
    _, without = run(train)
    assert torch.equal(weights(with_evaluation), weights(without))


def test_rows_tell_the_course_of_the_run(train, test_set):
    history, model = run(train, until=Epochs(3), evaluate_on=test_set)
    start = make_cnn(0, width=2)
    frame = history.frame()
    assert frame["epoch"].tolist() == [0, 1, 2, 3]
    assert frame["step"].tolist() == [0, 3, 6, 9]
    assert frame["seconds"].is_monotonic_increasing
    assert history.rows[0].train_loss == evaluate(start, LOSS, train).loss
    assert history.rows[0].eval_accuracy == evaluate(start, LOSS, test_set).accuracy
    assert history.final.eval_loss == evaluate(model, LOSS, test_set).loss
    assert history.final.train_loss < history.rows[0].train_loss
    assert (history.status, history.message) == ("budget", "3 epochs done")
    assert model.training


def test_train_loss_weighs_every_sample_alike(train):
    # With lr 0 nothing moves: the mean over mini-batches of 25, 25 and 10 is the mean over all.
    history, _ = run(train, until=Epochs(1), lr=0.0)
    assert history.final.train_loss == pytest.approx(history.rows[0].train_loss, rel=1e-6)


def test_without_evaluation_data_the_columns_are_not_numbers(train):
    history, _ = run(train, until=Steps(1))
    assert all(math.isnan(row.eval_loss) and math.isnan(row.eval_accuracy) for row in history.rows)


def test_nag_is_judged_at_the_iterate(train, test_set):
    model = make_cnn(0, width=2)
    optimizer = NAG(model.parameters(), lr=0.05, momentum=0.9)
    options = {"batch_size": 25, "until": Epochs(2), "evaluate_on": test_set}
    history = fit(model, LOSS, train, optimizer, **options)
    at_query = evaluate(model, LOSS, test_set).loss
    with optimizer.at_iterate():
        at_iterate = evaluate(model, LOSS, test_set).loss
    assert history.final.eval_loss == at_iterate != at_query


def test_restarts_are_counted_in_the_history_and_shown(train, capsys):
    model = make_cnn(0, width=2)
    optimizer = NAG(model.parameters(), lr=0.3, momentum=0.95, restart="function")
    options = {"batch_size": 60, "until": Epochs(30), "progress": True}
    history = fit(model, LOSS, train, optimizer, **options)
    counts = history.frame()["restarts"].tolist()
    assert counts[0] == 0 < counts[-1] == optimizer.restarts
    assert counts == sorted(counts)
    assert f"restarts {optimizer.restarts}" in capsys.readouterr().out
    history, _ = run(train, until=Epochs(1))
    assert history.frame()["restarts"].tolist() == [0, 0]


def test_restarts_are_read_at_the_end_of_an_epoch_only(train):
    class Counted(NAG):
        reads = 0

        @property
        def restarts(self) -> int:
            self.reads += 1
            return super().restarts

    model = make_cnn(0, width=2)
    optimizer = Counted(model.parameters(), lr=0.05, restart="speed")
    history = fit(model, LOSS, train, optimizer, batch_size=10, until=Epochs(2))
    assert optimizer.reads == len(history.rows) == 3


def test_a_step_size_is_searched_for_on_the_full_batch(train, test_set):
    model = make_cnn(0, width=2)
    search = StepSizeSearch(NAG(model.parameters(), momentum=0.9), Backtracking(first=8.0))
    options = {"batch_size": 60, "until": Epochs(15), "evaluate_on": test_set}
    history = fit(model, LOSS, train, search, **options)
    assert search.steps == 15
    assert search.L is not None
    assert search.L > 1 / 8
    assert history.final.train_loss < 0.9 * history.rows[0].train_loss
    at_query = evaluate(model, LOSS, test_set).loss
    assert history.final.eval_loss != at_query  # but at the iterate
    assert history.final.eval_loss == evaluate(model, LOSS, test_set, optimizer=search).loss


def test_a_search_on_mini_batches_is_warned_of(train):
    model = make_cnn(0, width=2)
    search = StepSizeSearch(NAG(model.parameters()))
    with pytest.warns(UserWarning, match="StepSizeSearch with batch_size=30 of 60 images"):
        fit(model, LOSS, train, search, batch_size=30, until=Steps(2))


def test_steps_stop_within_an_epoch(train):
    history, _ = run(train, until=Steps(4))
    assert [row.step for row in history.rows] == [0, 3, 4]
    assert (history.status, history.message) == ("budget", "4 steps done")


def test_time_stops_within_an_epoch(train):
    history, _ = run(train, until=WallTime(1e-9))
    assert history.final.step == 1
    assert history.status == "budget"


def test_target_stops_and_may_hold_at_the_start(train, test_set):
    until = Target("eval_accuracy", at_least=0.3) | Epochs(30)
    history, _ = run(train, until=until, evaluate_on=test_set)
    assert history.status == "target"
    assert history.final.eval_accuracy >= 0.3 > max(r.eval_accuracy for r in history.rows[:-1])
    history, _ = run(train, until=Target("train_loss", at_most=99.0) | Epochs(1))
    assert len(history.rows) == 1


def test_patience_stops_a_run_that_stands_still(train):
    history, _ = run(train, until=Patience("train_loss", 2) | Epochs(50), lr=0.0, batch_size=60)
    assert history.status == "patience"
    assert history.final.epoch < 50


def test_a_verdict_within_an_epoch_is_final(train):
    # The target held at the start and no longer at the cut: the run ends all the same.
    start = evaluate(make_cnn(0, width=2), LOSS, train).loss
    until = Target("train_loss", at_least=start * 0.999) & Steps(2) | Epochs(3)
    history, _ = run(train, until=until, lr=0.05)
    assert history.final.step == 2
    assert history.status == "target and budget"


def test_divergence_is_a_status(train, test_set):
    history, _ = run(train, until=Epochs(50), lr=1e6, evaluate_on=test_set)
    assert history.status == "diverged"
    assert not math.isfinite(history.final.train_loss)
    assert history.final.epoch < 50
    assert "lower the lr" in history.message


def test_divergence_by_a_factor_is_asked_for(train):
    until = Diverged(factor=1.5) | Epochs(5)
    history, _ = run(train, until=until, lr=2.0)
    assert history.status == "diverged"
    assert math.isfinite(history.final.train_loss)


def test_progress_shows_and_changes_nothing(train, test_set, capsys):
    _, silent = run(train, until=Epochs(1), evaluate_on=test_set)
    assert capsys.readouterr().out == ""
    _, shown = run(train, until=Epochs(1), evaluate_on=test_set, progress=True)
    drawn = capsys.readouterr().out
    assert "3/3" in drawn
    assert "loss" in drawn
    assert "accuracy" in drawn
    assert torch.equal(weights(silent), weights(shown))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 61}, "batch_size=61 .* from 1 to 60, the number of images"),
        ({"batch_size": 2.5}, r"batch_size=2\.5"),
        ({"seed": -1}, "seed=-1"),
        ({"until": 20}, "20 is not a stopping condition"),
        ({"until": Target("train_loss", at_most=0.1)}, "may never stop"),
        ({"until": Patience("eval_loss", 1) | Epochs(1)}, "give evaluate_on"),
    ],
)
def test_bad_arguments_are_named(train, options, says):
    model = make_cnn(0, width=2)
    start = weights(model)
    with pytest.raises(UsageError, match=says):
        run(train, model=model, **options)
    assert torch.equal(weights(model), start)


def test_no_images_and_another_device_are_refused(train):
    with pytest.raises(UsageError, match="number of training images=0"):
        run(train.subset([]))
    with torch.device("meta"):
        elsewhere = RepairedCNN(1)
    with pytest.raises(UsageError, match="data is on cpu and the model on meta"):
        run(train, model=elsewhere)
    with pytest.raises(UsageError, match="data is on cpu"):
        run(train, model=elsewhere, evaluate_on=train)


def test_a_loss_that_is_not_one_number_is_refused(train):
    model = make_cnn(0, width=1)
    with pytest.raises(UsageError, match="reduction='mean'"):
        fit(
            model,
            nn.CrossEntropyLoss(reduction="none"),
            train,
            nesterov_sgd(model),
            batch_size=10,
            until=Steps(1),
        )
