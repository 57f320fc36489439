"""The whole step as one CUDA graph, captured once and replayed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nagcore.errors import UsageError
from nagcore.training.rates import RateSetter
from nagcore.training.source import Batch
from nagcore.training.training_step import Taken, TrainingStep

WARM_UP = 3
"""Steps that are taken one kernel at a time before the capture, as CUDA asks for."""


class GraphedStep:
    """Takes the steps of a `TrainingStep` by replaying one graph.

    The first steps, and batches of another shape (the last of an epoch), run as they are. The
    step size of every group becomes a tensor, which is set before each replay.

    Args:
        step: takes one step, and sets no rate itself.
        rate: sets the step size, None where nobody does.

    Raises:
        UsageError: not on a CUDA device, an optimizer that is not capturable, or a rate that
            depends on the gradient.
    """

    def __init__(self, step: TrainingStep, rate: RateSetter | None) -> None:
        require_capturable(step.optimizer, step.device, rate)
        if step.processes.count > 1:
            raise UsageError(
                f"graph=True in {step.processes.count} processes cannot be used: what they say to "
                "each other is not captured; leave graph out, or train in one process"
            )
        self.step, self.rate = step, rate
        for group in step.optimizer.param_groups:  # pyright: ignore[reportAttributeAccessIssue]
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=step.device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Tensor | None = None
        self._targets: Tensor | None = None
        self._taken: Taken | None = None
        self._warm = 0

    def __call__(self, batch: Batch, number: int) -> Taken:
        """Take the step of this number, from 0."""
        if self.rate is not None:
            self.rate.before_step(number, None)
        if self._inputs is None:
            self._inputs, self._targets = batch.inputs.clone(), batch.targets.clone()
        fits = batch.inputs.shape == self._inputs.shape and batch.weight == 1.0
        if not fits:
            return self.step(batch, number)
        if self._warm < WARM_UP:
            self._warm += 1
            return self._beside(batch, number)
        self._inputs.copy_(batch.inputs)
        assert self._targets is not None
        self._targets.copy_(batch.targets)
        if self._graph is None:
            self._capture(batch.count, number)
        assert self._graph is not None
        assert self._taken is not None
        self._graph.replay()
        return self._taken

    def _beside(self, batch: Batch, number: int) -> Taken:
        """Take a step on a stream of its own, as a capture will."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            taken = self.step(batch, number)
        torch.cuda.current_stream().wait_stream(stream)
        return taken

    def _capture(self, count: int, number: int) -> None:
        """Record the kernels of a step; recording does not take it."""
        assert self._inputs is not None
        assert self._targets is not None
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._taken = self.step(Batch(self._inputs, self._targets, count), number)
        self._graph = graph


def require_capturable(optimizer: Any, device: torch.device, rate: RateSetter | None) -> None:
    """Raise UsageError unless the steps of `optimizer` can be captured in a graph."""
    if device.type != "cuda":
        raise UsageError(
            f"graph=True with the model on {device} cannot be used: graphs are CUDA's; "
            "move the model to 'cuda', or leave graph out"
        )
    if not all(group.get("capturable") for group in getattr(optimizer, "param_groups", ({},))):
        raise UsageError(
            f"graph=True with {type(optimizer).__name__}, whose steps cannot be captured; "
            "expected an optimizer made with capturable=True, such as NAG(…, capturable=True)"
        )
    if rate is not None and rate.needs_gradient_range:
        raise UsageError(
            "graph=True with a rate that depends on the gradient cannot be used: the rate is set "
            "before the graph is replayed; leave out the graph or the limiter"
        )
