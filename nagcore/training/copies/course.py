"""The course of a training of copies: steps, rows, and what is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch.func import vmap

from nagcore.training.copies.history import CopiesHistory
from nagcore.training.copies.judging import Judge
from nagcore.training.copies.keeping import Keep
from nagcore.training.copies.order import Order
from nagcore.training.copies.rows import Rows
from nagcore.training.copies.step import CopiesStep


class Course:
    """Takes steps of all copies and writes down where they stand.

    Args:
        step: takes one step.
        order: of the examples.
        rows: what was measured so far.
        judge: measures on evaluation data, None where there are none.
        keep: keeps the state.
        progress: told at every row.
    """

    def __init__(
        self,
        step: CopiesStep,
        order: Order,
        rows: Rows,
        judge: Judge | None,
        keep: Keep,
        progress: Callable[[int, int], object] | None,
    ) -> None:
        self.step, self.order, self.rows, self.judge = step, order, rows, judge
        self.keep, self.progress = keep, progress
        self.done, self._ready, self._since = 0, 0, 0
        self._before, self._started = 0.0, time.perf_counter()

    def train(self, steps: int, every: int, take: Callable[[], None]) -> CopiesHistory:
        """Take steps until all are done, or no copy has anything left to do."""
        state = self.keep.read()
        if state is not None:
            self.load_state_dict(state)
        while self.done < steps and not (self.rows.steps and self.rows.is_over):
            self._make_ready()
            take()
            self.done += 1
            self._ready -= 1
            self._since += 1
            if self.done % every == 0 or self.done == steps:
                self._report(steps)
            if self.keep.is_due:
                self.keep.write(self.state_dict())
        self.keep.remove()
        layout = self.step.network.layout
        parameters = vmap(layout.parts)(self.step.iterate)
        return replace(self.rows.history(), parameters=parameters)

    def _make_ready(self) -> None:
        """Put the indices of the steps to come on the device, if those there are used up."""
        if self._ready:
            return
        indices = self.order.chunk(self.done, len(self.step.chunk))
        if self.step.chunk.is_cuda:
            indices = indices.pin_memory()  # so that the GPU goes on while they are copied
        self.step.chunk[: len(indices)].copy_(indices, non_blocking=True)
        self.step.place.zero_()
        self._ready = len(indices)

    def _report(self, steps: int) -> None:
        mean = (self.step.total / self._since).cpu().numpy()
        values = {"train_loss": mean}
        if self.judge is not None:
            values |= self.judge(self.step.iterate)
        self.step.total.zero_()
        self._since = 0
        finite = self.step.finite.cpu().numpy()
        self.rows.add(self.done, self._seconds(), values, finite)
        if self.progress is not None:
            self.progress(self.done, steps)

    def _seconds(self) -> float:
        return self._before + time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Return all that decides what comes next."""
        return {
            "done": self.done,
            "since": self._since,
            "seconds": self._seconds(),
            "rows": self.rows.state_dict(),
            "tensors": [tensor.cpu() for tensor in self.step.tensors()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that was kept."""
        self.done, self._since, self._before = (state[n] for n in ("done", "since", "seconds"))
        self.rows.load_state_dict(state["rows"])
        for own, kept in zip(self.step.tensors(), state["tensors"], strict=True):
            own.copy_(kept)
