"""The training loop, straight down."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import LBFGS

from nagcore.errors import UsageError
from nagcore.training.budget import max_steps, require_stopping
from nagcore.training.checks import require_count, require_seed
from nagcore.training.data import ImageData, minibatches
from nagcore.training.evaluation import Loss, Stepper, evaluate
from nagcore.training.history import History, Row
from nagcore.training.progress import progress_bar
from nagcore.training.seeds import private_random_state
from nagcore.training.stopping import Condition, Diverged, Progress


def fit(
    model: nn.Module,
    loss: Loss,
    data: ImageData,
    optimizer: Stepper,
    *,
    batch_size: int,
    until: Condition,
    evaluate_on: ImageData | None = None,
    seed: int = 0,
    progress: bool = False,
) -> History:
    """Train `model` on shuffled mini-batches until a stopping condition holds.

    The same arguments give the same bits on one machine's CPU with the same number of threads:
    the order of the images and the random numbers of the model (dropout) come from `seed`, and
    torch's global random state is left as it was. A loss that is not finite ends the run with
    the status "diverged"; it does not raise, but a `StepSizeSearch` does where it finds no step.
    The parameters stay where the optimizer keeps them: for one that has `at_iterate()`, save the
    model inside it.

    Args:
        model: maps images to class scores; changed in place, and left in training mode.
        loss: mean loss of scores (n, classes) against labels (n,), such as
            `torch.nn.CrossEntropyLoss()`.
        data: training images, on the device of the model.
        optimizer: over the parameters of `model`; its step is called with a closure, so that it
            may evaluate the loss again, as `torch.optim.LBFGS` and `StepSizeSearch` do. These two
            are made for the full gradient: with smaller mini-batches there is a warning.
        batch_size: images in a mini-batch; `len(data)` makes it the full gradient.
        until: stopping conditions, joined with | and &; they must stop every run.
        evaluate_on: images to judge the model on after each epoch, at the iterate.
        seed: of the order of the images and of the model's random numbers.
        progress: draw a progress bar.

    Returns:
        One row for each epoch, the first for the start, and why training stopped.

    Raises:
        UsageError: an argument cannot be used.

    Example:
        >>> from nagcore.training.data import load_fashion_mnist
        >>> from nagcore.training.models import make_cnn
        >>> from nagcore.training.stopping import Steps
        >>> model, data = make_cnn(0, width=2), load_fashion_mnist()[0]
        >>> history = fit(model, nn.CrossEntropyLoss(), data,
        ...     torch.optim.SGD(model.parameters(), lr=0.05), batch_size=50, until=Steps(8))
        >>> history.status, history.final.step, history.final.train_loss < 2.3
        ('budget', 8, True)
    """
    _check(model, data, evaluate_on, batch_size)
    if batch_size < len(data):
        _warn_of_noise(optimizer, batch_size, len(data))
    until = Diverged(math.inf) | require_stopping(until, evaluates=evaluate_on is not None)
    order = torch.Generator(data.device).manual_seed(require_seed(seed))
    step, seconds = 0, 0.0
    first_loss = evaluate(model, loss, data, optimizer=optimizer).loss
    judged = _judge(model, loss, evaluate_on, optimizer)
    rows = [Row(0, 0, first_loss, *judged, seconds, _restarts(optimizer))]
    verdict = until.verdict(Progress(rows, step, seconds))
    limit = max_steps(until, math.ceil(len(data) / batch_size))

    with private_random_state(seed, data.device), progress_bar(limit, shown=progress) as bar:
        bar.show(rows[0])
        model.train()
        while verdict is None:
            losses: list[Tensor] = []
            seen, start = 0, time.perf_counter() - seconds
            for images, labels in minibatches(data, batch_size, order):
                value = optimizer.step(_closure(model, loss, optimizer, images, labels))
                # Kept on the device: reading each number would wait for the device each step.
                losses.append(torch.as_tensor(value).detach() * len(labels))
                seen, step = seen + len(labels), step + 1
                bar.advance()
                verdict = until.verdict(Progress(rows, step, time.perf_counter() - start))
                if verdict is not None:
                    break
            train_loss = torch.stack(losses).sum().item() / seen
            seconds = time.perf_counter() - start
            judged = _judge(model, loss, evaluate_on, optimizer)
            rows.append(Row(len(rows), step, train_loss, *judged, seconds, _restarts(optimizer)))
            bar.show(rows[-1])
            verdict = until.verdict(Progress(rows, step, seconds)) or verdict
    return History(tuple(rows), *verdict)


def _closure(
    model: nn.Module, loss: Loss, optimizer: Stepper, images: Tensor, labels: Tensor
) -> Callable[[], Any]:
    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(model(images), labels)
        value.backward()
        return value

    return closure


def _restarts(optimizer: Stepper) -> int:
    return getattr(optimizer, "restarts", 0)


def _judge(
    model: nn.Module, loss: Loss, data: ImageData | None, optimizer: Stepper
) -> tuple[float, float]:
    """Return loss and accuracy on the evaluation data, not numbers where there are none."""
    if data is None:
        return math.nan, math.nan
    judged = evaluate(model, loss, data, optimizer=optimizer)
    return judged.loss, judged.accuracy


def _check(
    model: nn.Module, data: ImageData, evaluate_on: ImageData | None, batch_size: int
) -> None:
    require_count(len(data), "number of training images")
    require_count(batch_size, "batch_size", at_most=len(data), of=", the number of images")
    device = next(model.parameters()).device
    for name, images in (("data", data), ("evaluate_on", evaluate_on)):
        if images is not None and images.device != device:
            raise UsageError(
                f"{name} is on {images.device} and the model on {device}; move one of them: "
                f"{name}.to({str(device)!r})"
            )


def _warn_of_noise(optimizer: Stepper, batch_size: int, count: int) -> None:
    if isinstance(optimizer, LBFGS) or getattr(optimizer, "full_batch", False):
        warnings.warn(
            f"{type(optimizer).__name__} with batch_size={batch_size} of {count} images: it "
            "compares losses and gradients of one function, and those of different mini-batches "
            f"differ by noise; use batch_size=len(data), here {count}",
            UserWarning,
            stacklevel=3,
        )
