"""Lightning's training loop, to be timed beside others."""

from __future__ import annotations

import time
from typing import Any

from torch.nn.functional import cross_entropy

from nagcore.errors import MissingExtraError
from nagcore.evidence.loop_work import Loop, Trainee, Turn, Workload, silence


def lightning_loop(work: Workload, trainee: Trainee, loader: Any) -> Loop:
    """Return a loop that calls Lightning's trainer, without all that would slow it down.

    The trainer is made anew in each turn, because one that has made its epochs does nothing more;
    so it is timed by its own hooks, from the start of an epoch to its end.

    Args:
        work: what is trained.
        trainee: the network and its optimizer.
        loader: gives the batches.

    Raises:
        MissingExtraError: Lightning is not installed.
    """
    lightning = _import()
    watch = _make_watch(lightning, work)
    module = _make_module(lightning, trainee)
    accelerator = "gpu" if work.device == "cuda" else "cpu"

    def turn() -> Turn:
        called = time.perf_counter()
        with silence():
            # it leaves out logger, bar, checkpoints, checks and summary
            trainer = lightning.Trainer(
                barebones=True, accelerator=accelerator, devices=1, max_epochs=work.epochs,
                callbacks=[watch],
            )  # fmt: skip
            watch.epochs.clear()
            trainer.fit(module, loader)
        whole = work.clock() - called
        return Turn(watch.epochs[-1], whole - sum(watch.epochs))

    return Loop(turn, trainee.model)


def _import() -> Any:
    try:
        with silence():
            import lightning
    except ImportError as error:
        raise MissingExtraError("lightning", "benchmarks", "a comparison") from error
    return lightning


def _make_watch(lightning: Any, work: Workload) -> Any:
    class Watch(lightning.Callback):
        """Keeps the seconds of each epoch."""

        def __init__(self) -> None:
            self.epochs: list[float] = []
            self.started = 0.0

        def on_train_epoch_start(self, *_: object) -> None:
            self.started = work.clock()

        def on_train_epoch_end(self, *_: object) -> None:
            self.epochs.append(work.clock() - self.started)

    return Watch()


def _make_module(lightning: Any, trainee: Trainee) -> Any:
    class Module(lightning.LightningModule):
        """The network with its loss and its optimizer."""

        def __init__(self) -> None:
            super().__init__()
            self.network = trainee.model

        def training_step(self, batch: Any, _: int) -> Any:
            images, labels = batch
            return cross_entropy(self.network(images), labels)

        def configure_optimizers(self) -> Any:
            return trainee.optimizer

    return Module()
