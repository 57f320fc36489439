"""A run in progress: what callbacks see and checkpoints save."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from nagcore.training.condition import Progress, Verdict
from nagcore.training.history import Row
from nagcore.training.processes import Processes
from nagcore.training.signals import Received
from nagcore.training.source import Batch

if TYPE_CHECKING:
    from nagcore.training.callbacks import Callback
    from nagcore.training.evaluation import Stepper
    from nagcore.training.rates import RateSetter

ASK_EVERY = 1.0
"""Seconds after which processes ask each other whether to stop, and…"""
MOST_STEPS = 64
"""…steps after which they do so at the latest."""


class Agreed(NamedTuple):
    """What decides whether to stop and differs between processes."""

    seconds: float
    signal: str
    wish: str
    """why a callback wants to stop"""


class Stopwatch:
    """Counts the seconds of training and can be stopped for all else."""

    def __init__(self) -> None:
        self._before: float = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Return the seconds counted so far."""
        return self._before + (0.0 if self._since is None else time.perf_counter() - self._since)

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._before, self._since = value, None if self._since is None else time.perf_counter()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count while the block runs."""
        self._since = time.perf_counter()
        try:
            yield
        finally:
            self.pause()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count while the block runs."""
        was_running = self._since is not None
        self.pause()
        try:
            yield
        finally:
            if was_running:
                self._since = time.perf_counter()

    def pause(self) -> None:
        """Stop counting."""
        self._before, self._since = self.seconds, None


class Sums:
    """What was added up since the last report; on the device, so that no step waits for it."""

    def __init__(self, device: torch.device) -> None:
        precise = torch.float32 if device.type == "mps" else torch.float64
        self.loss = torch.zeros((), dtype=precise, device=device)
        self.squared_norm = torch.zeros((), dtype=precise, device=device)
        self.examples, self.steps, self.norms = 0, 0, 0

    def add(self, loss: Tensor, examples: int, norm: Tensor | None) -> None:
        """Add the mean loss over so many examples, and the norm of its gradient."""
        self.loss += loss.detach() * examples
        if norm is not None:
            self.norms += 1
            self.squared_norm += norm.detach().to(self.squared_norm.dtype) ** 2
        self.examples, self.steps = self.examples + examples, self.steps + 1

    def mean_loss(self) -> float:
        """Return the mean loss; this waits for the device."""
        return self.loss.item() / max(self.examples, 1)

    def mean_norm(self) -> float:
        """Return the root mean square of the norms, not a number where none was measured."""
        return (self.squared_norm.item() / self.norms) ** 0.5 if self.norms else math.nan

    def state_dict(self) -> dict[str, Any]:
        """Return the sums."""
        return dict(vars(self))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the sums over, exactly."""
        for name in ("loss", "squared_norm"):
            setattr(self, name, state[name].to(getattr(self, name)))
        for name in ("examples", "steps", "norms"):
            setattr(self, name, state[name])


@dataclass
class Run:
    """Where a run stands, and with what.

    `model`, `optimizer`, `rate` and `rows` are live: a callback may read them and may set the
    rate. The numbers are those after the last complete step.
    """

    model: nn.Module
    optimizer: Stepper
    rate: RateSetter | None
    steps_per_epoch: int
    device: torch.device
    processes: Processes = field(default_factory=Processes)
    rows: list[Row] = field(default_factory=list)
    """one for each report, the start first"""
    step: int = 0
    """steps of the optimizer"""
    epoch: int = 0
    """complete passes over the data"""
    batch: int = 0
    """batches of the pass that is not complete"""
    examples: int = 0
    """examples seen, in all processes together"""

    def __post_init__(self) -> None:
        self.clock = Stopwatch()
        self.sums = Sums(self.device)
        self.received = Received()
        self._wish = ""
        self.scaler: torch.amp.GradScaler | None = None
        self.callbacks: Sequence[Callback] = ()
        self._agreed, self._asked, self._ask_at = Agreed(0.0, "", ""), 0, 0

    @property
    def seconds(self) -> float:
        """Seconds spent on training, evaluation and checkpoints left out."""
        return self.clock.seconds

    def request_stop(self, why: str) -> None:
        """End the run after this step, with the status "callback".

        Of several processes one is enough; they end together, at the latest a second later, and
        at once where this is said at a report.
        """
        self._wish = why or "a callback asked for it"

    def stop_asked(self) -> Verdict | None:
        """Return the verdict that a callback asked for, the same in all processes."""
        wish = self._agree().wish
        return Verdict("callback", wish) if wish else None

    def count(self, batch: Batch, loss: Tensor, norm: Tensor | None) -> None:
        """Count a step that was taken."""
        self.sums.add(loss, batch.count, norm)
        self.step, self.batch = self.step + 1, self.batch + 1
        self.examples += batch.count
        if self.batch == self.steps_per_epoch:
            self.epoch, self.batch = self.epoch + 1, 0

    def progress(self) -> Progress:
        """Return what a stopping condition may look at, the same in all processes."""
        seconds, signal, _ = self._agree()
        return Progress(self.rows, self.step, seconds, self.examples, self.epoch, signal)

    def ask_soon(self) -> None:
        """Let processes ask each other at this step whether to stop; to be called in all."""
        self._ask_at = self.step

    def _agree(self) -> Agreed:
        own = Agreed(self.seconds, self.received.name, self._wish)
        if self.processes.count == 1:
            return own
        # Clocks, signals and callbacks differ between processes; all must stop at the same step.
        if self.step >= self._ask_at:
            self._ask(own)
        return self._agreed

    def _ask(self, own: Agreed) -> None:
        stop = float(bool(own.signal or own.wish))
        seconds, stop = self.processes.largest((own.seconds, stop), self.device)
        said = self.processes.gathered(own) if stop else [own]
        steps = (self.step - self._asked) * ASK_EVERY / max(seconds - self._agreed.seconds, 1e-9)
        self._agreed = Agreed(
            seconds,
            next((each.signal for each in said if each.signal), ""),
            next((each.wish for each in said if each.wish), ""),
        )
        self._asked, self._ask_at = self.step, self.step + int(min(max(steps, 1), MOST_STEPS))

    def state_dict(self) -> dict[str, Any]:
        """Return the numbers of the run, in plain containers and tensors."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "batch": self.batch,
            "examples": self.examples,
            "seconds": self.seconds,
            "steps_per_epoch": self.steps_per_epoch,
            "sums": self.sums.state_dict(),
            "rows": [{**row._asdict(), "metrics": dict(row.metrics)} for row in self.rows],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the state stood."""
        for name in ("step", "epoch", "batch", "examples"):
            setattr(self, name, state[name])
        self.clock.seconds = state["seconds"]
        self.sums.load_state_dict(state["sums"])
        self.rows[:] = [Row(**row) for row in state["rows"]]
