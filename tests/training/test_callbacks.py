"""Callbacks, reports within an epoch, further metrics, and signals."""

from __future__ import annotations

import os
import signal
import threading

import pytest
import torch
from torch import nn

from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.training.callbacks import Callback
from nagcore.training.checkpoints import Checkpoints
from nagcore.training.fit import fit
from nagcore.training.models import make_cnn
from nagcore.training.rates import Exponential, GradientRangeLimiter, RateSetter
from nagcore.training.signals import noticed_signals
from nagcore.training.stopping import Epochs, Signal, Steps, Target

LOSS = nn.CrossEntropyLoss()


def run(train, **options):
    model = make_cnn(0, width=2)
    optimizer = NAG(model.parameters(), lr=0.05, momentum=0.9)
    options = {"batch_size": 25, "until": Epochs(2), **options}
    return fit(model, LOSS, train, optimizer, **options)


class Witness(Callback):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_start(self, run) -> None:
        self.calls.append(f"start {run.step}")

    def on_step(self, run) -> None:
        self.calls.append(f"step {run.step}")

    def on_report(self, run) -> None:
        self.calls.append(f"report {run.rows[-1].step}")

    def on_end(self, run) -> None:
        self.calls.append(f"end {run.step}")


def test_callbacks_are_called_in_order(train):
    witness = Witness()
    run(train, callbacks=[witness], until=Steps(4))
    assert witness.calls == [
        "start 0",
        *("step 1", "step 2", "step 3", "report 3"),
        *("step 4", "report 4", "end 4"),
    ]


def test_a_callback_ends_the_run(train):
    class Enough(Callback):
        def on_step(self, run):
            if run.step == 2:
                run.request_stop("seen enough")

    history = run(train, callbacks=[Enough()])
    assert (history.status, history.message) == ("callback", "seen enough")
    assert history.final.step == 2


def test_a_callback_lowers_the_rate(train):
    class Halve(Callback):
        def on_step(self, run):
            if run.step == 2:
                run.rate.lower(0.5, why="by the callback")  # pyright: ignore

    rate = RateSetter()
    history = run(train, callbacks=[Halve()], rate=rate)
    assert [row.rate for row in history.rows] == [0.05, 0.025, 0.025]
    assert [(change.step, change.why) for change in rate.changes] == [(2, "by the callback")]


def test_the_rate_is_set_before_each_step(train):
    rates = []

    class Note(Callback):
        def on_step(self, run):
            rates.append(run.optimizer.param_groups[0]["lr"])

    rate = RateSetter()
    rate.add_warm_up(4)
    run(train, callbacks=[Note()], rate=rate)
    assert rates == sorted(rates)
    assert rates[0] < 0.05 == rates[-1]


def test_reports_within_an_epoch(train, test_set):
    history = run(train, batch_size=10, report_every=4, evaluate_on=test_set)
    assert [row.step for row in history.rows] == [0, 4, 6, 8, 12]
    assert [row.epoch for row in history.rows] == [0, 1, 1, 2, 2]
    assert [row.examples for row in history.rows] == [0, 40, 60, 80, 120]
    whole = run(train, batch_size=10)
    # 40 and 20 of the epoch's 60 examples
    mean = (40 * history.rows[1].train_loss + 20 * history.rows[2].train_loss) / 60
    assert mean == pytest.approx(whole.rows[1].train_loss, rel=1e-6)


def test_further_metrics_are_measured_and_can_stop(train, test_set):
    def top3(scores, labels):
        return (scores.topk(3).indices == labels[:, None]).any(dim=1).double().mean().item()

    until = Target("top3_accuracy", at_least=0.5) | Epochs(30)
    history = run(train, evaluate_on=test_set, metrics={"top3_accuracy": top3}, until=until)
    assert history.status == "target"
    assert history.final.value("top3_accuracy") >= 0.5
    frame = history.frame()
    assert "metrics" not in frame
    assert min(frame["top3_accuracy"] - frame["eval_accuracy"]) >= 0
    with pytest.raises(UsageError, match="'top5' is not measured; expected one of top3_accuracy"):
        history.final.value("top5")


@pytest.mark.parametrize("name", ["eval_loss", "rate", "two words"])
def test_names_of_metrics_that_cannot_be(train, test_set, name):
    with pytest.raises(UsageError, match=f"metric name {name!r}"):
        run(train, evaluate_on=test_set, metrics={name: lambda s, t: 0.0})


