"""One protocol for images, text and speech: every optimizer tuned alike, then run afresh."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nagcore.evidence.declaration import Declaration
from nagcore.optim.table import find_optimizer, make_optimizer
from nagcore.training.callbacks import Callback
from nagcore.training.data import ImageData
from nagcore.training.evaluation import Stepper
from nagcore.training.fit import fit
from nagcore.training.history import History
from nagcore.training.mean_loss import mean_loss
from nagcore.training.parameter_groups import muon_groups
from nagcore.training.rates import Cosine, RateSetter
from nagcore.training.run import Run
from nagcore.training.source import Batch, Source
from nagcore.training.stopping import Steps
from nagcore.training.switches import Switches

OPTIMIZERS = ("adamw", "nadamw", "nag", "adan", "muon")
COLUMNS = {
    "lr": "step size with the lowest validation loss at the end, of those tried",
    "tuning_loss": "validation loss at the end for each step size tried; nan where it diverged",
    "step": "steps of the optimizer before each report",
    "train_loss": "mean training loss since the report before, a list per seed",
    "validation_loss": "mean loss on the validation part at each report, a list per seed",
    "validation_accuracy": "share told right on the validation part, likewise",
    "seconds": "of training at each report, evaluation left out, a list per seed",
    "step_seconds": "of a step, from the first report after the start to the last, per seed",
    "test_loss": "mean loss on the test part after the last step, per seed",
    "test_accuracy": "share told right on the test part after the last step, per seed",
    "status": "why the run stopped, per seed",
    "sample": "what the model of the first seed writes; empty where it writes nothing",
    "data": "SHA-256 of what was learnt from; empty where a test holds it fixed elsewhere",
}


@dataclass(frozen=True)
class Task:
    """What is learnt, by which model, and how it is judged.

    Attributes:
        make_model: a model whose weights depend on the seed alone, on the CPU.
        apart: the modules of a model that Muon leaves to its NAdamW.
        loss: mean loss of outputs against targets.
        accuracy: share of outputs that are right.
        train: what to learn from.
        validation: batches to choose the step size by.
        test: batches to look at once.
        write: a sample of what a trained model writes.
        data: hash of the data.
    """

    make_model: Callable[[int], nn.Module]
    apart: Callable[[Any], Sequence[nn.Module]]
    loss: Callable[[Tensor, Tensor], Tensor]
    accuracy: Callable[[Tensor, Tensor], Tensor]
    train: Source
    validation: Sequence[Batch]
    test: Sequence[Batch]
    write: Callable[[Any], str] = lambda model: ""  # noqa: ARG005
    data: str = ""


@dataclass
class Watch(Callback):
    """Judges the model at each report on the validation part, while the clock stands still."""

    task: Task
    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)

    def on_start(self, run: Run) -> None:
        """Judge the model before the first step."""
        self.on_report(run)

    def on_report(self, run: Run) -> None:
        """Judge the model."""
        with run.clock.paused():
            loss, accuracy = judge(self.task, run.model, run.optimizer, self.task.validation)
        self.loss.append(loss)
        self.accuracy.append(accuracy)


@dataclass
class Finished:
    """A trained model, the optimizer that trained it and what happened on the way."""

    model: nn.Module
    optimizer: Optimizer
    history: History
    watch: Watch


def declare(
    name: str,
    question: str,
    constants: Mapping[str, Any],
    *,
    devices: tuple[str, ...],
    optimizers: Sequence[str] = OPTIMIZERS,
) -> Declaration:
    """Return the declaration of a comparison by this protocol."""
    return Declaration(
        name, question, {"optimizer": tuple(optimizers)}, constants, COLUMNS, devices
    )


def compare(task: Task, setting: Mapping[str, Any]) -> dict[str, Any]:
    """Tune the step size of one optimizer, run it on fresh seeds, and return the columns.

    Args:
        task: on the device.
        setting: with "optimizer", and the constants "lr_grid" by optimizer, "tuning_seed", "seeds",
            "steps", "every", "batch_size", "warm_up", "final", "fallback", "clip_norm" (0 for
            none), "precision" and "graph".
    """
    name, grid = setting["optimizer"], setting["lr_grid"][setting["optimizer"]]
    tuned = [train(task, setting, name, lr, setting["tuning_seed"]).watch for lr in grid]
    losses = [watch.loss[-1] for watch in tuned]
    best = min(range(len(grid)), key=lambda i: losses[i] if math.isfinite(losses[i]) else math.inf)
    runs = [train(task, setting, name, grid[best], seed) for seed in setting["seeds"]]
    tests = [judge(task, run.model, run.optimizer, task.test) for run in runs]
    longest = max(runs, key=lambda run: len(run.history.rows))
    reports = [row.step for row in longest.history.rows]
    return {
        "lr": grid[best],
        "tuning_loss": losses,
        "step": reports,
        **_curves(runs, len(reports)),
        "step_seconds": [step_seconds(run.history) for run in runs],
        "test_loss": [loss for loss, _ in tests],
        "test_accuracy": [accuracy for _, accuracy in tests],
        "status": [run.history.status for run in runs],
        "sample": _sample(task, runs[0]),
        "data": task.data,
    }


def train(task: Task, setting: Mapping[str, Any], name: str, lr: float, seed: int) -> Finished:
    """Train one model with one step size."""
    device = task.train.device
    model = task.make_model(seed).to(device)
    switches = Switches(
        precision=setting["precision"],
        clip_norm=setting["clip_norm"] or None,
        graph=setting["graph"],
    )
    optimizer = _optimizer(task, setting, name, model, lr)
    rate = RateSetter(Cosine(setting["steps"], final=setting["final"]))
    if setting["warm_up"]:
        rate.add_warm_up(setting["warm_up"])
    watch = Watch(task)
    history = fit(
        model,
        task.loss,
        task.train,
        optimizer,
        batch_size=setting["batch_size"],
        until=Steps(setting["steps"]),
        rate=rate,
        callbacks=[watch],
        report_every=setting["every"],
        seed=seed,
        switches=switches,
    )
    if history.status == "diverged":
        watch.loss[-1] = math.nan
    return Finished(model, optimizer, history, watch)


def _optimizer(
    task: Task, setting: Mapping[str, Any], name: str, model: nn.Module, lr: float
) -> Optimizer:
    options: dict[str, Any] = {"weight_decay": 0.0}
    params: Any = model.parameters()
    if name == "muon":
        params = muon_groups(model, task.apart(model))
        options["fallback_lr"] = setting["fallback"] * lr
    if setting["graph"] and "capturable" in find_optimizer(name).options():
        options["capturable"] = True
    return make_optimizer(name, params, lr=lr, **options)


def judge(
    task: Task, model: nn.Module, optimizer: Stepper, batches: Sequence[Batch]
) -> tuple[float, float]:
    """Return mean loss and accuracy of a model at the iterate."""
    loss, accuracy = (
        mean_loss(model, measure, batches, optimizer=optimizer)
        for measure in (task.loss, task.accuracy)
    )
    return loss, accuracy


def step_seconds(history: History) -> float:
    """Return the seconds of a step, what happens once at the start left out.

    That is what is before the first report after the start: kernels that are loaded or compiled,
    a graph that is captured. Not a number where there was only one report.
    """
    rows = history.rows[1:]
    if len(rows) < 2:
        return math.nan
    return (rows[-1].seconds - rows[0].seconds) / (rows[-1].step - rows[0].step)


def _curves(runs: Sequence[Finished], reports: int) -> dict[str, list[list[float]]]:
    """Return what was reported, a run that ended early filled up with nan."""

    def filled(values: Sequence[float]) -> list[float]:
        return [*values, *[math.nan] * (reports - len(values))]

    rows = [run.history.rows for run in runs]
    return {
        "train_loss": [filled([row.train_loss for row in each]) for each in rows],
        "seconds": [filled([row.seconds for row in each]) for each in rows],
        "validation_loss": [filled(run.watch.loss) for run in runs],
        "validation_accuracy": [filled(run.watch.accuracy) for run in runs],
    }


def _sample(task: Task, run: Finished) -> str:
    if run.history.status == "diverged":
        return ""
    with getattr(run.optimizer, "at_iterate", torch.no_grad)():
        return task.write(run.model)


def accuracy_of_classes(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the share of examples whose class has the highest score."""
    return (scores.argmax(dim=1) == labels).double().mean()


def batches_of(data: ImageData, size: int | None = None) -> list[Batch]:
    """Return images in order, in batches, to judge a model on; larger ones on a GPU."""
    size = size or (500 if data.device.type == "cpu" else 2500)
    pairs = zip(data.images.split(size), data.labels.split(size), strict=True)
    return [Batch(images, labels, len(labels)) for images, labels in pairs]
