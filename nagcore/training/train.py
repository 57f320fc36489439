"""A run from its configuration: data, model, optimizer, rate, loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from nagcore.errors import UsageError
from nagcore.files import require_writable, write_whole
from nagcore.optim.table import find_optimizer, make_optimizer
from nagcore.training.augment import Augmented
from nagcore.training.augment_text import parse_augmentation
from nagcore.training.checkpoints import Checkpoints
from nagcore.training.config import TrainingConfig
from nagcore.training.data import ImageData, load_fashion_mnist, split
from nagcore.training.evaluation import Evaluation, evaluate
from nagcore.training.fit import fit
from nagcore.training.history import History
from nagcore.training.initialisation import initialise
from nagcore.training.losses import make_loss
from nagcore.training.models import CLASSES, MODELS, SIDE
from nagcore.training.processes import Processes, own_device
from nagcore.training.rates import RateSetter
from nagcore.training.sharding import shard
from nagcore.training.source import Source

FASHION_MNIST = {"fashion-mnist-1000": "shipped", "fashion-mnist": "full"}
"""Names of data that are held in memory, with what `load_fashion_mnist` calls them."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run leaves."""

    model: nn.Module
    optimizer: Optimizer
    rate: RateSetter
    history: History
    test: Evaluation | None
    """on the test images, looked at once, at the end; None where there are none or the run was
    interrupted"""


@dataclass(frozen=True)
class Parts:
    """Examples for training, for decisions during it, and for the one look at the end."""

    train: Source
    validation: ImageData | None
    test: ImageData | None


def train(
    config: TrainingConfig,
    *,
    resume: bool = False,
    processes: Processes | None = None,
    progress: bool = False,
) -> Trained:
    """Train as the configuration says.

    With a `folder`, checkpoints, the configuration (config.json), the history (history.csv) and
    the rates (rates.csv) are written there, by the first process.

    Args:
        config: all that decides the run.
        resume: go on from the newest checkpoint in the folder; start anew where there is none.
        processes: those that train together.
        progress: draw a progress bar.

    Raises:
        UsageError: something cannot be used; the message says what, before training starts.

    Example:
        >>> config = TrainingConfig(model="softmax", lr=0.01, until="epochs=1")
        >>> train(config).history.message
        '1 epochs done'
    """
    processes = processes or Processes()
    folder = Path(config.folder) if config.folder else None
    with processes.agreed():
        device = own_device(config.device)
        if folder is not None and processes.is_first:
            require_writable(folder)
        parts = load_parts(config, device, progress=progress and processes.is_first)
    model = make_model(config, device, processes)
    optimizer = _optimizer(config, model)
    rate, loss = config.rate(), make_loss(config.loss)
    history = fit(
        model,
        loss,
        parts.train,
        optimizer,
        batch_size=_batch_size(config, len(parts.train)),
        until=config.stopping(),
        rate=rate,
        evaluate_on=parts.validation,
        report_every=config.report_every,
        seed=config.seed,
        switches=config.switches(),
        checkpoints=_checkpoints(config, resume=resume),
        processes=processes,
        progress=progress,
    )
    test = None
    if parts.test is not None and history.status != "signal":
        test = evaluate(model, loss, parts.test, optimizer=optimizer)
    trained = Trained(model, optimizer, rate, history, test)
    if folder is not None and processes.is_first:
        write_outcome(trained, config, folder)
    return trained


def load_parts(config: TrainingConfig, device: torch.device, *, progress: bool = True) -> Parts:
    """Return the data that a configuration names, on `device`."""
    if config.data in FASHION_MNIST:
        images, test = load_fashion_mnist(FASHION_MNIST[config.data])
        validation = None
        if config.held_out:
            images, validation = split(images, config.held_out, seed=config.seed)
        parts = Parts(images.to(device), validation and validation.to(device), test.to(device))
    else:
        from nagcore.training.stream import ShardStream
        from nagcore.training.stream.whole import load_shards

        stream = ShardStream(
            config.data, device=device, skip_bad=config.skip_bad, progress=progress
        )
        _require_readable(config, stream)
        validation = None
        if config.validation:
            validation = load_shards(config.validation, like=stream).to(device)
        parts = Parts(stream, validation, None)
    transforms = parse_augmentation(config.augment)
    if not transforms:
        return parts
    return Parts(Augmented(parts.train, transforms), parts.validation, parts.test)


def make_model(config: TrainingConfig, device: torch.device, processes: Processes) -> nn.Module:
    """Return the model that a configuration names, the same from the same seed everywhere."""
    model = MODELS[config.model](config.seed, config.width)
    if config.initialisation != "torch":  # the model's own
        initialise(model, config.initialisation, seed=config.seed)
    model = model.to(device)
    return shard(model, processes, device) if config.sharding == "fsdp" else model


def write_outcome(trained: Trained, config: TrainingConfig, folder: Path) -> None:
    """Write configuration, history and rates into the folder of the run."""
    config.save(folder / "config.json")
    write_whole(folder / "history.csv", trained.history.frame().to_csv(index=False))
    write_whole(folder / "rates.csv", trained.rate.history_frame().to_csv(index=False))


def _require_readable(config: TrainingConfig, stream: Any) -> None:
    shape, classes = stream.index.image_shape, len(stream.classes)
    if shape != (1, SIDE, SIDE) or classes > CLASSES:
        raise UsageError(
            f"{config.data} has images of shape {shape} in {classes} classes, and the models by "
            f"name read (1, {SIDE}, {SIDE}) and tell {CLASSES}; for others call fit with a model "
            "of your own"
        )


def _optimizer(config: TrainingConfig, model: nn.Module) -> Optimizer:
    options = dict(config.options)
    if config.graph:
        options.setdefault("capturable", True)
    return make_optimizer(config.optimizer, model.parameters(), lr=config.lr, **options)


def _batch_size(config: TrainingConfig, count: int) -> int:
    return count if find_optimizer(config.optimizer).full_batch else config.batch_size


def _checkpoints(config: TrainingConfig, *, resume: bool) -> Checkpoints | None:
    if not config.folder:
        if resume:
            raise UsageError("resume needs the folder of the run: give folder")
        return None
    return Checkpoints(
        Path(config.folder),
        every_steps=config.every_steps,
        every_seconds=config.every_seconds,
        keep_last=config.keep_last,
        keep_best=config.keep_best or None,
        resume=resume,
        about=config.decisive(),
    )
