"""One step: the gradient of a batch, the rate, and the optimizer's move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_, get_total_norm

from nagcore.training.evaluation import Loss, Stepper
from nagcore.training.processes import Processes
from nagcore.training.rates import RateSetter
from nagcore.training.sharding import is_sharded, whole
from nagcore.training.source import Batch, share
from nagcore.training.switches import Switches


class Taken(NamedTuple):
    """What is known of a step after it; on the device, not waited for."""

    loss: Tensor
    """mean loss at the point where the gradient was taken"""
    norm: Tensor | None
    """norm of the gradient before clipping, if asked for"""


class TrainingStep:
    """Takes steps of one optimizer on one model.

    The optimizer is given a closure, so that one that evaluates the loss again
    (`torch.optim.LBFGS`, `StepSizeSearch`) can do so.

    Args:
        model: maps inputs to scores; where there are several processes, each has its own.
        loss: mean loss of scores against targets.
        optimizer: over the parameters of `model`.
        rate: sets the step size before each move, None where nobody does.
        switches: how the arithmetic is done.
        processes: those that share the batch.
        norm: whether to measure the norm of the gradient.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        optimizer: Stepper,
        *,
        rate: RateSetter | None,
        switches: Switches,
        processes: Processes,
        norm: bool,
    ) -> None:
        self.model, self.optimizer, self.rate = model, optimizer, rate
        self.switches, self.processes, self.norm = switches, processes, norm
        self.device = next(model.parameters()).device
        scaled = switches.precision == "float16"
        self.scaler = torch.amp.GradScaler(self.device.type) if scaled else None
        self._spread = model if is_sharded(model) else processes.replicated(model)

        def value(inputs: Tensor, targets: Tensor) -> Tensor:
            return loss(self._spread(inputs), targets)

        self._value: Callable[[Tensor, Tensor], Tensor] = (
            torch.compile(value) if switches.compile else value
        )
        self._norm: Tensor | None = None

    def __call__(self, batch: Batch, number: int) -> Taken:
        """Take the step of this number, from 0."""
        # L-BFGS reads its lr before it asks for a gradient; a rate that needs none is set here.
        if self.rate is not None and not self.rate.needs_gradient_range:
            self.rate.before_step(number)

        def closure() -> Tensor:
            loss = self._gradient(batch)
            self._norm = self._prepare(number)
            return loss

        if self.scaler is None:
            loss = self.optimizer.step(closure)  # pyright: ignore[reportCallIssue, reportArgumentType]
        else:
            loss = closure()
            self.scaler.step(self.optimizer, lambda: loss)  # pyright: ignore[reportArgumentType]
            self.scaler.update()
        return Taken(torch.as_tensor(loss).detach(), self._norm)

    def _gradient(self, batch: Batch) -> Tensor:
        """Leave the mean gradient over the batch in the parameters, and return the mean loss."""
        self.optimizer.zero_grad()
        total: Tensor | None = None
        for inputs, targets, part, last in self._parts(batch):
            with self._synchronised(last), self.switches.autocast(self.device):
                loss = self._value(inputs, targets)
                weighted = loss if part == 1 else loss * part
                (weighted if self.scaler is None else self.scaler.scale(weighted)).backward()
            value = weighted.detach()
            total = value if total is None else total + value
        assert total is not None
        return self.processes.mean(total)

    def _parts(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor, float, bool]]:
        """Yield inputs, targets, weight of their mean loss, and whether they are the last."""
        count = len(batch.targets)
        # As many in each process as in the one with most examples: FSDP2 talks in each of them.
        pieces = min(self.switches.accumulate, -(-batch.count // self.processes.count))
        for number in range(pieces):
            begin, end = share(count, number, pieces)
            # A part for which there is nothing left sees one example, and gives it no weight.
            own = slice(begin, end) if end > begin else slice(0, 1)
            inputs, targets = batch.inputs[own], batch.targets[own]
            if self.switches.channels_last:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            yield inputs, targets, batch.weight * (end - begin) / count, number == pieces - 1

    def _synchronised(self, wanted: bool) -> AbstractContextManager[None]:
        """Let the processes exchange gradients in the last part only."""
        if self.switches.accumulate > 1:
            if is_sharded(self.model):
                self.model.set_requires_gradient_sync(wanted)  # pyright: ignore
            elif isinstance(self._spread, DistributedDataParallel) and not wanted:
                return self._spread.no_sync()
        return nullcontext()

    def _prepare(self, number: int) -> Tensor | None:
        """Unscale, measure and clip the gradient, and set a rate that depends on it."""
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)  # pyright: ignore[reportArgumentType]
        norm = None
        if self.switches.clip_norm is not None:
            norm = whole(clip_grad_norm_(self.model.parameters(), self.switches.clip_norm))
        elif self.norm:
            norm = whole(get_total_norm(self._gradients()))
        if self.rate is not None and self.rate.needs_gradient_range:
            largest = whole(get_total_norm(self._gradients(), norm_type=float("inf")))
            self.rate.before_step(number, largest)  # later calls for this step change nothing
        return norm

    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.model.parameters() if p.grad is not None]
