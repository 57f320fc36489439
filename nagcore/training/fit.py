"""The training loop, straight down."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

import torch
from torch import nn
from torch.optim import LBFGS

from nagcore.errors import UsageError
from nagcore.optim.step_size_search import StepSizeSearch
from nagcore.training.budget import require_stopping
from nagcore.training.callbacks import Callback
from nagcore.training.checkpoints import Checkpoints, Keeper
from nagcore.training.checks import require_count
from nagcore.training.condition import Condition, Verdict
from nagcore.training.data import ImageData
from nagcore.training.evaluation import Loss, Stepper
from nagcore.training.graphed_step import GraphedStep
from nagcore.training.history import History
from nagcore.training.judging import Judge, Metric
from nagcore.training.processes import Processes
from nagcore.training.progress import Bar, progress_bar
from nagcore.training.rates import RateSetter
from nagcore.training.run import Run, Sums
from nagcore.training.seeds import private_random_state
from nagcore.training.sharding import is_sharded, require_shardable
from nagcore.training.signals import noticed_signals
from nagcore.training.source import Batch, Source
from nagcore.training.stopping import Diverged, Signal
from nagcore.training.switches import Switches
from nagcore.training.training_step import Taken, TrainingStep


def fit(
    model: nn.Module,
    loss: Loss,
    data: Source,
    optimizer: Stepper,
    *,
    batch_size: int,
    until: Condition,
    rate: RateSetter | None = None,
    callbacks: Sequence[Callback] = (),
    evaluate_on: ImageData | None = None,
    metrics: Mapping[str, Metric] | None = None,
    report_every: int | None = None,
    seed: int = 0,
    switches: Switches | None = None,
    checkpoints: Checkpoints | None = None,
    processes: Processes | None = None,
    progress: bool = False,
) -> History:
    """Train `model` on shuffled mini-batches until a stopping condition holds.

    The same arguments give the same bits on one machine's CPU with the same number of threads,
    also when the run was killed and taken up again from a checkpoint: the order of the examples
    and the random numbers of the model (dropout) come from `seed`, and torch's global random
    state is left as it was. A loss that is not finite ends the run with the status "diverged"; it
    does not raise, but a `StepSizeSearch` does where it finds no step. The parameters stay where
    the optimizer keeps them: for one that has `at_iterate()`, save the model inside it.

    Args:
        model: maps inputs to class scores; changed in place, and left in training mode.
        loss: mean loss of scores (n, classes) against labels (n,), such as
            `torch.nn.CrossEntropyLoss()`.
        data: training examples, on the device of the model: `ImageData`, a stream of shards, or
            any other `Source`.
        optimizer: over the parameters of `model`; its step is called with a closure, so that it
            may evaluate the loss again, as `torch.optim.LBFGS` and `StepSizeSearch` do. These two
            are made for the full gradient: with smaller mini-batches there is a warning.
        batch_size: examples in a mini-batch, in all processes together; `len(data)` makes it the
            full gradient.
        until: stopping conditions, joined with | and &; they must stop every run.
        rate: sets the step size before each step; that of the optimizer stays if left out.
        callbacks: called at the start, after each step, at each report, and at the end.
        evaluate_on: images to judge the model on at each report, at the iterate.
        metrics: what else to measure on them, by name: scores and labels to a number.
        report_every: steps after which to report, beside the end of each epoch.
        seed: of the order of the examples and of the model's random numbers, which are others in
            each process.
        switches: precision, accumulation, clipping, compilation.
        checkpoints: where and when to save the run, and whether to go on from what is there.
        processes: those that train together; each calls `fit` with the same arguments.
        progress: draw a progress bar, in the first process.

    Returns:
        One row for each report, the first for the start, and why training stopped.

    Raises:
        UsageError: an argument cannot be used, or a checkpoint can be neither read nor written.

    Example:
        >>> from nagcore.training.data import load_fashion_mnist
        >>> from nagcore.training.models import make_cnn
        >>> from nagcore.training.stopping import Steps
        >>> model, data = make_cnn(0, width=2), load_fashion_mnist()[0]
        >>> history = fit(model, nn.CrossEntropyLoss(), data,
        ...     torch.optim.SGD(model.parameters(), lr=0.05), batch_size=50, until=Steps(20))
        >>> history.status, history.final.step, history.final.train_loss < 2.3
        ('budget', 20, True)
    """
    switches, processes = switches or Switches(), processes or Processes()
    judge = Judge(loss, evaluate_on, metrics or {})
    _check(model, data, evaluate_on, batch_size, report_every)
    _check_optimizer(optimizer, batch_size, len(data), rate, switches)
    until = require_stopping(
        until, evaluates=evaluate_on is not None, measured=tuple(judge.metrics)
    )
    judge.require(checkpoints.keep_best if checkpoints else None, "keep_best")
    for metric in rate.metrics if rate is not None else ():
        judge.require(metric, "rate")
    require_shardable(model, optimizer)
    device = next(model.parameters()).device
    if switches.channels_last and not is_sharded(model):
        model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    step = TrainingStep(
        model,
        loss,
        optimizer,
        rate=None if switches.graph else rate,
        switches=switches,
        processes=processes,
        norm="gradient_norm" in until.metrics(),
    )
    take = GraphedStep(step, rate) if switches.graph else step
    if rate is not None:
        rate.attach(optimizer)  # pyright: ignore[reportArgumentType]
    steps = data.steps(batch_size, processes.count)
    run = Run(model, optimizer, rate, steps, device, processes)
    run.scaler, run.callbacks = step.scaler, callbacks
    about = {"batch_size": batch_size, "seed": seed, "examples": len(data), **vars(switches)}
    keeper = Keeper(checkpoints, run, about)
    stops = Diverged(math.inf) | Signal() | until
    limit = until.max_steps(steps, batch_size)
    wants_signals = any(isinstance(part, Signal) for part in until.parts())

    batches = partial(
        data.batches, batch_size, seed=seed, rank=processes.rank, ranks=processes.count
    )
    with (
        private_random_state(processes.own_seed(seed), device),
        noticed_signals(wanted=checkpoints is not None or wants_signals) as run.received,
        progress_bar(limit, shown=progress and processes.is_first) as bar,
    ):
        if not keeper.resumed():
            run.rows.append(processes.from_first(judge.start(run, data, batch_size, seed)))
        bar.show(run.rows[-1])
        for callback in callbacks:
            callback.on_start(run)
        verdict = _train(run, batches, take, judge, stops, keeper, bar, report_every)
        for callback in callbacks:
            callback.on_end(run)
    return History(tuple(run.rows), *verdict)


def _train(
    run: Run,
    batches: Callable[..., Iterator[Batch]],
    take: Callable[[Batch, int], Taken],
    judge: Judge,
    stops: Condition,
    keeper: Keeper,
    bar: Bar,
    report_every: int | None,
) -> Verdict:
    """Take steps until a condition holds, and say which."""
    run.model.train()
    verdict = stops.verdict(run.progress())
    while verdict is None:
        # A stream left early has threads to end; pyright does not know that generators close.
        with run.clock.running(), closing(batches(epoch=run.epoch, start=run.batch)) as epoch:  # pyright: ignore
            for batch in epoch:
                run.count(batch, *take(batch, run.step))
                bar.advance(run)
                for callback in run.callbacks:
                    callback.on_step(run)
                verdict = _verdict(run, stops)
                if run.batch == 0 or (report_every and run.step % report_every == 0):
                    _report(run, judge, bar)
                    verdict = _verdict(run, stops) or verdict
                with run.clock.paused():
                    keeper.after_step()
                if verdict is not None:
                    break
    keeper.at_end()  # before the report of an epoch that was cut short: a resumed run has none
    if run.sums.steps:
        _report(run, judge, bar)
        verdict = stops.verdict(run.progress()) or verdict
    return verdict


def _verdict(run: Run, stops: Condition) -> Verdict | None:
    return run.stop_asked() or stops.verdict(run.progress())


def _report(run: Run, judge: Judge, bar: Bar) -> None:
    """Add a row, and begin new sums."""
    # Buffers and rounding may differ between processes; conditions and rates must see one row.
    run.rows.append(run.processes.from_first(judge.report(run)))
    run.sums = Sums(run.device)
    bar.show(run.rows[-1])
    if run.rate is not None and run.batch == 0:
        run.rate.after_epoch(run.rows[-1])
    for callback in run.callbacks:
        callback.on_report(run)
    run.ask_soon()


def _check(
    model: nn.Module,
    data: Source,
    evaluate_on: ImageData | None,
    batch_size: int,
    report_every: int | None,
) -> None:
    if not isinstance(data, Source):
        raise UsageError(
            f"data is a {type(data).__name__}; expected ImageData, ShardStream or another Source"
        )
    require_count(len(data), "number of training images")
    require_count(batch_size, "batch_size", at_most=len(data), of=", the number of images")
    if report_every is not None:
        require_count(report_every, "report_every")
    device = next(model.parameters()).device
    for name, images in (("data", data), ("evaluate_on", evaluate_on)):
        if images is not None and images.device != device:
            raise UsageError(
                f"{name} is on {images.device} and the model on {device}; move one of them: "
                f"{name}.to({str(device)!r})"
            )


def _check_optimizer(
    optimizer: Stepper, batch_size: int, count: int, rate: RateSetter | None, switches: Switches
) -> None:
    name = type(optimizer).__name__
    again = isinstance(optimizer, LBFGS | StepSizeSearch)
    if again and switches.precision == "float16":
        raise UsageError(
            f"precision='float16' with {name} cannot be used: it evaluates the loss several times "
            "in a step, and the scale of the loss is that of one; use precision='bfloat16'"
        )
    if isinstance(optimizer, StepSizeSearch) and rate is not None:
        raise UsageError(f"rate with {name} cannot be used: it searches for its own step size")
    if isinstance(optimizer, LBFGS) and rate is not None and rate.needs_gradient_range:
        raise UsageError(
            f"a rate with a limiter and {name} cannot be used: it reads its step size before it "
            "asks for a gradient; leave out the limiter"
        )
    if batch_size < count and (again or getattr(optimizer, "full_batch", False)):
        warnings.warn(
            f"{name} with batch_size={batch_size} of {count} images: it "
            "compares losses and gradients of one function, and those of different mini-batches "
            f"differ by noise; use batch_size=len(data), here {count}",
            UserWarning,
            stacklevel=3,
        )
