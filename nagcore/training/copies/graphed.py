"""The step of all copies as one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import torch

WARM_UP = 3
"""Steps that are taken one kernel at a time before the capture, as CUDA asks for."""


class Graphed:
    """Takes steps by replaying one graph; the first few are taken as they are.

    Args:
        step: works on the same tensors every time.
    """

    def __init__(self, step: Callable[[], None]) -> None:
        self.step = step
        self._warm = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._stream = torch.cuda.Stream()

    def __call__(self) -> None:
        """Take one step."""
        if self._warm < WARM_UP:
            self._warm += 1
            self._beside()
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records the kernels, and runs none
                self.step()
        self._graph.replay()

    def _beside(self) -> None:
        """Take a step on a stream of its own, as a capture will."""
        stream = self._stream
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self.step()
        torch.cuda.current_stream().wait_stream(stream)