def test_metrics_need_data(train):
    with pytest.raises(UsageError, match="give evaluate_on"):
        run(train, metrics={"other": lambda s, t: 0.0})


def test_data_that_are_no_source_are_named(train):
    with pytest.raises(UsageError, match=r"data is a list.*ImageData"):
        run([train])


class Kill(Callback):
    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers

    def on_step(self, run):
        if run.step == 2:
            for number in self.numbers:
                os.kill(os.getpid(), number)


def test_a_signal_stops_where_it_is_asked_for(train):
    before = signal.getsignal(signal.SIGTERM)
    history = run(train, callbacks=[Kill(signal.SIGTERM)], until=Signal() | Epochs(3))
    assert (history.status, history.message) == ("signal", "SIGTERM came after step 2")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_interrupts_at_once(train):
    with pytest.raises(KeyboardInterrupt):
        run(train, callbacks=[Kill(signal.SIGINT, signal.SIGINT)], until=Signal() | Epochs(3))


def test_ctrl_c_interrupts_a_run_that_does_not_ask(train):
    # A shell starts what it puts into the background with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(train, callbacks=[Kill(signal.SIGINT)])
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_is_noticed_and_nothing_breaks():
    names = []

    def work():
        with noticed_signals(wanted=True) as received:
            names.append(received.name)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert names == [""]


def test_training_seconds_leave_evaluation_out(train, test_set, monkeypatch):
    import nagcore.training.judging as judging

    clock = [0.0]
    monkeypatch.setattr("nagcore.training.run.time.perf_counter", lambda: clock[0])
    real = judging.evaluate

    def slow(*args, **kwargs):
        clock[0] += 100.0
        return real(*args, **kwargs)

    class Tick(Callback):
        def on_step(self, run):
            clock[0] += 1.0

    monkeypatch.setattr(judging, "evaluate", slow)
    history = run(train, evaluate_on=test_set, callbacks=[Tick()])
    assert [row.seconds for row in history.rows] == [0.0, 3.0, 6.0]


def test_progress_looks_at_the_loss_between_reports(train, capsys, monkeypatch):
    monkeypatch.setattr("nagcore.training.progress.REFRESH", 0.0)
    run(train, progress=True, until=Steps(2))
    drawn = capsys.readouterr().out
    assert "2/2" in drawn
    assert "rate 0.05" in drawn


def test_the_loss_of_a_step_is_not_waited_for(train, monkeypatch):
    reads = []
    real = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda self: reads.append(1) or real(self))
    counts = []
    for epochs in (2, 4):
        reads.clear()
        run(train, until=Epochs(epochs), batch_size=5)
        counts.append(len(reads))
    # 12 more steps an epoch, and one more number read
    assert counts[1] - counts[0] == 2


def test_the_metric_of_the_best_checkpoint_must_be_measured(train, tmp_path):
    with pytest.raises(UsageError, match=r"keep_best looks at eval_accuracy.*give evaluate_on"):
        run(train, checkpoints=Checkpoints(tmp_path, keep_best="eval_accuracy"))
    with pytest.raises(UsageError, match="keep_best looks at 'eval_los'"):
        run(train, checkpoints=Checkpoints(tmp_path, keep_best="eval_los"))


def test_the_metric_of_a_plateau_rule_must_be_measured(train):
    rate = RateSetter()
    rate.lower_on_plateau("eval_loss", factor=0.5, patience=1)
    with pytest.raises(UsageError, match=r"rate looks at eval_loss.*give evaluate_on"):
        run(train, rate=rate)


def test_lbfgs_gets_the_rate_of_its_own_step(train):
    steps = []
    real = torch.optim.LBFGS.step

    def step(self, closure):
        steps.append(self.param_groups[0]["lr"])
        return real(self, closure)

    model = make_cnn(0, width=1)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=1.0, max_iter=1)
    optimizer.step = step.__get__(optimizer)  # type: ignore[method-assign]
    options = {"batch_size": 60, "until": Steps(3), "rate": RateSetter(Exponential(factor=0.5))}
    fit(model, LOSS, train, optimizer, **options)
    assert steps == [1.0, 0.5, 0.25]
    rate = RateSetter(limiter=GradientRangeLimiter(1.0))
    with pytest.raises(UsageError, match="limiter and LBFGS"):
        fit(model, LOSS, train, optimizer, batch_size=60, until=Steps(1), rate=rate)
