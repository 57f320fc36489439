"""Small trainings, each of which shows one part of the loop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from torch.nn.functional import cross_entropy

from nagcore.optim import NAG
from nagcore.training.callbacks import Callback
from nagcore.training.data import ImageData, load_fashion_mnist
from nagcore.training.evaluation import evaluate
from nagcore.training.fit import fit
from nagcore.training.models import make_mlp, make_softmax_regression
from nagcore.training.run import Run
from nagcore.training.stopping_text import parse_stopping


class AtSteps(Callback):
    """Does something after certain steps: what a person at the keyboard would do.

    Args:
        actions: what to do with the run, by the number of steps after which.

    Example:
        >>> AtSteps({100: lambda run: run.rate.lower(0.5, why="it looks unsteady")}).actions.keys()
        dict_keys([100])
    """

    def __init__(self, actions: Mapping[int, Callable[[Run], None]]) -> None:
        self.actions = actions

    def on_step(self, run: Run) -> None:
        if run.step in self.actions:
            self.actions[run.step](run)


class PointLosses(NamedTuple):
    """Mean cross-entropy, nats, step by step; the arrays have shape (steps,)."""

    batch: np.ndarray
    """of the mini-batch, at the query point where its gradient was taken"""
    query: np.ndarray
    """of all training images, at that query point y_k"""
    iterate: np.ndarray
    """of all training images, at the iterate x_k from which the step begins"""


class _WatchPoints(Callback):
    """Keeps the loss on all images before each step, at both points."""

    def __init__(self, data: ImageData) -> None:
        self.data, self.query, self.iterate = data, list[float](), list[float]()

    def on_start(self, run: Run) -> None:
        self.on_step(run)

    def on_step(self, run: Run) -> None:
        for losses, optimizer in ((self.query, None), (self.iterate, run.optimizer)):
            judged = evaluate(run.model, cross_entropy, self.data, optimizer=optimizer)
            losses.append(judged.loss)


def follow_points(
    *, lr: float, momentum: float, steps: int, batch_size: int = 50, seed: int = 0
) -> PointLosses:
    """Train a network of one hidden layer on the shipped images, and judge it at every step.

    Args:
        lr: step size of Nesterov's method.
        momentum: likewise.
        steps: how many.
        batch_size: images of a mini-batch.
        seed: of the weights and the order of the images.

    Example:
        >>> losses = follow_points(lr=0.05, momentum=0.0, steps=3)
        >>> bool((losses.query == losses.iterate).all())  # without momentum they are one point
        True
    """
    data, model = load_fashion_mnist()[0], make_mlp(seed)
    watch = _WatchPoints(data)
    history = fit(
        model, cross_entropy, data, NAG(model.parameters(), lr=lr, momentum=momentum),
        batch_size=batch_size, until=parse_stopping(f"steps={steps}"), report_every=1, seed=seed,
        callbacks=[watch],
    )  # fmt: skip
    batch = [row.train_loss for row in history.rows[1:]]
    return PointLosses(*(np.array(each[:steps]) for each in (batch, watch.query, watch.iterate)))


ENDINGS: Mapping[str, float] = {
    "epochs=3": 0.01,
    "steps=7": 0.01,
    "examples=1000": 0.01,
    "seconds=0.01": 0.01,
    "accuracy>=0.7 | epochs=30": 0.01,
    "gradient_norm<=1.5 | epochs=30": 0.01,
    "patience(loss,3) | epochs=60": 0.1,
    "diverged(5.0) | epochs=30": 20.0,
    "loss<=1.0 & epochs=5 | epochs=30": 0.01,
    "signal | epochs=30": 0.01,
    "epochs=30": 0.01,
}
"""Stopping conditions as text, each with a step size under which the named one decides."""
_ASKS: Mapping[str, Callable[[Run], None]] = {
    "signal | epochs=30": lambda run: _end_politely(),  # noqa: ARG005
    "epochs=30": lambda run: run.request_stop("the page has seen enough"),
}


def tabulate_endings(data: ImageData, evaluate_on: ImageData) -> pd.DataFrame:
    """Train a softmax regression until each of `ENDINGS` ends it; one line for each.

    In the run under "signal" the process sends SIGTERM to itself after ten steps, as a cluster
    would, and in the last one a callback asks to stop then.

    Args:
        data: images to train on.
        evaluate_on: others, which conditions on `loss` and `accuracy` look at.
    """
    lines = []
    for text, lr in ENDINGS.items():
        model = make_softmax_regression(0)
        until = parse_stopping(text)
        callbacks = [AtSteps({10: _ASKS[text]})] if text in _ASKS else []
        history = fit(
            model, cross_entropy, data, NAG(model.parameters(), lr=lr), batch_size=50,
            until=until, evaluate_on=evaluate_on, callbacks=callbacks,
        )  # fmt: skip
        line = {"status": history.status, "message": history.message, "steps": history.final.step}
        lines.append({"until": text, **line})
    return pd.DataFrame(lines).set_index("until")


def _end_politely() -> None:
    # Where nobody listens, as outside the main thread, the signal would end the process itself.
    if callable(signal.getsignal(signal.SIGTERM)):
        signal.raise_signal(signal.SIGTERM)
